import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import noise from '../../defenses/noise.js';
import { createTraceBuilder, NO_DEVICE, Protocol, type Trace } from '../../src/trace/trace.js';
import { writePcap } from '../../src/trace/write/write-pcap.js';
import { coverRows, runDefense } from '../support/run-defense.js';
import { allowed, distance } from '../support/statistics.js';
import { makeTrace } from '../support/traces.js';

const TCP = Protocol.IP | Protocol.TCP;
const UDP = Protocol.IP | Protocol.UDP;
const HOUR = 3600;

/** A home that sends a packet a minute. */
const home = (hours: number, from = 0): Trace =>
  makeTrace(Array.from({ length: hours * 60 + 1 }, (_, i) => ({ time: from + 60 * i, length: 100 })));

interface Frame {
  time: number;
  length: number;
  out: boolean;
  protocols: number;
}

/** The cover of each flow, in the order in which the flows begin. */
function flowsOf({ trace }: { trace: Trace }): { transport: number; port: number; frames: Frame[] }[] {
  const flows = new Map<number, Frame[]>();
  for (const row of coverRows(trace)) {
    const frames = flows.get(trace.flow[row]!) ?? [];
    flows.set(trace.flow[row]!, frames);
    frames.push({
      time: trace.time[row]!,
      length: trace.length[row]!,
      out: trace.direction[row] === 1,
      protocols: trace.protocols[row]!,
    });
  }
  return [...flows].map(([flow, frames]) => ({
    transport: trace.flows.transport[flow]!,
    port: trace.flows.remotePort[flow]!,
    frames,
  }));
}

const bytesOf = (trace: Trace) => coverRows(trace).reduce((sum, row) => sum + trace.length[row]!, 0);

/** Frames of 14 + 20 + 20 + 12 bytes without data; a SYN has 8 more bytes of options. */
const EMPTY = 66;
const SYN = 74;

describe('what it sends', () => {
  let defended: Awaited<ReturnType<typeof runDefense>>;
  let flows: ReturnType<typeof flowsOf>;
  beforeAll(async () => {
    defended = await runDefense(noise, { objects: 6 }, home(1));
    flows = flowsOf(defended);
  });

  test('belongs to no device, and goes to ports 443 and 53 in flows of its own', () => {
    const { trace } = defended;
    const opened = defended.original.flows.count;
    const misplaced = coverRows(trace).filter((row) => {
      const flow = trace.flow[row]!;
      return trace.device[row] !== NO_DEVICE || flow < opened || trace.port[row] !== trace.flows.remotePort[flow];
    });
    expect(misplaced).toEqual([]);
    expect(new Set(flows.map(({ transport, port }) => `${transport} ${port}`))).toEqual(new Set(['17 53', '6 443']));
    expect(flows.length).toBeGreaterThan(1000);
  });

  test('asks for a name twice, for both kinds of address, and gets two longer answers', () => {
    for (const { frames } of flows.filter(({ transport, frames }) => transport === 17 && frames.length === 4)) {
      const [a, b, c, d] = frames as [Frame, Frame, Frame, Frame];
      expect([a, b, c, d].map(({ out }) => out)).toEqual([true, true, false, false]);
      expect(a.length).toBe(b.length);
      expect(Math.min(c.length, d.length)).toBeGreaterThan(a.length);
      for (const { protocols } of frames) expect(protocols).toBe(UDP | Protocol.DNS);
    }
  });

  test('connects when a look-up has been answered', () => {
    const answered = new Set(
      flows.filter(({ transport }) => transport === 17).map(({ frames }) => frames.at(-1)!.time.toFixed(3)),
    );
    const connections = flows.filter(({ transport }) => transport === 6);
    expect(connections.length).toBeGreaterThan(500);
    for (const { frames } of connections) {
      // The client takes half a millisecond.
      expect(answered.has((frames[0]!.time - 0.0005).toFixed(3))).toBe(true);
    }
  });

  test('begins each connection with the handshakes of TCP and TLS, and closes it', () => {
    const whole = flows.filter(({ transport, frames }) => transport === 6 && frames.at(-1)!.time < HOUR - 60);
    for (const { frames } of whole) {
      const shown = frames.map(({ length, out, protocols }) => [length, out, protocols]);
      expect(shown.slice(0, 4)).toEqual([
        [SYN, true, TCP],
        [SYN, false, TCP],
        [EMPTY, true, TCP],
        [EMPTY + 517, true, TCP | Protocol.TLS],
      ]);
      expect(shown.slice(-4)).toEqual([
        [EMPTY + 24, true, TCP | Protocol.TLS],
        [EMPTY, true, TCP],
        [EMPTY, false, TCP],
        [EMPTY, true, TCP],
      ]);
      // Server's hello and certificates, before the client's last word of the handshake.
      const finished = frames.findIndex(({ length, out }) => out && length === EMPTY + 80);
      const hello = frames.slice(4, finished).filter(({ out }) => !out);
      const bytes = hello.reduce((sum, { length }) => sum + length - EMPTY, 0);
      expect(bytes).toBeGreaterThanOrEqual(2600);
      expect(bytes).toBeLessThanOrEqual(5200);
    }
  });

  test('takes a round trip for each window and acknowledges what it receives', () => {
    for (const { frames } of flows.filter(({ transport, frames }) => transport === 6 && frames.length > 60)) {
      const trip = frames[1]!.time - frames[0]!.time;
      const data = frames.filter(({ out, length }) => !out && length > EMPTY);
      const acknowledgements = frames.filter(({ out, length }) => out && length === EMPTY).length;
      expect(acknowledgements / data.length).toBeGreaterThan(0.3);
      expect(acknowledgements / data.length).toBeLessThan(1.2);
      // Not more than 80 segments in the fastest of round trips, which takes no longer than the handshake's, less its queueing.
      const fast = data.slice(80).filter(({ time }, i) => time - data[i]!.time < trip * 0.3);
      expect(fast).toEqual([]);
    }
  });
});

