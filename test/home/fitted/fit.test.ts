import { expect, test } from 'vitest';
import { fitDevices } from '../../../src/home/fitted/fit.js';
import { generateFittedHome } from '../../../src/home/fitted/home.js';
import { formatProfiles, parseProfiles, profilesOf } from '../../../src/home/fitted/profile.js';
import { generateHome } from '../../../src/home/home.js';
import { InputError, UsageError } from '../../../src/shared/errors.js';
import { createRng } from '../../../src/shared/rng.js';
import { createTraceBuilder, Direction, filterPackets, Protocol, type Trace } from '../../../src/trace/trace.js';

const START = Date.UTC(2026, 2, 2) / 1000;
const TLS = Protocol.IP | Protocol.TCP | Protocol.TLS;

/** A device with a heartbeat (120 bytes out, 90 back after 30 to 50 ms) every `every` seconds, off by `jitter`. */
function heartbeats(hours: number, every: number, jitter: number, seed = 1): Trace {
  const rng = createRng(seed, 'heartbeats');
  const trace = createTraceBuilder([{ name: 'plug', category: 'iot' }]);
  const flow = addFlow(trace, 8883, 40_000);
  for (let due = START; due < START + hours * 3600; due += every) {
    const time = due + rng.normal(0, jitter);
    const packet = { protocols: TLS, port: 8883, flow, device: 0 };
    trace.push({ ...packet, time, length: 120, direction: Direction.OUTBOUND });
    trace.push({ ...packet, time: time + 0.03 + 0.02 * rng.uniform(), length: 90, direction: Direction.INBOUND });
  }
  return trace.build();
}

function addFlow(trace: ReturnType<typeof createTraceBuilder>, remotePort: number, localPort: number, transport = 6) {
  return trace.flow({
    transport,
    localPort,
    remotePort,
    localAddress: '192.168.1.7',
    remoteAddress: '93.184.216.34',
    wan: true,
    header: 14,
  });
}

/** Times of the packets of this length, in seconds from the first packet. */
function timesOf(trace: Trace, length: number): number[] {
  return [...trace.time].filter((_, i) => trace.length[i] === length);
}

function differences(times: readonly number[]): number[] {
  return times.slice(1).map((time, i) => time - times[i]!);
}

function quantile(values: readonly number[], level: number): number {
  return [...values].sort((a, b) => a - b)[Math.round(level * (values.length - 1))]!;
}

function facts({ packets, time, length, direction, protocols, port, device, devices, flow, flows }: Trace): string[] {
  return Array.from({ length: packets }, (_, i) => {
    const f = flow[i]!;
    const ends = `${flows.localPort[f]} ${flows.remotePort[f]} ${flows.wan[f]} ${flows.transport[f]}`;
    return `${devices[device[i]!]!.name} ${time[i]} ${length[i]} ${direction[i]} ${protocols[i]} ${port[i]} ${ends}`;
  });
}

const home = generateHome({ hours: 2, seed: 3, devices: ['Echo Dot', 'Tablet'] });
const fittedHome = fitDevices(home).devices;

test('a heartbeat keeps its period, its jitter, its sizes and its answer time', () => {
  const real = heartbeats(30, 60, 0.5);
  const { devices } = fitDevices(real);
  const made = generateFittedHome({ devices }, { hours: 30, seed: 5 });
  const beats = differences(timesOf(made, 120));
  // 1800 beats; the mean of a period kept by a clock, or by the last beat, is off by less than five standard errors (0.7 / 42).
  expect(Math.abs(beats.reduce((sum, x) => sum + x, 0) / beats.length - 60)).toBeLessThan(0.1);
  // Beats off by 0.5 each are 0.71 apart from a period: quartiles at -0.48 and +0.48.
  expect(quantile(beats, 0.75) - quantile(beats, 0.25)).toBeGreaterThan(0.7);
  expect(quantile(beats, 0.75) - quantile(beats, 0.25)).toBeLessThan(1.3);
  expect(new Set(made.length)).toEqual(new Set([120, 90]));
  const answers: number[] = [];
  for (let i = 1; i < made.packets; i++) {
    if (made.length[i] === 90) {
      expect([made.length[i - 1], made.direction[i - 1], made.direction[i]]).toEqual([120, 1, 0]);
      answers.push(made.time[i]! - made.time[i - 1]!);
    }
  }
  expect(Math.min(...answers)).toBeGreaterThanOrEqual(0.0299);
  expect(Math.max(...answers)).toBeLessThanOrEqual(0.0501);
  expect(quantile(answers, 0.5)).toBeCloseTo(0.04, 2);
});

