import { copyFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openData } from '../../src/harness/dataset.js';
import { runTraining } from '../../src/harness/observer/train.js';
import { appliedView } from '../../src/harness/setting.js';
import { resolveSpec, resolveTraining } from '../../src/harness/spec.js';
import { generateHome } from '../../src/home/home.js';
import { hashTrace } from '../../src/trace/hash-trace.js';
import { formatLabels } from '../../src/trace/labels/label-file.js';
import { loadTrace } from '../../src/trace/load.js';
import { filterPackets } from '../../src/trace/trace.js';
import { deviceLabels } from '../../src/trace/write/device-macs.js';
import { writePcap } from '../../src/trace/write/write-pcap.js';
import { temporaryFolder } from '../support/run-cli.js';

const folder = temporaryFolder();
const labels = join(folder, 'labels.csv');
const [morning, evening, copy] = ['train/morning.pcap', 'test/evening.pcap', 'test/copy.pcap'].map((name) =>
  join(folder, name),
) as [string, string, string];

beforeAll(() => {
  mkdirSync(join(folder, 'train'));
  mkdirSync(join(folder, 'test'));
  const [first, second] = [1, 2].map((seed) => generateHome({ hours: 0.3, seed }));
  writePcap(first!, morning);
  writePcap(second!, evening);
  copyFileSync(morning, copy);
  writeFileSync(labels, formatLabels(deviceLabels(first!)));
});

const open = async (request: Parameters<typeof resolveSpec>[0]) => {
  const spec = resolveSpec({ labels, minimumPackets: 20, defenses: ['none'], ...request });
  return openData(spec, appliedView(spec));
};

describe('the hash of a dataset', () => {
  test('depends neither on the order of its files nor on their names', async () => {
    const one = (await open({ data: [morning, evening] })).summary.sha256;
    expect((await open({ data: [evening, morning] })).summary.sha256).toBe(one);
    const other = join(folder, 'a.pcap');
    renameSync(evening, other);
    const renamed = (await open({ data: [morning, other] })).summary.sha256;
    renameSync(other, evening);
    expect(renamed).toBe(one);
    expect((await open({ data: [morning] })).summary.sha256).not.toBe(one);
  });

  test('depends on devices, packets and flows, not on the order of packets of one time nor on that of devices', () => {
    const trace = generateHome({ hours: 0.1, seed: 3 });
    const time = trace.time.map((value) => Math.floor(value));
    const same = { ...trace, time };
    const order = Uint32Array.from(time, (_, i) => i).sort((a, b) => time[a]! - time[b]! || b - a);
    const pick = <T extends { map(f: (x: number, i: number) => number): T }>(column: T, source: ArrayLike<number>) =>
      column.map((_, i) => source[order[i]!]!);
    const last = trace.devices.length - 1;
    const shuffled = {
      ...same,
      length: pick(trace.length, trace.length),
      direction: pick(trace.direction, trace.direction),
      protocols: pick(trace.protocols, trace.protocols),
      port: pick(trace.port, trace.port),
      flow: pick(trace.flow, trace.flow),
      device: pick(trace.device, trace.device).map((device) => last - device),
      devices: [...trace.devices].reverse(),
    };
    expect([...shuffled.length]).not.toEqual([...same.length]);
    const hash = hashTrace(same);
    expect(hashTrace(shuffled)).toBe(hash);
    expect(hashTrace({ ...same, length: same.length.map((length, i) => (i === 7 ? length + 1 : length)) })).not.toBe(
      hash,
    );
    expect(hashTrace({ ...same, device: same.device.map((device, i) => (i === 7 ? 1 - device : device)) })).not.toBe(
      hash,
    );
    const devices = same.devices.map((device, i) => (i === same.device[0] ? { ...device, name: 'other' } : device));
    expect(hashTrace({ ...same, devices })).not.toBe(hash);
    expect(hashTrace(filterPackets(same, (row) => row !== 7))).not.toBe(hash);
  });
});

describe('captures with the same packets', () => {
  test('in training and test are told as a leak', async () => {
    const { warnings } = await open({ train: [morning], test: [evening, copy] });
    expect(warnings).toContain(`${copy}, ${morning} hold the same packets, which count 2 times`);
    expect(warnings).toContain(
      `${morning} trains and ${copy} tests, but they hold the same packets: results are better than the attack is; leave one out`,
    );
    expect((await open({ train: [morning], test: [evening] })).warnings.join()).not.toContain('the same packets');
  });

  test('are told where they are labelled, too', async () => {
    const { identical } = await loadTrace([folder], labels);
    expect(identical).toEqual([[copy, morning]]);
  });
});

test('packets in the gap after the training part count as seen, and are in neither part', async () => {
  const request = { data: [morning], trainShare: 0.3 };
  const [without, { parts, summary }] = [await open(request), await open({ ...request, gap: 0.05 })];
  const sum = (of: 'packets' | 'train' | 'test') => summary.devices.reduce((n, device) => n + device[of], 0);
  expect(sum('packets')).toBe(summary.packets);
  expect(sum('train')).toBe(parts.train.packets);
  expect(parts.train.packets).toBe(without.parts.train.packets);
  expect(parts.test.time[0]! - parts.train.time.at(-1)!).toBeGreaterThanOrEqual(180);
  const end = without.parts.test.time.findIndex((time) => time >= parts.train.time.at(-1)! + 180);
  expect(parts.test.packets).toBe(without.parts.test.packets - end);
  await expect(open({ ...request, gap: 1 })).rejects.toThrow(/^split by time: expected packets 1 h 00 min after/);
});

test('a model of --train and --test says what it was trained on, and what it was tested on apart', async () => {
  const of = async (tested: string) => {
    const spec = resolveTraining({
      train: [morning],
      test: [tested],
      labels,
      minimumPackets: 20,
      attack: 'random-forest:trees=2',
    });
    return (await runTraining(spec, { threads: 1 })).card.data;
  };
  const data = await of(evening);
  expect(data).toMatchObject({ name: 'morning.pcap', test: { name: 'evening.pcap' } });
  expect(data.sha256).not.toBe(data.test!.sha256);
  const same = await of(copy);
  expect(same).toMatchObject({ name: 'morning.pcap', test: { name: 'copy.pcap' } });
  expect([same.sha256, same.test!.sha256]).toEqual([data.sha256, data.sha256]);
});
