import { describe, expect, test } from 'vitest';
import jitter from '../../defenses/jitter.js';
import pad from '../../defenses/pad.js';
import { checkDefense } from '../../src/conformance/check-defense.js';
import { makeTraffic } from '../../src/conformance/traffic.js';
import { type Trial, trialChecks } from '../../src/conformance/trial.js';
import type { DefendedTrace } from '../../src/shaping/account.js';
import { shape } from '../../src/shaping/simulate.js';
import { resolveParameters } from '../../src/shared/parameters.js';
import { createRng } from '../../src/shared/rng.js';
import { brokenDefenses } from '../support/broken-defenses.js';

test('every check has a defense that breaks it, or a run that was tampered with', async () => {
  const { checks } = await checkDefense(pad, { sets: 0 });
  const broken = new Set([...brokenDefenses.map(([, check]) => check), ...tampered.map(([check]) => check)]);
  expect([...broken].sort()).toEqual(checks.map(({ name }) => name).sort());
});

test.each(brokenDefenses)('%s is found by %s', async (_, check, message, defense) => {
  const report = await checkDefense(defense, { sets: check === 'sound-for-any-parameters' ? 100 : 0 });
  const found = report.checks.find(({ name }) => name === check)!;
  expect(found).toMatchObject({ outcome: 'failed', passed: false, message: expect.stringMatching(message) });
  expect(found.message).not.toContain('\n');
  expect(report.passed).toBe(false);
});

test('a failure says with what parameters, traffic and seed it was found', async () => {
  const [, , , defense] = brokenDefenses.find(([what]) => what === 'parameters that break it')!;
  const report = await checkDefense(defense, { parameters: [{ twice: true }], sets: 20 });
  const details = Object.fromEntries(report.checks.map(({ name, detail }) => [name, detail]));
  expect(details['runs-to-its-end']).toMatchObject({
    parameters: 'broken:twice=true',
    traffic: 'traffic of a home',
    seed: 1,
  });
  expect(details['sound-for-any-parameters']).toMatchObject({
    parameters: 'broken:twice=true',
    counts: { accepted: 4, refused: 0 },
  });
});

test('the report is the same every time, and another for another seed', async () => {
  const run = (seed: number) => checkDefense(jitter, { sets: 20, seed });
  expect(await run(1)).toEqual(await run(1));
  const [, , , marked] = brokenDefenses.find(([what]) => what === 'cover with a port that is not of its flow')!;
  const message = async (seed: number) =>
    (await checkDefense(marked, { sets: 0, seed })).checks.find(({ passed }) => !passed)!.message;
  const messages = await Promise.all([1, 2, 3, 4].map(message));
  expect(new Set(messages).size).toBeGreaterThan(1);
});

test('a defense is never called again once its parameters were refused', async () => {
  const report = await checkDefense({ ...pad, neutral: { size: 1 } }, { sets: 0 });
  const failed = report.checks.filter(({ passed }) => !passed);
  expect(failed.map(({ name }) => name)).toEqual(['declares-itself', 'runs-to-its-end']);
  expect(failed[0]!.message).toMatch(/^defense pad: size: too small/);
});

/** Runs that no defense can make: what the link itself must not do. */
const tampered: [check: string, message: RegExp, tamper: (trial: Tampered) => void][] = [
  ['leaves-its-input-alone', /was changed: length of packet 3/, ({ after }) => add(after.length, 3, 1)],
  ['same-for-the-same-seed', /differ: length of packet 3/, ({ again }) => add(again.trace.length, 3, 1)],
  ['forward-in-time', /frame 0 left before packet 0/, ({ defended }) => add(defended.trace.time, 0, -1)],
  ['forward-in-time', /left at NaN/, ({ defended }) => add(defended.trace.time, 0, Number.NaN)],
  ['forward-in-time', /frame 4 left before the one before/, ({ defended }) => add(defended.trace.time, 3, 1e4)],
  ['conserves-bytes', /bytes of packet 3 were sent/, ({ defended }) => add(defended.account.bytes, 3, 1)],
  ['conserves-bytes', /called lost/, ({ defended }) => add(defended.account.bytes, 3, -1)],
  ['conserves-bytes', /carries 0 bytes/, ({ defended }) => add(defended.account.bytes, 3, -lengthOf(3))],
  [
    'conserves-bytes',
    /0 packets were lost, and 1 called so/,
    ({ defended }) => Object.assign(defended, { dropped: 1 }),
  ],
  ['knows-its-cover', /frame 3 is wrong/, ({ defended }) => add(defended.trace.cover, 3, 1)],
  ['costs-what-it-sends', /longest delay/, ({ defended }) => add(defended.original.cover, slowest(defended), 1)],
  [
    'costs-what-it-sends',
    /bandwidth overhead/,
    ({ defended }) => {
      Object.assign(defended.trace, { packets: 1499 });
    },
  ],
];

type Tampered = Trial & { defended: DefendedTrace };

const add = (column: { [row: number]: number }, row: number, more: number) => {
  column[row] = column[row]! + more;
};
const traffic = makeTraffic(createRng(1), 1500);
const lengthOf = (packet: number) => traffic.length[packet]!;

/** The packet with the longest delay. */
function slowest({ delivered, original }: DefendedTrace): number {
  const delays = [...delivered].map((time, i) => time - original.time[i]!);
  return delays.indexOf(Math.max(...delays));
}

describe('what the link itself could do wrong is found', () => {
  test.each(tampered)('by %s: %s', (name, message, tamper) => {
    const run = (trace: typeof traffic) =>
      shape(trace, jitter, resolveParameters(jitter.parameters, {}, 'defense jitter'), { rng: createRng(1) });
    const trial: Tampered = {
      before: structuredClone(traffic),
      after: structuredClone(traffic),
      defended: run(structuredClone(traffic)),
      again: run(structuredClone(traffic)),
      claims: { separableCover: false, exceedsMtu: false, isTunnel: false },
    };
    const { check } = trialChecks.find((one) => one.name === name)!;
    check(trial);
    tamper(trial);
    expect(() => check(trial)).toThrow(message);
  });
});