test('two clocks stay two: each device timer keeps its own period', () => {
  const rng = createRng(2, 'two clocks');
  const trace = createTraceBuilder([{ name: 'hub', category: 'iot' }]);
  const [a, b] = [addFlow(trace, 8883, 40_000), addFlow(trace, 123, 123, 17)];
  for (let t = 0; t < 40 * 3600; t += 47) {
    const time = START + t + rng.normal(0, 0.01);
    trace.push({ time, length: 100, direction: 1, protocols: TLS, port: 8883, flow: a, device: 0 });
  }
  for (let t = 11; t < 40 * 3600; t += 64) {
    const time = START + t + rng.normal(0, 0.01);
    trace.push({
      time,
      length: 90,
      direction: 1,
      protocols: Protocol.IP | Protocol.UDP,
      port: 123,
      flow: b,
      device: 0,
    });
  }
  const { devices } = fitDevices(trace.build());
  expect(devices[0]!.channels).toHaveLength(2);
  const made = generateFittedHome({ devices }, { hours: 20, seed: 1 });
  for (const [length, every] of [
    [100, 47],
    [90, 64],
  ] as const) {
    const periods = differences(timesOf(made, length));
    expect(quantile(periods, 0.05)).toBeGreaterThan(every - 0.1);
    expect(quantile(periods, 0.95)).toBeLessThan(every + 0.1);
  }
});

test('two timers of one connection that send the same keep their periods, though their phase drifts', () => {
  const rng = createRng(7, 'turns');
  const trace = createTraceBuilder([{ name: 'hub', category: 'iot' }]);
  const flow = addFlow(trace, 9999, 40_000);
  const packet = { length: 99, direction: Direction.OUTBOUND, protocols: TLS, port: 9999, flow, device: 0 };
  // 20 s behind the other at first, 80 s after 600 periods; each off by 10 ms.
  for (let i = 0; i < 600; i++) {
    for (const due of [240 * i, 20 + 240.1 * i]) trace.push({ ...packet, time: START + due + rng.normal(0, 0.01) });
  }
  const { devices } = fitDevices(trace.build());
  expect(devices[0]!.channels[0]!.packets.map(({ clock }) => clock?.back)).toContain(2);
  const times = [...generateFittedHome({ devices }, { hours: 40, seed: 2 }).time];
  const apart = times.slice(2).map((time, i) => time - times[i]!);
  expect(quantile(apart, 0.1)).toBeGreaterThan(239.95);
  expect(quantile(apart, 0.9)).toBeLessThan(240.15);
});

test('a period of minutes is kept to a millisecond', () => {
  const beats = differences(
    timesOf(generateFittedHome(fitDevices(heartbeats(80, 299.923, 0.0005)), { hours: 40, seed: 1 }), 120),
  );
  expect(Math.abs(quantile(beats, 0.5) - 299.923)).toBeLessThan(0.001);
});

