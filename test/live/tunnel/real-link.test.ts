import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defenses, resolveDefense } from '../../../src/harness/plugins/registry.js';
import { now as clock, createAlarm } from '../../../src/live/tunnel/alarm.js';
import { OVERHEAD, type Segment, SMALLEST_FRAME } from '../../../src/live/tunnel/frame.js';
import { lengthOffset, whyNotLive } from '../../../src/live/tunnel/planned.js';
import { createRealLink } from '../../../src/live/tunnel/real-link.js';
import { type AppliedDefense, type Defense, prepareDefense } from '../../../src/shaping/shaper.js';
import { shapeAll } from '../../../src/shaping/simulate.js';
import { createRng } from '../../../src/shared/rng.js';
import { createTraceBuilder, type Direction, NO_DEVICE, Protocol, type Trace } from '../../../src/trace/trace.js';
import { makeTrace } from '../../support/traces.js';

/** Input of an end of the tunnel: a datagram to send in direction 1 (`out`), or from the other end in direction 0. */
interface Arrival {
  time: number;
  bytes: number;
  out: boolean;
}

/** The same input for the simulation: packets of one flow and no device, with the headers that a shaper is told of live. */
function traceOf(arrivals: readonly Arrival[]): Trace {
  const builder = createTraceBuilder([]);
  builder.flow({
    transport: 17,
    localPort: 1,
    remotePort: 1,
    localAddress: '192.0.2.1',
    remoteAddress: '198.51.100.1',
    wan: true,
    header: OVERHEAD - 20,
  });
  for (const { time, bytes, out } of arrivals) {
    builder.push({
      time,
      length: OVERHEAD + bytes,
      direction: out ? 1 : 0,
      protocols: Protocol.IP | Protocol.UDP,
      port: 0,
      flow: 0,
      device: NO_DEVICE,
    });
  }
  return builder.build();
}

interface Frame {
  time: number;
  length: number;
  segments: readonly Segment[];
}

/** The frames that the end which sends in `direction` makes of `arrivals`, its timers run as an exact clock would run them. */
function runLive(applied: readonly AppliedDefense[], arrivals: readonly Arrival[], direction: Direction): Frame[] {
  const frames: Frame[] = [];
  const link = createRealLink({
    defenses: applied,
    direction,
    rng: createRng(7),
    onFrame: (time, length, segments) => frames.push({ time, length, segments }),
  });
  for (const [number, { time, bytes, out }] of arrivals.entries()) {
    while (link.next <= time) link.advance(link.next);
    if (out === (direction === 1)) link.send({ number, payload: new Uint8Array(bytes) }, time);
    else link.heard(bytes, time);
  }
  return frames;
}

/** Defaults, and what makes others of a defense: rates at which much happens within the seconds of a test. */
const LIVE = [
  'none',
  'pad',
  'pad:rule=random',
  'split',
  'split:over=120',
  'morph',
  'jitter',
  'jitter:distribution=exponential',
  'dummy:rate=20',
  'vpn',
  'vpn-shaping:up=40,down=40',
  'vpn-shaping:mode=stepped,up=100,down=100,hold=1',
  'vpn-shaping:up=100,down=100,cell=256',
  'vpn-shaping:up=100,down=100,tunnel=openvpn,cell=1420',
  'netshaper:intervalDown=0.05,windowDown=1',
  'constant-rate',
  'constant-rate:size=300,interval=0.004,per=device',
  'buflo:duration=0.5',
  'tamaraw:multiple=10',
  'wtf-pad',
  'front:idle=1',
  'regulator:budget=30',
  'maybenot',
  'pad:rule=random+jitter',
  'split+constant-rate:interval=0.003+vpn',
  'front+jitter+vpn-shaping:up=200,down=200',
];

const training = makeTrace(
  Array.from({ length: 40 }, (_, i) => ({ time: i, length: 100 + 30 * (i % 9), out: i % 2 === 0, device: i % 2 })),
);

async function prepare(text: string): Promise<AppliedDefense[]> {
  const byName = (name: string): Defense => defenses.find((one) => one.name === name)!;
  return Promise.all(
    resolveDefense(text).parts.map(({ name, parameters }) =>
      prepareDefense(byName(name), parameters, { trace: training, rng: createRng(3) }),
    ),
  );
}

