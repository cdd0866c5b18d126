import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import constantRate from '../../defenses/constant-rate.js';
import { runBench } from '../../src/harness/run.js';
import { resolveSpec } from '../../src/harness/spec.js';
import { NO_DEVICE } from '../../src/trace/trace.js';
import { defend, timesOf, wireOf } from '../support/defended-wire.js';
import type { Packet } from '../support/traces.js';

const START = 1.7e9;
const SPAN = 5;
const INTERVAL = 0.05;

/** Packets of any kind between two at the ends of the span. */
const anyInput: fc.Arbitrary<Packet[]> = fc
  .array(
    fc.record({
      time: fc.double({ min: START, max: START + SPAN, noNaN: true }),
      length: fc.integer({ min: 34, max: 4000 }),
      out: fc.boolean(),
      flow: fc.integer({ min: 0, max: 3 }),
    }),
    { maxLength: 60 },
  )
  .map((packets) => [
    { time: START, length: 60 },
    ...packets.sort((a, b) => a.time - b.time),
    { time: START + SPAN, length: 60 },
  ]);

describe('what an observer of the tunnel sees', () => {
  test('is the same for any two inputs of one span, but for how long the last packets take', () => {
    fc.assert(
      fc.property(anyInput, anyInput, (one, other) => {
        const [a, b] = [one, other].map((packets) =>
          wireOf(defend(constantRate, { interval: INTERVAL }, packets).trace),
        );
        const shared = Math.min(a![0]!.length, b![0]!.length);
        // Up to the end of the input there is a slot at every interval, the first at the start.
        expect(shared).toBeGreaterThanOrEqual(2 * (SPAN / INTERVAL + 1));
        expect(a!.map((column) => column.slice(0, shared))).toEqual(b!.map((column) => column.slice(0, shared)));
      }),
      { numRuns: 50 },
    );
  });

  test('varies in no column: one length, both directions in turn, times that are multiples of the interval', () => {
    fc.assert(
      fc.property(anyInput, (packets) => {
        const { trace } = defend(constantRate, { interval: INTERVAL, size: 1000 }, packets);
        expect(new Set(trace.length)).toEqual(new Set([1000]));
        expect([...trace.direction]).toEqual([...trace.direction.keys()].map((i) => i % 2));
        expect([...trace.time]).toEqual([...trace.time.keys()].map((i) => START + Math.floor(i / 2) * INTERVAL));
      }),
      { numRuns: 50 },
    );
  });
});

test('it ends with the slot that leaves nothing waiting after the end of the input', () => {
  const { trace } = defend(constantRate, { interval: 0.25 }, [
    { time: 0, length: 60 },
    { time: 0.9, length: 4000 },
    { time: 1, length: 60, out: false },
  ]);
  // 4000 bytes are 1500 + 1466 + 1034: slots at 1, 1.25 and 1.5.
  expect(timesOf(trace, true)).toEqual([0, 0.25, 0.5, 0.75, 1, 1.25, 1.5]);
  expect(timesOf(trace, false)).toEqual(timesOf(trace, true));
});

test('each device has a stream of its own, whose cover is its own; that of the home belongs to none', () => {
  const packets = [
    { time: 0, length: 60, flow: 0, device: 0 },
    { time: 0.5, length: 60, flow: 1, device: 1 },
    { time: 2, length: 60, flow: 0, device: 0 },
  ];
  const perDevice = defend(constantRate, { per: 'device', interval: 1 }, packets).trace;
  expect([...perDevice.device].sort()).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1]);
  expect([...perDevice.time]).toEqual([0, 0, 0.5, 0.5, 1, 1, 1.5, 1.5, 2, 2, 3, 3]);
  const { trace } = defend(constantRate, { interval: 1 }, packets);
  expect([...trace.device].map((device) => Number(device === NO_DEVICE))).toEqual([...trace.cover]);
});

test.each([2, 3])('in the tunnel an attack has one answer per direction left, home %i', async (seed) => {
  const spec = resolveSpec({
    hours: 0.25,
    seed,
    minimumPackets: 20,
    view: 'vpn',
    attacks: ['random-forest:trees=10'],
    defenses: ['none', 'constant-rate:size=1434,interval=0.1'],
  });
  const { cells } = await runBench(spec, { threads: 1 });
  const [none, , ...defended] = cells;
  expect(none!.identification.accuracy).toBeGreaterThan(1.4 * none!.identification.majority);
  expect(defended.map(({ adversary }) => adversary)).toEqual(['static', 'adaptive']);
  for (const { identification, cost } of defended) {
    expect(cost.dropped).toBe(none!.cost.dropped);
    expect(identification.accuracy).toBeLessThanOrEqual(identification.majority);
    const answers = identification.confusion[0]!.map((_, named) =>
      identification.confusion.reduce((sum, row) => sum + row[named]!, 0),
    );
    // The first frame of a window has no interval before it, and may get another answer.
    expect(answers.filter((frames) => frames > 2).length).toBeLessThanOrEqual(2);
  }
});