test('a look-up and the connection after it go together', () => {
  const rng = createRng(4, 'look-up');
  const trace = createTraceBuilder([{ name: 'camera', category: 'iot' }]);
  for (let t = START; t < START + 20 * 3600; t += rng.exponential(300)) {
    const [dns, tls] = [addFlow(trace, 53, 50_000 + trace.packets, 17), addFlow(trace, 443, 30_000 + trace.packets)];
    const udp = Protocol.IP | Protocol.UDP | Protocol.DNS;
    trace.push({ time: t, length: 80, direction: 1, protocols: udp, port: 53, flow: dns, device: 0 });
    trace.push({ time: t + 0.02, length: 140, direction: 0, protocols: udp, port: 53, flow: dns, device: 0 });
    trace.push({ time: t + 0.03, length: 583, direction: 1, protocols: TLS, port: 443, flow: tls, device: 0 });
  }
  const { devices } = fitDevices(trace.build());
  expect(devices[0]!.channels).toHaveLength(1);
  const made = generateFittedHome({ devices }, { hours: 20, seed: 1 });
  const after = timesOf(made, 583).map((time) => time - Math.max(...timesOf(made, 140).filter((t) => t <= time)));
  expect(after.length).toBeGreaterThan(100);
  expect(quantile(after, 0.95)).toBeCloseTo(0.01, 4);
  // Waits are exponential, as they were: half of them below 300 ln 2, within five standard errors (300 / sqrt(240)).
  expect(Math.abs(quantile(differences(timesOf(made, 80)), 0.5) - 300 * Math.LN2)).toBeLessThan(100);
  // A flow for each.
  expect(new Set([...made.flow].filter((_, i) => made.length[i] === 583)).size).toBe(timesOf(made, 583).length);
});

test('a daily rhythm comes back', () => {
  const rng = createRng(6, 'rhythm');
  const trace = createTraceBuilder([{ name: 'lamp', category: 'iot' }]);
  const flow = addFlow(trace, 443, 40_000);
  for (let t = START; t < START + 6 * 86_400; t += rng.exponential(600)) {
    const hour = Math.floor(t / 3600) % 24;
    if (hour >= 8 && hour < 20) {
      trace.push({ time: t, length: 200, direction: 1, protocols: TLS, port: 443, flow, device: 0 });
    }
  }
  const { devices } = fitDevices(trace.build());
  expect(devices[0]!.channels[0]!.rhythm).not.toBeNull();
  const made = generateFittedHome({ devices }, { hours: 24 * 6, seed: 1, start: START });
  const byDay = [...made.time].filter((t) => Math.floor(t / 3600) % 24 >= 8 && Math.floor(t / 3600) % 24 < 20).length;
  expect(byDay / made.packets).toBeGreaterThan(0.85);
  // 12 hours a day at one in ten minutes: 432 in six days.
  expect(made.packets).toBeGreaterThan(300);
  expect(made.packets).toBeLessThan(600);
});

test('packets come as often as they did, those of the built-in home too', () => {
  const made = generateFittedHome({ devices: fittedHome }, { hours: 20, seed: 1 });
  for (const [d, { name }] of home.devices.entries()) {
    const rate = (trace: Trace, hours: number) => [...trace.device].filter((device) => device === d).length / hours;
    expect({ name, near: Math.abs(Math.log(rate(made, 20) / rate(home, 2))) < Math.log(1.8) }).toEqual({
      name,
      near: true,
    });
  }
  // Only lengths that came too rarely to be kept one by one are invented.
  const kinds = ({ packets, port, protocols, direction }: Trace) =>
    new Set(Array.from({ length: packets }, (_, i) => `${port[i]} ${protocols[i]} ${direction[i]}`));
  const known = kinds(home);
  expect([...kinds(made)].filter((kind) => !known.has(kind))).toEqual([]);
});

test('pauses between files are no time, and a device that joins late is fitted from then on', () => {
  const first = heartbeats(2, 60, 0.1);
  const build = (gap: number) => {
    const trace = createTraceBuilder(
      [
        { name: 'plug', category: 'iot' },
        { name: 'late', category: 'iot' },
      ],
      ['a.pcap', 'b.pcap'],
    );
    const flow = addFlow(trace, 8883, 40_000);
    const late = addFlow(trace, 1883, 40_001);
    for (const file of [0, 1]) {
      for (let i = 0; i < first.packets; i++) {
        const time = first.time[i]! + file * gap;
        const row = { time, length: first.length[i]!, direction: first.direction[i]!, protocols: TLS };
        trace.push({ ...row, port: 8883, flow, device: 0, file });
        if (file === 1) trace.push({ ...row, port: 1883, flow: late, device: 1, file });
      }
    }
    return fitDevices(trace.build());
  };
  const { devices, capturedSeconds } = build(50 * 3600);
  expect(capturedSeconds / 3600).toBeCloseTo(4, 1);
  for (const { channels } of devices) expect(channels[0]!.packetsPerHour).toBeCloseTo(120, -1);
});

