import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTimers } from '../../src/shaping/timers.js';

test('fires in order of time, and in the order of setting at equal times', () => {
  const timers = createTimers();
  timers.set(7, 2);
  timers.set(3, 1);
  timers.set(9, 1);
  timers.set(5, 2);
  expect([timers.take(), timers.take(), timers.take(), timers.take()]).toEqual([3, 9, 7, 5]);
  expect(timers.next()).toBe(Number.POSITIVE_INFINITY);
});

test('replaces the timer of an owner, and puts it behind others of the same time', () => {
  const timers = createTimers();
  timers.set(0, 5);
  timers.set(1, 5);
  timers.set(0, 9);
  timers.set(0, 5);
  expect([timers.take(), timers.take()]).toEqual([1, 0]);
});

test('clears a timer that is set to Infinity', () => {
  const timers = createTimers();
  timers.set(0, 5);
  timers.set(1, 6);
  timers.set(0, Number.POSITIVE_INFINITY);
  timers.set(2, Number.POSITIVE_INFINITY);
  expect(timers.next()).toBe(6);
  expect(timers.take()).toBe(1);
  expect(timers.next()).toBe(Number.POSITIVE_INFINITY);
});

test('agrees with a sorted list under any sequence of calls', () => {
  const call = fc.oneof(
    fc.record({ owner: fc.integer({ min: 0, max: 200 }), time: fc.integer({ min: 0, max: 20 }) }),
    fc.record({ owner: fc.integer({ min: 0, max: 200 }), time: fc.constant(Number.POSITIVE_INFINITY) }),
    fc.constant('take' as const),
  );
  fc.assert(
    fc.property(fc.array(call, { maxLength: 400 }), (calls) => {
      const timers = createTimers();
      let model: { owner: number; time: number }[] = [];
      const earliest = () => model.reduce((a, b) => (b.time < a.time ? b : a));
      for (const one of calls) {
        if (one === 'take') {
          if (model.length === 0) continue;
          const expected = earliest();
          model = model.filter((timer) => timer !== expected);
          expect(timers.take()).toBe(expected.owner);
        } else {
          model = model.filter((timer) => timer.owner !== one.owner);
          if (one.time < Number.POSITIVE_INFINITY) model.push(one);
          timers.set(one.owner, one.time);
        }
        expect(timers.next()).toBe(model.length === 0 ? Number.POSITIVE_INFINITY : earliest().time);
      }
    }),
  );
});