test('pauses 3 to 6 s between pages, uniformly', async () => {
  const defended = await runDefense(noise, { objects: 0 }, home(4));
  const flows = flowsOf(defended);
  // One look-up and one connection for each page. It is loaded half a millisecond before its connection says goodbye.
  const pauses: number[] = [];
  for (let i = 1; i + 1 < flows.length; i += 2) {
    const loaded = flows[i]!.frames.find(({ out, length }) => out && length === EMPTY + 24)!.time - 0.0005;
    pauses.push(flows[i + 1]!.frames[0]!.time - loaded);
  }
  expect(pauses.length).toBeGreaterThan(2000);
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(3 - 1e-6);
  expect(distance(pauses, (x) => Math.min(1, Math.max(0, (x - 3) / 3)))).toBeLessThan(allowed(pauses.length));
});

describe('how much it sends', () => {
  const perDay = async (given: Record<string, unknown>, hours = 4) =>
    (bytesOf((await runDefense(noise, given, home(hours))).trace) / 1e6) * (24 / hours);

  test('as documented at the defaults, and without objects', async () => {
    expect(Math.abs((await perDay({})) - 2100)).toBeLessThan(200);
    expect(Math.abs((await perDay({ objects: 0 })) - 750)).toBeLessThan(50);
  });

  test('each user as much again', async () => {
    expect((await perDay({ objects: 0, users: 3 })) / (await perDay({ objects: 0 }))).toBeCloseTo(3, 0);
  });

  test('never more than the budget, but for an hour ahead and the pages that are being loaded', async () => {
    const { trace } = await runDefense(noise, { users: 2, objects: 30, budget: 500 }, home(4));
    let sent = 0;
    let ahead = 0;
    for (const row of coverRows(trace)) {
      sent += trace.length[row]!;
      ahead = Math.max(ahead, sent / 1e6 - (trace.time[row]! / 86_400) * 500);
    }
    expect(ahead).toBeLessThan(500 / 24 + 30);
    expect(sent / 1e6).toBeGreaterThan((4 / 24) * 500);
  });

  test('never faster than the bandwidth', async () => {
    const { trace } = await runDefense(noise, { users: 4, objects: 70, bandwidth: 2, budget: 1e6 }, home(0.25));
    const seconds = new Float64Array(901);
    for (const row of coverRows(trace)) {
      const isData = trace.direction[row] === 0 && trace.port[row] === 443 && trace.length[row]! > SYN;
      if (isData) seconds[Math.floor(trace.time[row]!)]! += trace.length[row]! - 14;
    }
    expect(Math.max(...seconds)).toBeLessThan(250_000 + 1500);
    expect(Math.max(...seconds)).toBeGreaterThan(240_000);
  });
});

describe('hours', () => {
  const beginnings = async (hours: string) =>
    flowsOf(await runDefense(noise, { hours, objects: 0 }, home(24))).map(({ frames }) =>
      Math.floor(frames[0]!.time / HOUR),
    );

  test('pages are loaded in them only', async () => {
    expect([...new Set(await beginnings('7-9'))]).toEqual([7, 8]);
  });

  test('may pass midnight', async () => {
    expect([...new Set(await beginnings('22-2'))]).toEqual([0, 1, 22, 23]);
  });

  test('of another form are refused', async () => {
    const expected = 'defense noise: hours: expected hours of the day, from-to, such as 7-23, found "day"';
    await expect(runDefense(noise, { hours: 'day' }, home(1))).rejects.toThrow(expected);
  });
});

