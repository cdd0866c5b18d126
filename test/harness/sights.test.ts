import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { openCache } from '../../src/harness/cache.js';
import { createLoader, openData } from '../../src/harness/dataset.js';
import { addPlugins } from '../../src/harness/plugins/registry.js';
import { runBench } from '../../src/harness/run.js';
import { appliedView } from '../../src/harness/setting.js';
import { type BenchRequest, resolveSpec } from '../../src/harness/spec.js';
import { generateHome } from '../../src/home/home.js';
import { defineAttack } from '../../src/learning/attack.js';
import type { Sight, Windows } from '../../src/learning/windows.js';
import { formatLabels } from '../../src/trace/labels/label-file.js';
import { loadTrace } from '../../src/trace/load.js';
import { deviceLabels } from '../../src/trace/write/device-macs.js';
import { writePcap } from '../../src/trace/write/write-pcap.js';
import { temporaryFolder } from '../support/run-cli.js';

const folder = temporaryFolder();
const [capture, cut, labels] = ['home.pcap', 'headers.pcap', 'labels.csv'].map((name) => join(folder, name)) as [
  string,
  string,
  string,
];

/** A pcap file of IPv4 in Ethernet with what TCP and UDP carry cut off. */
function headersOnly(pcap: Buffer): Buffer {
  const parts = [pcap.subarray(0, 24)];
  for (let at = 24; at < pcap.length; at += 16 + pcap.readUInt32LE(at + 8)) {
    const frame = pcap.subarray(at + 16, at + 16 + pcap.readUInt32LE(at + 8));
    const header = Buffer.from(pcap.subarray(at, at + 16));
    const captured = Math.min(frame.length, frame[23] === 6 ? 34 + (frame[46]! >> 4) * 4 : 42);
    header.writeUInt32LE(captured, 8);
    parts.push(header, frame.subarray(0, captured));
  }
  return Buffer.concat(parts);
}

/** Windows that attacks were given to learn from, by the name of the attack. */
const given: Record<string, Windows> = {};
let fits = 0;

/** Answers the first class, and keeps what it is shown. */
const watcher = (name: string, sees: readonly Sight[]) =>
  defineAttack({
    name,
    summary: 'Keeps what it is shown.',
    source: 'test',
    parameters: z.object({}),
    sees,
    async fit(train) {
      fits++;
      given[name] = train;
      const classes = train.classes.length;
      const predict = async ({ packets }: Windows) =>
        Float32Array.from({ length: packets.rows * classes }, (_, i) => Number(i % classes === 0));
      return { predict };
    },
  });

const plugins = addPlugins({
  attacks: [
    watcher('entropy', ['payloadEntropy']),
    watcher('lengths', ['payloadLength', 'names']),
    watcher('plain', []),
    watcher('whom', ['remote', 'names']),
  ],
});

const resolve = (request: BenchRequest) =>
  resolveSpec({ minimumPackets: 20, defenses: ['none'], adversaries: ['adaptive'], ...request }, plugins);
const ofCapture = { data: [capture], labels };
const run = (request: BenchRequest, cache?: ReturnType<typeof openCache>) =>
  runBench(resolve(request), { threads: 1, plugins, cache });

beforeAll(() => {
  const home = generateHome({ hours: 0.1, seed: 1 });
  writePcap(home, capture);
  writeFileSync(labels, formatLabels(deviceLabels(home)));
  writeFileSync(cut, headersOnly(readFileSync(capture)));
});

describe('an attack', () => {
  test('is shown the columns that it asks for, and no others', async () => {
    await run({ ...ofCapture, attacks: ['entropy', 'lengths', 'plain'], view: 'lan' });
    const [entropy, lengths, plain] = ['entropy', 'lengths', 'plain'].map((name) => given[name]!);
    expect([entropy, lengths, plain].map((windows) => Object.keys(windows!.seen ?? {}))).toEqual([
      ['payloadEntropy'],
      ['payloadLength'],
      [],
    ]);
    const { trace } = await loadTrace([capture], labels, { columns: ['payloadLength'] });
    const found = [...new Set(lengths!.seen!.payloadLength!)];
    expect(found.length).toBeGreaterThan(10);
    expect(found.every((length) => trace.seen!.payloadLength!.includes(length))).toBe(true);
  });

  test.each([
    [{ ...ofCapture, attacks: ['entropy'], view: 'vpn' }, 'which the view vpn does not show'],
    [{ ...ofCapture, attacks: ['entropy'], defenses: ['vpn'] }, 'which the defense vpn hides'],
    [{ data: [cut], labels, attacks: ['entropy'] }, 'which the captures do not have'],
    [{ hours: 0.1, attacks: ['entropy'] }, 'which the synthetic home does not have'],
  ])('is not run where something is missing, and a line says what (%#)', async (request, why) => {
    await expect(run(request)).rejects.toThrow(`attack entropy: needs payload entropy, ${why}`);
  });

  test('runs without names where there are none, and the observer "paper" reads none', async () => {
    await run({ hours: 0.1, attacks: ['whom'] });
    expect(new Set(given.whom!.remote!.names)).toEqual(new Set(['']));
    await run({ ...ofCapture, attacks: ['lengths'], observer: 'paper' });
    expect(given.lengths!.remote).toBeUndefined();
  });
});

describe('what other attacks see', () => {
  test('changes neither the hash of the data nor what is kept of an attack', async () => {
    const hashOf = async (attacks: string[]) => {
      const spec = resolve({ ...ofCapture, attacks });
      return (await openData(spec, appliedView(spec, plugins), createLoader([spec], { plugins }))).summary.sha256;
    };
    expect(await hashOf(['entropy', 'lengths'])).toBe(await hashOf(['plain']));
    const cache = openCache(join(folder, 'cache'));
    await run({ ...ofCapture, attacks: ['plain'] }, cache);
    await run({ ...ofCapture, attacks: ['entropy'] }, cache);
    const before = fits;
    const { cells } = await run({ ...ofCapture, attacks: ['plain', 'entropy'] }, cache);
    expect([cells.length, fits - before]).toEqual([2, 0]);
  });

  test('is read once for all specs with the same data, and each has its own', async () => {
    const specs = [
      resolve({ ...ofCapture, attacks: ['entropy'] }),
      resolve({ ...ofCapture, attacks: ['lengths'], view: 'vpn' }),
    ];
    let readings = 0;
    const onProgress = ({ done, total }: { done: number; total?: number }) => {
      if (done === total) readings++;
    };
    const load = createLoader(specs, { onProgress, plugins });
    const [first, second] = [await load(specs[0]!), await load(specs[1]!)];
    expect(readings).toBe(1);
    expect([first, second].map(({ trace }) => Object.keys(trace.seen ?? {}))).toEqual([
      ['payloadEntropy'],
      ['payloadLength'],
    ]);
    expect([first, second].map(({ trace }) => trace.flows.names)).toEqual([undefined, ['']]);
  });
});
