import fc from 'fast-check';
import { expect, test } from 'vitest';
import buflo from '../../defenses/buflo.js';
import { defend, timesOf, wireOf } from '../support/defended-wire.js';
import type { Packet } from '../support/traces.js';

const START = 1.7e9;

/** An activity that 51 slots of 20 ms are enough for. */
const anyActivity: fc.Arbitrary<Packet[]> = fc
  .array(
    fc.record({
      time: fc.double({ min: START, max: START + 0.5, noNaN: true }),
      length: fc.integer({ min: 34, max: 1500 }),
      out: fc.boolean(),
      flow: fc.integer({ min: 0, max: 3 }),
    }),
    { maxLength: 20 },
  )
  .chain((packets) =>
    fc.boolean().map((out) => [{ time: START, length: 99, out }, ...packets.sort((a, b) => a.time - b.time)]),
  );

test('two activities that begin together and need no more than tau look the same', () => {
  fc.assert(
    fc.property(anyActivity, anyActivity, (one, other) => {
      const wire = (packets: Packet[]) => wireOf(defend(buflo, { duration: 1 }, packets).trace);
      expect(wire(one)).toEqual(wire(other));
    }),
  );
});

test('one packet makes the published 10 s of frames in both directions', () => {
  const { trace } = defend(buflo, {}, [{ time: START, length: 60 }]);
  const expected = Array.from({ length: 501 }, (_, i) => START + i * 0.02);
  expect(timesOf(trace, true)).toEqual(expected);
  expect(timesOf(trace, false)).toEqual(expected);
  expect(new Set(trace.length)).toEqual(new Set([1500]));
});

test('an activity lasts at least tau, whatever tau and rho', () => {
  const tau = fc.double({ min: 0, max: 5, noNaN: true });
  const rho = fc.double({ min: 0.002, max: 1, noNaN: true });
  fc.assert(
    fc.property(tau, rho, (duration, interval) => {
      const { time } = defend(buflo, { duration, interval }, [{ time: 0, length: 60 }]).trace;
      const last = time.at(-1)!;
      expect(last).toBeGreaterThanOrEqual(duration - 1e-8);
      expect(last).toBeLessThan(duration + interval);
    }),
  );
});

test('after tau it goes on, in both directions, as long as packets wait', () => {
  const packets = Array.from({ length: 30 }, (_, i) => ({ time: i * 0.001, length: 100, out: false }));
  const { trace } = defend(buflo, { duration: 0.1, interval: 0.02 }, packets);
  expect(timesOf(trace, false).length).toBe(30);
  expect(timesOf(trace, true)).toEqual(timesOf(trace, false));
});

test('a packet that comes after the end begins another activity', () => {
  const packets = [0, 0.05, 7.005].map((time) => ({ time, length: 100 }));
  const { trace, delivered } = defend(buflo, { duration: 0.1, interval: 0.02 }, packets);
  const slots = (start: number) => [0, 1, 2, 3, 4, 5].map((i) => start + i * 0.02);
  expect(timesOf(trace, true)).toEqual([...slots(0), ...slots(7.005)]);
  expect([...delivered]).toEqual([0, 0.06, 7.005]);
});