describe('a capture as the source', () => {
  const folder = mkdtempSync(join(tmpdir(), 'homeveil-test-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Two flows that cross the gateway, one of ping, and one within the home, as `kinds` wants them. */
  function write(name: string, kinds: readonly ('tcp' | 'udp' | 'ping' | 'lan')[]): string {
    const builder = createTraceBuilder([{ name: 'phone', category: 'non-iot' }]);
    const common = { localAddress: '192.168.1.20', remoteAddress: '9.9.9.9', wan: true, header: 14, localPort: 4000 };
    const flows = {
      tcp: builder.flow({ ...common, transport: 6, remotePort: 8443 }),
      udp: builder.flow({ ...common, transport: 17, remotePort: 5000 }),
      ping: builder.flow({ ...common, transport: 1, localPort: 0, remotePort: 0 }),
      lan: builder.flow({ ...common, transport: 6, remotePort: 80, remoteAddress: '192.168.1.30', wan: false }),
    };
    const ports = { tcp: 8443, udp: 5000, ping: 0, lan: 80 };
    const bits = { tcp: TCP, udp: UDP, ping: Protocol.IP | Protocol.OTHER, lan: TCP };
    for (let i = 0; i < 40; i++) {
      const kind = kinds[i % kinds.length]!;
      builder.push({
        time: 1000 + i * 0.25,
        length: i === 4 ? 4000 : 100 + i,
        direction: i % 3 === 0 ? 0 : 1,
        protocols: bits[kind],
        port: ports[kind],
        flow: flows[kind],
        device: 0,
      });
    }
    const path = join(folder, name);
    writePcap(builder.build(), path);
    return path;
  }

  test('is played in a loop, its packets with their times, lengths and directions, in new flows each round', async () => {
    const capture = write('mixed.pcap', ['tcp', 'udp', 'ping', 'lan']);
    const { trace } = await runDefense(noise, { capture }, home(1));
    const rows = coverRows(trace);
    const shown = rows.map((row) => [trace.length[row], trace.direction[row], trace.port[row]]);
    // Packets 0, 1, 4, 5, 8, ... of 40; the fifth is what a host merged of 1500 + 1500 + 1090 bytes of IP, 52 of headers in each.
    const round: number[][] = [];
    for (let i = 0; i < 40; i++) {
      if (i % 4 > 1) continue;
      const lengths = i === 4 ? [1514, 1514, 14 + 3986 - 2 * 1448] : [100 + i];
      for (const length of lengths) round.push([length, i % 3 === 0 ? 0 : 1, i % 4 === 0 ? 8443 : 5000]);
    }
    const first = shown.findIndex(([length]) => length === 100);
    expect(first).toBeGreaterThanOrEqual(0);
    expect(shown.slice(first, first + 3 * round.length)).toEqual([...round, ...round, ...round]);
    // 9.25 s from the first to the last of 20 packets, and 0.4625 s to the next round.
    const begins = rows.filter((row) => trace.length[row] === 100).map((row) => trace.time[row]!);
    for (let i = 1; i < begins.length; i++) expect(begins[i]! - begins[i - 1]!).toBeCloseTo(9.7125, 6);
    const flowsOfRounds = rows.slice(first, first + 2 * round.length).map((row) => trace.flow[row]!);
    expect(new Set(flowsOfRounds).size).toBe(4);
  });

  test('begins anywhere in it', async () => {
    const capture = write('offset.pcap', ['tcp']);
    const first = async (seed: number) => {
      const { trace } = await runDefense(noise, { capture }, home(1), { seed });
      return trace.length[coverRows(trace)[0]!];
    };
    expect(new Set([await first(1), await first(2), await first(3), await first(4)]).size).toBeGreaterThan(2);
  });

  test('without a packet that crosses the gateway is an error that names it', async () => {
    const capture = write('inside.pcap', ['lan']);
    const expected = `defense noise: capture: ${capture}: expected packets of TCP or UDP that cross the gateway, found none`;
    await expect(runDefense(noise, { capture }, home(1))).rejects.toThrow(expected);
  });

  test('that is not there is an error that names it', async () => {
    const capture = join(folder, 'none.pcap');
    await expect(runDefense(noise, { capture }, home(1))).rejects.toThrow(capture);
  });
});

test('a shortest pause above the longest is refused', async () => {
  const expected = 'defense noise: minPause: expected at most maxPause, which is 6, found 7';
  await expect(runDefense(noise, { minPause: 7 }, home(1))).rejects.toThrow(expected);
});
