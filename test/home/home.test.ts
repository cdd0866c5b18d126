import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { generateHome } from '../../src/home/home.js';
import { DAY_RHYTHM } from '../../src/home/household.js';
import type { Session } from '../../src/home/profile.js';
import { PROFILES } from '../../src/home/profiles/index.js';
import { SERVICES } from '../../src/home/services.js';
import { UsageError } from '../../src/shared/errors.js';
import { formatLabels, type Label } from '../../src/trace/labels/label-file.js';
import { loadTrace } from '../../src/trace/load.js';
import { scopeOf } from '../../src/trace/scope.js';
import { Direction, filterPackets, Protocol, type Trace } from '../../src/trace/trace.js';
import { deviceMac } from '../../src/trace/write/device-macs.js';
import { writePcap } from '../../src/trace/write/write-pcap.js';
import { needs, noProgram } from '../support/needs.js';
import { complaintsOfTcpdump, complaintsOfTshark } from '../support/programs.js';

const folder = mkdtempSync(join(tmpdir(), 'homeveil-home-'));
afterAll(() => rmSync(folder, { recursive: true }));

const home = generateHome({ hours: 2, seed: 7 });

const ofDevice = (trace: Trace, name: string) => {
  const device = trace.devices.findIndex((candidate) => candidate.name === name);
  return filterPackets(trace, (i) => trace.device[i] === device);
};

/** A packet without the numbers of device and flow, which depend on the rest of the trace. */
const facts = ({ packets, time, length, direction, protocols, port, flow, flows }: Trace) =>
  Array.from({ length: packets }, (_, i) => {
    const f = flow[i]!;
    const remote = flows.addresses[flows.remoteAddress[f]!];
    return `${time[i]} ${length[i]} ${direction[i]} ${protocols[i]} ${port[i]} ${flows.localPort[f]} ${remote}`;
  });

test('the ten IoT devices and four others of the paper, each with packets in both directions', () => {
  expect(home.devices.filter((device) => device.category === 'iot')).toHaveLength(10);
  expect(home.devices.filter((device) => device.category === 'non-iot')).toHaveLength(4);
  for (const { name } of home.devices) {
    const { direction, packets } = ofDevice(home, name);
    const outbound = direction.reduce((sum, d) => sum + d, 0);
    expect({ name, outbound: outbound > 50, inbound: packets - outbound > 50 }).toEqual({
      name,
      outbound: true,
      inbound: true,
    });
  }
});

test('frames have Ethernet lengths, times lie in the span, and flows lead from the home to the Internet', () => {
  const { packets, length, time, flows, flow } = home;
  const start = Date.UTC(2026, 0, 5, 16) / 1000;
  for (let i = 0; i < packets; i++) {
    if (length[i]! < 60 || length[i]! > 1514) throw new Error(`packet ${i}: ${length[i]} bytes`);
    if (time[i]! < start || time[i]! >= start + 2 * 3600) throw new Error(`packet ${i}: ${time[i]}`);
  }
  const used = new Set(flow);
  expect(used.size).toBe(flows.count);
  for (let f = 0; f < flows.count; f++) {
    expect(scopeOf(flows.addresses[flows.localAddress[f]!]!)).toBe('home');
    expect(scopeOf(flows.addresses[flows.remoteAddress[f]!]!)).toBe(flows.wan[f] === 1 ? 'outside' : 'group');
  }
});

test('about as many packets as an hour of a home has', () => {
  const day = generateHome({ hours: 24, seed: 1 });
  expect(day.packets / 24).toBeGreaterThan(20_000);
  expect(day.packets / 24).toBeLessThan(150_000);
});

test('same options, same packets; another seed, others', () => {
  expect(generateHome({ hours: 0.5, seed: 7 })).toEqual(generateHome({ hours: 0.5, seed: 7 }));
  expect(facts(generateHome({ hours: 0.5, seed: 8 }))).not.toEqual(facts(generateHome({ hours: 0.5, seed: 7 })));
});

test('a longer run begins with the packets of a shorter one', () => {
  const short = generateHome({ hours: 0.75, seed: 7 });
  expect(facts(home).slice(0, short.packets)).toEqual(facts(short));
});

test('a device sends the same whichever others there are', () => {
  for (const name of ['TP-Link plug', 'Phone 2', 'Echo Dot']) {
    expect(facts(generateHome({ hours: 2, seed: 7, devices: [name] }))).toEqual(facts(ofDevice(home, name)));
  }
});

