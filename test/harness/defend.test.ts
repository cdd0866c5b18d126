import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type DefendRequest, defend } from '../../src/harness/defend.js';
import { generateHome } from '../../src/home/home.js';
import { InputError, UsageError } from '../../src/shared/errors.js';
import { formatLabels } from '../../src/trace/labels/label-file.js';
import { loadTrace } from '../../src/trace/load.js';
import { Protocol } from '../../src/trace/trace.js';
import { readArrow } from '../../src/trace/write/arrow.js';
import { deviceLabels, GATEWAY_MAC, PROVIDER_MAC } from '../../src/trace/write/device-macs.js';
import { writePcap } from '../../src/trace/write/write-pcap.js';

const folder = mkdtempSync(join(tmpdir(), 'homeveil-defend-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string) => join(folder, name);

const [home, labels, earlier] = [file('home.pcap'), file('labels.csv'), file('earlier.pcap')];
const trace = generateHome({ hours: 0.05, seed: 8 });
/** The devices' addresses as they might be, not those that captures written here have of themselves. */
const macs = trace.devices.map((_, i) => `24:6f:28:00:10:${(16 + i).toString(16)}`);
writePcap(trace, home, { macs });
writePcap(generateHome({ hours: 0.05, seed: 9 }), earlier, { macs });
writeFileSync(labels, formatLabels(deviceLabels(trace, macs)));
mkdirSync(file('captures'));
linkSync(home, file('captures/a.pcap'));
linkSync(earlier, file('captures/b.pcap'));
mkdirSync(file('some.pcap'));
symlinkSync(home, file('link.pcap'));

const run = (defense: string, out: string, rest: Partial<DefendRequest> = {}) =>
  defend({ captures: [home], out: file(out), defense, labels, ...rest });

const load = async (path: string, by: string | null = labels) => (await loadTrace([path], by)).trace;
const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);

/** Packets by name of device. */
async function count(path: string, by: string | null) {
  const { device, devices } = await load(path, by);
  const counts: Record<string, number> = {};
  for (const one of device) counts[devices[one]!.name] = (counts[devices[one]!.name] ?? 0) + 1;
  return counts;
}

describe('what is written', () => {
  test('fits the labels of what was read, and costs what the two captures say', async () => {
    const { cost, output, data, notes } = await run('pad:rule=mtu', 'padded.pcap');
    expect(await count(file('padded.pcap'), labels)).toEqual(await count(home, labels));
    const [before, after] = [await load(home), await load(file('padded.pcap'))];
    expect(Math.min(...after.length)).toBe(1500);
    expect(after.time).toEqual(before.time);
    expect([data.bytes, output.bytes]).toEqual([sum(before.length), sum(after.length)]);
    expect(cost.bandwidthOverhead).toBeCloseTo(sum(after.length) / sum(before.length) - 1, 12);
    expect(cost).toMatchObject({ packetOverhead: 0, addedDelay: { p50: 0, max: 0 }, dropped: 0, durationRatio: 1 });
    expect(output).toMatchObject({ labels: null, cover: 0, fileBytes: readFileSync(file('padded.pcap')).length });
    expect(notes).toEqual([]);
  });

  test('without labels each host is a device, and new labels say which', async () => {
    await run('jitter', 'hosts.pcap', { labels: undefined, writeLabels: file('hosts.csv') });
    const counts = await count(file('hosts.pcap'), file('hosts.csv'));
    expect(counts).toEqual(await count(home, null));
    expect(macs).toEqual(expect.arrayContaining(Object.keys(counts)));
  });

  test('leaves out what the labels do not name, and says so', async () => {
    writeFileSync(file('one.csv'), `mac,device\n${macs[0]},${trace.devices[0]!.name}\n`);
    const { output, notes, data } = await run('none', 'one.pcap', { labels: file('one.csv') });
    const own = trace.device.filter((device) => device === 0).length;
    expect([output.packets, data.ingest.read]).toEqual([own, trace.packets]);
    expect(notes).toEqual([`${trace.packets - own} packets of no labelled device are left out`]);
  });

  test('is the same for the same seed, and other bytes in the same frames for another', async () => {
    const [one, same, other] = await Promise.all(
      [1, 1, 2].map(async (seed, i) => {
        await run('none', `run${i}.pcap`, { seed });
        return readFileSync(file(`run${i}.pcap`));
      }),
    );
    expect(one!.equals(same!)).toBe(true);
    expect(one!.equals(other!)).toBe(false);
    const [a, b] = [await load(file('run0.pcap')), await load(file('run2.pcap'))];
    for (const column of ['time', 'length', 'protocols', 'device'] as const) expect(b[column]).toEqual(a[column]);
  });

  test('differs from seed to seed where the defense does', async () => {
    const lengths = [];
    for (const seed of [1, 2]) {
      await run('pad:rule=random', 'random.pcap', { seed });
      lengths.push((await load(file('random.pcap'))).length);
    }
    expect(lengths[0]).not.toEqual(lengths[1]);
  });

  test('of a tunnel is seen outside the gateway, where there is one address', async () => {
    const { view, notes, cost } = await run('vpn', 'tunnel.pcap');
    expect(view.name).toBe('napt');
    expect(notes).toEqual(['vpn is a tunnel from the gateway: written as seen outside it, in the view napt']);
    expect(cost.bandwidthOverhead).toBeGreaterThan(0);
    const ends = new Set<string>();
    const capture = readFileSync(file('tunnel.pcap'));
    for (let at = 24; at < capture.length; at += 16 + capture.readUInt32LE(at + 8)) {
      ends.add(capture.toString('hex', at + 16, at + 16 + 12));
    }
    const [gateway, provider] = [GATEWAY_MAC, PROVIDER_MAC].map((mac) => mac.replaceAll(':', ''));
    expect([...ends].sort()).toEqual([provider! + gateway!, gateway! + provider!].sort());
  });

  test('of a slow link comes late', async () => {
    const { cost, capacity } = await run('none', 'slow.pcap', { capacity: 0.5 });
    expect([capacity, cost.bandwidthOverhead]).toEqual([500_000, 0]);
    // A frame of 1514 bytes takes 24 ms.
    expect(cost.addedDelay.max).toBeGreaterThan(0.024);
  });

  test('can be a table', async () => {
    const { output } = await run('split', 'table.arrow');
    expect(readArrow(file('table.arrow')).packets).toBe(output.packets);
    expect(output.packets).toBeGreaterThan(trace.packets);
  });

  test('of a folder is one capture', async () => {
    const { output } = await run('none', 'both.pcap', { captures: [file('captures')] });
    expect(output.packets).toBe((await load(home)).packets + (await load(earlier)).packets);
  });
});

test('a defense that learns is given the captures named for that', async () => {
  await run('morph:device=Tablet', 'morphed.pcap', { learn: [earlier] });
  const lengthsOf = async (path: string, name: string) => {
    const { devices, device, protocols, length } = await load(path);
    const isOwn = (i: number) => devices[device[i]!]!.name === name && (protocols[i]! & Protocol.IP) !== 0;
    return new Set(length.filter((_, i) => isOwn(i)));
  };
  const learned = await lengthsOf(earlier, 'Tablet');
  const shown = await lengthsOf(file('morphed.pcap'), 'Echo Dot');
  expect(shown.size).toBeGreaterThan(1);
  expect([...shown].filter((length) => !learned.has(length))).toEqual([]);
});

describe('before anything is written', () => {
  test.each<[string, RegExp, Partial<DefendRequest>]>([
    ['a file that is read stays', /home\.pcap: is read, and would be written over/, { out: home }],
    ['a file that is read stays under its other names', /link\.pcap: is read/, { out: file('link.pcap') }],
    [
      'a file in a folder that is read stays',
      /a\.pcap: is read/,
      { captures: [file('captures')], out: file('captures/a.pcap') },
    ],
    ['labels that are read stay', /labels\.csv: is read/, { writeLabels: labels }],
    [
      'captures that are learned from stay',
      /earlier\.pcap: is read/,
      { defense: 'morph', learn: [earlier], out: earlier },
    ],
    ['labels need a name of their own', /expected another name for the labels/, { writeLabels: file('refused.pcap') }],
    [
      'labels fit no view with one address',
      /--write-labels: the view napt shows one address/,
      { view: 'napt', writeLabels: file('l.csv') },
    ],
    [
      'another kind of file is refused',
      /^OUT: expected a name ending in \.pcap or \.arrow, found "x\.pcap\.gz"$/,
      { out: 'x.pcap.gz' },
    ],
    [
      'a folder is refused',
      /some\.pcap: expected the name of a file to write, found a folder/,
      { out: file('some.pcap') },
    ],
    ['a tunnel in the home is refused', /a tunnel starts at the gateway/, { defense: 'vpn', view: 'lan' }],
    ['a seed that is none is refused', /--seed: expected a whole number/, { seed: 1.5 }],
    ['a link of no capacity is refused', /--capacity: expected a number greater than 0/, { capacity: 0 }],
    ['learning for no use is refused', /--learn: defense none learns from no traffic/, { learn: [earlier] }],
    ['learning from nothing is refused', /expected training traffic to learn from, found none/, { defense: 'morph' }],
    [
      'learning from what is defended is refused',
      /expected other captures to learn from/,
      { defense: 'morph', learn: [home] },
    ],
  ])('%s', async (_, message, request) => {
    const before = readdirSync(folder);
    const refused = defend({ captures: [home], out: file('refused.pcap'), defense: 'none', labels, ...request });
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toBeInstanceOf(UsageError);
    expect(readdirSync(folder)).toEqual(before);
  });

  test('captures that are not there, or hold nothing of the devices, are told', async () => {
    const capture = generateHome({ hours: 0.05, seed: 8, devices: ['Tablet'] });
    writePcap(capture, file('other.pcap'), { macs: ['24:6f:28:00:10:aa'] });
    const refused = (rest: Partial<DefendRequest>) => expect(run('morph', 'refused.pcap', rest)).rejects;
    await refused({ captures: [file('absent.pcap')] }).toThrow(InputError);
    await refused({ learn: [file('other.pcap')] }).toThrow(
      '--learn: expected packets of the devices to defend, found none',
    );
    expect(existsSync(file('refused.pcap'))).toBe(false);
  });
});