const anyArrivals: fc.Arbitrary<Arrival[]> = fc
  .array(
    fc.record({
      gap: fc.oneof(
        fc.constant(0),
        fc.double({ min: 0, max: 0.02, noNaN: true }),
        fc.double({ min: 0, max: 2, noNaN: true }),
      ),
      bytes: fc.oneof(fc.integer({ min: 1, max: 1432 }), fc.constantFrom(1, 32, 148, 1432)),
      out: fc.boolean(),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((all) => {
    let time = 3;
    return all.map(({ gap, ...rest }) => {
      time += gap;
      return { ...rest, time };
    });
  });

describe.each(LIVE)('%s', (text) => {
  test('each end sends what the simulation sends in its direction, at the same times', async () => {
    const applied = await prepare(text);
    expect(whyNotLive(applied)).toBeNull();
    const offset = lengthOffset(applied, 4);
    fc.assert(
      fc.property(anyArrivals, (arrivals) => {
        // Frames that leave after the end of the input are not compared: live, the input has no end.
        const last = arrivals.at(-1)!.time;
        const { trace, account, delivered } = shapeAll(traceOf(arrivals), applied, { rng: createRng(7) });
        for (const direction of [0, 1] as const) {
          const rows = [...trace.time.keys()].filter(
            (row) => trace.direction[row] === direction && trace.time[row]! < last,
          );
          const frames = runLive(applied, arrivals, direction).filter(({ time }) => time < last);
          expect(frames.map(({ time, length }) => [time, length])).toEqual(
            rows.map((row) => [trace.time[row], trace.length[row]]),
          );
          // Each packet that is delivered there has come here, whole and none of it twice.
          const came = new Map<number, Set<number>>();
          for (const { segments } of frames) {
            for (const { datagram, offset, bytes } of segments) {
              const set = came.get(datagram.number) ?? new Set();
              came.set(datagram.number, set);
              for (let i = offset; i < offset + bytes; i++) {
                expect(set.has(i)).toBe(false);
                set.add(i);
              }
            }
          }
          for (const [number, { bytes, out }] of arrivals.entries()) {
            if (out !== (direction === 1) || !(delivered[number]! < last)) continue;
            expect(came.get(number)?.size).toBe(bytes);
          }
          // And no frame need be longer than planned; morph alone plans some so short that nothing fits.
          if (text !== 'morph') {
            for (const { length, segments } of frames) {
              const needed = segments.reduce((sum, { bytes }) => sum + 8 + bytes, SMALLEST_FRAME);
              expect(needed).toBeLessThanOrEqual(length + offset);
            }
          }
          expect(account.start.length).toBe(trace.packets + 1);
        }
      }),
      { numRuns: 25 },
    );
  });
});

test('each built-in runs live or says why not', () => {
  const shown = new Set(LIVE.flatMap((text) => resolveDefense(text).parts.map(({ name }) => name)));
  for (const defense of defenses) {
    if (shown.has(defense.name)) expect(whyNotLive([{ defense }]), defense.name).toBeNull();
    else expect(whyNotLive([{ defense }]), defense.name).toMatch(/^defense [a-z-]+: cannot run live: .{40}/);
  }
  expect(defenses.filter(({ name }) => !shown.has(name)).map(({ name }) => name)).toEqual(['noise', 'spoof', 'stp']);
});

test('a tunnel has no place before another defense', () => {
  const [vpn, pad] = ['vpn', 'pad'].map((name) => ({ defense: defenses.find((one) => one.name === name)! }));
  expect(whyNotLive([vpn!, pad!])).toBe(
    'defense vpn: is a tunnel, and cannot run live with another behind it, found pad',
  );
});

test('a clock that is late does not change the plan, but one that stood still for long moves it', async () => {
  const applied = await prepare('constant-rate:interval=0.1');
  const times: number[] = [];
  const link = createRealLink({
    defenses: applied,
    direction: 1,
    rng: createRng(1),
    onFrame: (time) => times.push(Number(time.toFixed(6))),
  });
  link.send({ number: 0, payload: Buffer.of(1) }, 10);
  for (const time of [10.05, 10.13, 10.34]) link.advance(time);
  expect(times).toEqual([10, 10.1, 10.2, 10.3]);
  expect(link.stalls).toBe(0);
  // Due at 10.4, and nobody was there until 70: one frame, not 597, and on from there.
  link.advance(70);
  expect(times.slice(4)).toEqual([70]);
  expect(link.stalls).toBe(1);
  expect(link.next).toBeCloseTo(70.1);
});

test.each(['sleep', 'spin'] as const)(
  'on the real clock (%s) frames leave in the planned order, none before its time',
  async (waiting) => {
    const arrivals = Array.from({ length: 30 }, (_, i) => ({ time: i * 0.01, bytes: 50 + i, out: i % 3 > 0 }));
    const applied = await prepare('constant-rate:size=200,interval=0.005+jitter:delay=0.01');
    const expected = runLive(applied, arrivals, 1);
    const frames: { late: number; time: number; length: number }[] = [];
    const start = clock() + 0.02;
    const link = createRealLink({
      defenses: applied,
      direction: 1,
      rng: createRng(7),
      onFrame: (time, length) => frames.push({ late: clock() - time, time: time - start, length }),
    });
    let next = 0;
    await new Promise<void>((resolve) => {
      const alarm = createAlarm(() => {
        // The arrivals are exact, as in the other run, however late this rings; timers of before run first.
        while (next < arrivals.length && start + arrivals[next]!.time <= clock()) {
          const { time, bytes, out } = arrivals[next]!;
          while (link.next <= start + time) link.advance(link.next);
          if (out) link.send({ number: next, payload: Buffer.alloc(bytes) }, start + time);
          else link.heard(bytes, start + time);
          next++;
        }
        if (next === arrivals.length) {
          alarm.close();
          return resolve();
        }
        link.advance(Math.min(clock(), start + arrivals[next]!.time));
        alarm.set(Math.min(link.next, start + arrivals[next]!.time));
      }, waiting);
      alarm.set(start);
    });
    expect(frames.length).toBe(expected.length);
    expect(frames.map(({ length }) => length)).toEqual(expected.map(({ length }) => length));
    for (const [i, { time, late }] of frames.entries()) {
      expect(time).toBeCloseTo(expected[i]!.time, 6);
      expect(late).toBeGreaterThanOrEqual(0);
    }
  },
);