test.each(
  PROFILES.flatMap((profile) => {
    const session = profile.traffic.find((behaviour): behaviour is Session => behaviour.kind === 'session');
    return profile.category === 'iot' && session ? [{ name: profile.name, session }] : [];
  }),
)('$name keeps its heartbeat', ({ name, session }) => {
  const { every, jitter, exchange } = session.heartbeat;
  // At night nobody does anything: what is left are heartbeats.
  const night = generateHome({ hours: 5, seed: 3, start: Date.UTC(2026, 0, 5, 1) / 1000, devices: [name] });
  const { port, host } = SERVICES[session.service];
  const [first] = exchange;
  expect(first).toHaveProperty('up');
  const largest = Math.max(...[(first as { up: number | readonly number[] }).up].flat()) + 14 + 20 + 32 + 29;
  const headers = SERVICES[session.service].via === 'udp' ? 0 : Protocol.TCP;
  const beats: number[] = [];
  for (let i = 0; i < night.packets; i++) {
    const isBeat = night.port[i] === port && night.direction[i] === Direction.OUTBOUND && night.length[i]! <= largest;
    // Acknowledgements carry nothing, handshakes come at once: a beat is alone in its half period.
    if (!isBeat || (night.protocols[i]! & headers) !== headers) continue;
    if (beats.length === 0 || night.time[i]! - beats.at(-1)! > every / 2) beats.push(night.time[i]!);
  }
  const gaps = beats
    .slice(1)
    .map((time, i) => time - beats[i]!)
    .sort((a, b) => a - b);
  const median = gaps[gaps.length >> 1]!;
  expect(beats.length, host).toBeGreaterThan((5 * 3600 * 0.9) / every);
  expect(Math.abs(median - every)).toBeLessThan(0.3 * jitter + 0.02 * every);
});

test('people are awake in the evening and asleep at night', () => {
  const at = (hour: number) => {
    const start = Date.UTC(2026, 0, 6, hour) / 1000;
    return [1, 2, 3].reduce((sum, seed) => sum + generateHome({ hours: 2, seed, start }).packets, 0);
  };
  expect(DAY_RHYTHM).toHaveLength(24);
  expect(at(19)).toBeGreaterThan(3 * at(2));
});

test('neither address nor port nor size gives a device away: services are shared', () => {
  const devicesOfPort = new Map<number, Set<number>>();
  const devicesOfNetwork = new Map<string, Set<number>>();
  for (let i = 0; i < home.packets; i++) {
    const remote = home.flows.addresses[home.flows.remoteAddress[home.flow[i]!]!]!;
    const network = remote.split('.').slice(0, 2).join('.');
    devicesOfPort.set(home.port[i]!, (devicesOfPort.get(home.port[i]!) ?? new Set()).add(home.device[i]!));
    devicesOfNetwork.set(network, (devicesOfNetwork.get(network) ?? new Set()).add(home.device[i]!));
  }
  expect(devicesOfPort.get(443)!.size).toBeGreaterThan(8);
  expect([...devicesOfNetwork.values()].filter((set) => set.size > 1).length).toBeGreaterThan(5);
});

describe('as a capture', () => {
  const trace = generateHome({ hours: 0.5, seed: 7 });
  const pcap = join(folder, 'home.pcap');
  const csv = join(folder, 'home.csv');
  const labels = trace.devices.map(
    ({ name, category }, device): Label => ({ address: deviceMac(device), kind: 'mac', device: name, category }),
  );
  writePcap(trace, pcap);
  writeFileSync(csv, formatLabels(labels));

  test('reader and labels turn it back into the same trace', async () => {
    const { trace: back, report } = await loadTrace([pcap], csv);
    expect(report.dropped).toEqual({});
    for (const column of ['time', 'length', 'direction', 'protocols', 'port', 'device'] as const) {
      expect([column, Buffer.from(back[column].buffer).equals(Buffer.from(trace[column].buffer))]).toEqual([
        column,
        true,
      ]);
    }
    expect(facts(back)).toEqual(facts(trace));
    expect(back.devices).toEqual(trace.devices);
  });

  test('same seed, same bytes; another seed, others', () => {
    const write = (seed: number) => {
      const path = join(folder, `${seed}.pcap`);
      writePcap(generateHome({ hours: 0.5, seed }), path);
      return readFileSync(path);
    };
    const file = readFileSync(pcap);
    expect(write(7).equals(file)).toBe(true);
    expect(write(8).equals(file)).toBe(false);
  });

  needs(noProgram('tshark')).test('tshark reads it without complaint', () => {
    expect(complaintsOfTshark(pcap)).toBe('');
  });

  needs(noProgram('tcpdump')).test('tcpdump reads it without complaint', () => {
    expect(complaintsOfTcpdump(pcap)).toBe('');
  });
});

test.each([
  [{ hours: 0, seed: 1 }, 'hours: expected a number above 0'],
  [{ hours: Number.NaN, seed: 1 }, 'hours: expected a number above 0'],
  [{ hours: 1, seed: 1, start: -1 }, 'start: expected seconds since 1970'],
  [{ hours: 1, seed: 1, devices: ['Echo Dog'] }, 'unknown device "Echo Dog" (did you mean "Echo Dot"?)'],
])('%j is refused', (options, message) => {
  expect(() => generateHome(options)).toThrow(UsageError);
  expect(() => generateHome(options)).toThrow(message);
});