test('the same seed makes the same packets, another other ones, and a longer run begins with those of a shorter one', () => {
  const make = (hours: number, seed: number) => generateFittedHome({ devices: fittedHome }, { hours, seed });
  const short = facts(make(1, 1));
  expect(facts(make(1, 1))).toEqual(short);
  expect(facts(make(1, 2))).not.toEqual(short);
  expect(facts(make(3, 1)).slice(0, short.length)).toEqual(short);
});

test('a device has the same packets whichever others there are', () => {
  const [all, alone] = [undefined, ['Tablet']].map((devices) =>
    generateFittedHome({ devices: fittedHome }, { hours: 1, seed: 4, devices }),
  );
  const tablet = all!.devices.findIndex(({ name }) => name === 'Tablet');
  expect(facts(filterPackets(all!, (row) => all!.device[row] === tablet))).toEqual(facts(alone!));
});

test('packets lie in the span, with lengths and ports that fit their flows', () => {
  const trace = generateFittedHome({ devices: fittedHome }, { hours: 1, seed: 8, start: START });
  expect(trace.packets).toBeGreaterThan(500);
  for (let i = 0; i < trace.packets; i++) {
    const inSpan = trace.time[i]! >= START && trace.time[i]! < START + 3600;
    const samePort = trace.port[i] === trace.flows.remotePort[trace.flow[i]!];
    if (!inSpan || !samePort || trace.length[i]! < 60 || trace.length[i]! > 1514) throw new Error(`packet ${i}`);
  }
  const used = new Set(trace.flow);
  expect(used.size).toBe(trace.flows.count);
});

test('profiles written and read are the same, and make the same packets', () => {
  const profiles = profilesOf({
    tool: { name: 'homeveil', version: '1.2.3', commit: null },
    data: { name: 'x', sha256: 'y', packets: 5, fromSeconds: 1, toSeconds: 2, capturedSeconds: 1 },
    devices: fittedHome,
  });
  const text = formatProfiles(profiles);
  const read = parseProfiles(text, 'p.json');
  expect(read).toEqual(profiles);
  expect(facts(generateFittedHome(read, { hours: 0.5, seed: 1 }))).toEqual(
    facts(generateFittedHome(profiles, { hours: 0.5, seed: 1 })),
  );
  // No address of the traffic is in them.
  for (const address of home.flows.addresses.filter((a) => a !== '')) expect(text).not.toContain(address);
});

