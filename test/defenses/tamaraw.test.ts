import fc from 'fast-check';
import { expect, test } from 'vitest';
import tamaraw from '../../defenses/tamaraw.js';
import { Direction } from '../../src/trace/trace.js';
import { defend, timesOf, wireOf } from '../support/defended-wire.js';
import type { Packet } from '../support/traces.js';

const START = 1.7e9;
const IN = 0.012;
const OUT = 0.04;
const L = 20;

/** A load: all of it comes before either direction has sent its first L frames. */
const anyLoad: fc.Arbitrary<Packet[]> = fc
  .array(
    fc.record({
      time: fc.double({ min: START, max: START + L * IN, noNaN: true }),
      length: fc.oneof(fc.integer({ min: 34, max: 1514 }), fc.constant(9014)),
      out: fc.boolean(),
      flow: fc.integer({ min: 0, max: 3 }),
    }),
    { maxLength: 60 },
  )
  .map((packets) => [{ time: START, length: 60 }, ...packets.sort((a, b) => a.time - b.time)]);

/** The wire of an activity of so many frames of each direction: slots counted from one, inbound first at the same time. */
function expectedWire(start: number, inbound: number, outbound: number) {
  const slots = (count: number, interval: number, direction: number) =>
    Array.from({ length: count }, (_, i) => ({ time: start + (i + 1) * interval, direction }));
  const frames = [...slots(inbound, IN, Direction.INBOUND), ...slots(outbound, OUT, Direction.OUTBOUND)];
  frames.sort((a, b) => a.time - b.time || a.direction - b.direction);
  return [frames.map(({ time }) => time), frames.map(() => 750), frames.map(({ direction }) => direction)];
}

test('a load is seen as two multiples of L, and as nothing else', () => {
  const totals = new Set<string>();
  fc.assert(
    fc.property(anyLoad, (packets) => {
      const { trace } = defend(tamaraw, { multiple: L }, packets);
      const [inbound, outbound] = [false, true].map((out) => timesOf(trace, out).length);
      expect([inbound! % L, outbound! % L]).toEqual([0, 0]);
      expect(Math.min(inbound!, outbound!)).toBeGreaterThanOrEqual(L);
      expect(wireOf(trace)).toEqual(expectedWire(START, inbound!, outbound!));
      totals.add(`${inbound} ${outbound}`);
    }),
    { seed: 1 },
  );
  expect(totals.size).toBeGreaterThan(3);
});

test('the multiples are the smallest that hold what there is to send', () => {
  // 130 frames from the home take until 5.2 s: 200 in all. To the home 433 slots have gone by then: 500 in all.
  const packets = Array.from({ length: 130 }, () => ({ time: START, length: 750 }));
  const { trace, delivered } = defend(tamaraw, {}, packets);
  expect([timesOf(trace, true).length, timesOf(trace, false).length]).toEqual([200, 500]);
  expect(Math.max(...delivered)).toBe(START + 130 * OUT);
});

test('one packet makes L frames of each direction, the first after one interval', () => {
  const { trace } = defend(tamaraw, {}, [{ time: START, length: 60, out: false }]);
  expect(wireOf(trace)).toEqual(expectedWire(START, 100, 100));
});

test('a packet that comes after both directions have stopped begins another activity', () => {
  const { trace } = defend(
    tamaraw,
    { multiple: 2 },
    [0, 5].map((time) => ({ time, length: 60 })),
  );
  const [one, other] = [0, 5].map((start) => expectedWire(start, 4, 2));
  expect(wireOf(trace)).toEqual(one!.map((column, i) => [...column, ...other![i]!]));
});
