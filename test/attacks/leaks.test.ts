import { expect, test } from 'vitest';
import { scoreModel } from '../../src/harness/observer/evaluate.js';
import { predictTrace } from '../../src/harness/observer/predict.js';
import { attacks, builtIns, resolveAttack } from '../../src/harness/plugins/registry.js';
import { createSeedRun, UNDEFENDED } from '../../src/harness/seed-run.js';
import { appliedView } from '../../src/harness/setting.js';
import { resolveSpec } from '../../src/harness/spec.js';
import { generateHome } from '../../src/home/home.js';
import { splitByTime } from '../../src/learning/split.js';
import { formatRequest } from '../../src/shared/parameters.js';
import { createRng } from '../../src/shared/rng.js';
import type { Trace } from '../../src/trace/trace.js';
import { SMALL_ATTACKS } from '../support/small-attacks.js';

/** Things that an attack must not learn from: it would name devices by what no other home, day or capture shares. */

const plain = generateHome({ hours: 0.5, seed: 1 });
/** With columns that only captures have. */
const home: Trace = {
  ...plain,
  seen: {
    payloadLength: plain.length.map((length) => Math.max(0, length - 54)),
    payloadEntropy: Float32Array.from(plain.length, (length) => (length > 54 ? 7 : 0)),
    tcpWindow: Uint16Array.from(plain.port, (port) => port % 7),
    ipOptions: new Uint8Array(plain.packets),
  },
};
const spec = resolveSpec({ attacks: ['random-forest'], defenses: ['none'], maximumTrainPackets: 6000 });
const view = appliedView(spec);

const cases = attacks.map(({ name }) => resolveAttack(formatRequest(name, SMALL_ATTACKS[name] ?? {})));

/** Trains on the first part of a home, as a run would, and scores and asks on the rest. */
async function attackOn(attack: (typeof cases)[number], trace: Trace) {
  const classes = trace.devices.map(({ name }) => name);
  const parts = { ...splitByTime(trace, 0.6), classes, devices: [], warnings: [] };
  const seedRun = createSeedRun(spec, view, parts, 1, builtIns);
  const model = await seedRun.fit(attack, UNDEFENDED, { threads: 1 });
  const { trace: test } = (await seedRun.defend(UNDEFENDED, 'test')).defended;
  const { identification } = await scoreModel(model, test, classes, 1);
  const { predicted, confidence } = await predictTrace(model, test);
  return { identification, answers: [[...predicted], [...confidence]] };
}

test.each(cases)('$name learns neither date nor local addresses nor the order of files', async (attack) => {
  const { answers } = await attackOn(attack, home);
  const { flows } = home;
  const local = new Set(flows.localAddress);
  const elsewhere = {
    ...home,
    time: home.time.map((time) => time + 365 * 86_400),
    file: home.file.map((_, row) => row % 3),
    files: ['c.pcap', 'a.pcap', 'b.pcap'],
    flows: {
      ...flows,
      addresses: flows.addresses.map((address, i) => (local.has(i) ? `10.9.${i >> 8}.${i & 0xff}` : address)),
    },
  };
  const again = await attackOn(attack, elsewhere);
  const same = again.answers[0]!.filter((c, row) => c === answers[0]![row]).length / answers[0]!.length;
  // A shift of a year costs times some of their last digits.
  expect(same).toBeGreaterThan(0.995);
});

test.each(cases)('$name learns nothing from labels that say nothing', async (attack) => {
  const rng = createRng(1, 'labels');
  const two = { ...home, devices: home.devices.slice(0, 2) };
  const shuffled = { ...two, device: home.device.map(() => (rng.uniform() < 0.6 ? 0 : 1)) };
  const { identification } = await attackOn(attack, shuffled);
  const { accuracy, majority } = identification;
  expect(accuracy).toBeLessThan(majority + 0.03);
});

test.each(cases)('$name tells a device under two names at one half', async (attack) => {
  const rng = createRng(2, 'names');
  const names = new Map<number, number>();
  const one = home.device[0]!;
  const twin = home.devices.length;
  const device = home.device.map((own, row) => {
    if (own !== one) return own;
    const minute = Math.floor(home.time[row]! / 60);
    if (!names.has(minute)) names.set(minute, rng.uniform() < 0.5 ? own : twin);
    return names.get(minute)!;
  });
  const devices = [...home.devices, { name: 'twin', category: 'iot' as const }];
  const { identification } = await attackOn(attack, { ...home, devices, device });
  const { confusion, classes } = identification;
  const [a, b] = [classes.indexOf(home.devices[one]!.name), classes.indexOf('twin')];
  const among = confusion[a]![a]! + confusion[a]![b]! + confusion[b]![a]! + confusion[b]![b]!;
  const right = (confusion[a]![a]! + confusion[b]![b]!) / Math.max(1, among);
  const larger =
    Math.max(confusion[a]![a]! + confusion[a]![b]!, confusion[b]![a]! + confusion[b]![b]!) / Math.max(1, among);
  expect(right).toBeLessThan(larger + 0.1);
});