test('a damaged or foreign profile is refused with its place', () => {
  const good = JSON.parse(
    formatProfiles(
      profilesOf({
        tool: { name: 'homeveil', version: '1.2.3', commit: null },
        data: { name: 'x', sha256: 'y', packets: 5, fromSeconds: 1, toSeconds: 2, capturedSeconds: 1 },
        devices: fitDevices(heartbeats(1, 60, 0.1)).devices,
      }),
    ),
  );
  const channel = 'devices.0.channels.0';
  const cases: [(data: typeof good) => void, string][] = [
    [(data) => delete data.kind, 'p.json: expected profiles that homeveil home fit wrote'],
    [(data) => (data.schemaVersion = 99), 'p.json: expected profiles of version 2, found 99: made by a newer'],
    [(data) => (data.schemaVersion = 1), 'p.json: expected profiles of version 2, found 1: made by an older'],
    [(data) => (data.devices = []), 'p.json: devices: '],
    [(data) => data.devices.push(data.devices[0]), 'p.json: devices.1.name: "plug" is there twice'],
    [
      (data) => (data.devices[0].channels[0].kinds[0].service = 9),
      `${channel}.kinds.0.service: expected one of 1 services, found 9`,
    ],
    [(data) => (data.devices[0].channels[0].packets[0].kind = 99), `${channel}.packets.0.kind: expected one of`],
    [
      (data) =>
        (data.devices[0].channels[0].packets[0].gapSeconds = [
          [0, 1],
          [0.5, 2],
        ]),
      `${channel}.packets.0.gapSeconds: expected levels from 0 to 1`,
    ],
    [
      (data) =>
        (data.devices[0].channels[0].packets[0].gapSeconds = [
          [0, 3],
          [1, 2],
        ]),
      `${channel}.packets.0.gapSeconds: expected levels and values in`,
    ],
    [
      (data) => (data.devices[0].channels[0].packets[0].clock = { kind: 9, back: 1, seconds: [[0, 1]] }),
      `${channel}.packets.0.clock.kind: expected one of`,
    ],
    [
      (data) =>
        (data.devices[0].channels[0].packets[0].levels = { classes: 2, contexts: [{ after: [], next: [[2, 1]] }] }),
      `${channel}.packets.0.levels.contexts.0.next: expected one of 2 classes, found 2`,
    ],
    [
      (data) =>
        (data.devices[0].channels[0].packets[0].levels = { classes: 2, contexts: [{ after: [1], next: [[0, 1]] }] }),
      `${channel}.packets.0.levels.contexts: expected one after nothing`,
    ],
    [
      (data) => (data.devices[0].channels[0].contexts = [{ after: [0], next: [[0, 1]] }]),
      `${channel}.contexts: expected one after`,
    ],
    [
      (data) => (data.devices[0].channels[0].contexts[0].next = [[77, 1]]),
      `${channel}.contexts.0.next: expected one of`,
    ],
    [(data) => (data.surprise = 1), 'p.json: '],
  ];
  expect(parseProfiles(JSON.stringify(good), 'p.json')).toEqual(good);
  for (const [damage, message] of cases) {
    const data = structuredClone(good);
    damage(data);
    const read = () => parseProfiles(JSON.stringify(data), 'p.json');
    expect(read).toThrow(InputError);
    expect(read).toThrow(message);
  }
  expect(() => parseProfiles('{"kind":', 'p.json')).toThrow('p.json: expected profiles as JSON');
});

test('hours and devices out of range are refused', () => {
  const profiles = { devices: fittedHome };
  expect(() => generateFittedHome(profiles, { hours: 0, seed: 1 })).toThrow(UsageError);
  expect(() => generateFittedHome(profiles, { hours: 1, seed: 1, devices: ['Tabled'] })).toThrow(
    /did you mean "Tablet"/,
  );
});

test('a profile whose time stands still is refused, not run for ever', () => {
  const { devices } = fitDevices(heartbeats(1, 60, 0.1));
  const packets = devices[0]!.channels[0]!.packets.map(({ kind, count }) => ({
    kind,
    count,
    gapSeconds: [[0, 0] as [number, number]],
  }));
  const still = { ...devices[0]!, channels: [{ ...devices[0]!.channels[0]!, packets }] };
  expect(() => generateFittedHome({ devices: [still] }, { hours: 1, seed: 1 })).toThrow(InputError);
});

test('one packet is enough for a profile, and none gives none', () => {
  const trace = createTraceBuilder([
    { name: 'rare', category: 'iot' },
    { name: 'silent', category: 'iot' },
  ]);
  const flow = addFlow(trace, 443, 40_000);
  trace.push({ time: START, length: 60, direction: 1, protocols: TLS, port: 443, flow, device: 0 });
  const { devices, silent } = fitDevices(trace.build());
  expect(silent).toEqual(['silent']);
  expect(devices.map(({ name, packets }) => [name, packets])).toEqual([['rare', 1]]);
  expect(generateFittedHome({ devices }, { hours: 0.01, seed: 1 }).packets).toBeGreaterThan(0);
});
