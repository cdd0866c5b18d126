import fc from 'fast-check';
import { expect, test } from 'vitest';
import { timeOrder } from '../../src/trace/trace.js';

test('times are put in order, and equal times keep their order of arrival', () => {
  const time = fc.oneof(
    fc.double({ min: 0, max: 2e9, noNaN: true }),
    fc.integer({ min: -2, max: 3 }),
    fc.integer({ min: 0, max: 9 }).map((n) => 1.7e9 + n / 4),
  );
  fc.assert(
    fc.property(fc.array(time, { maxLength: 40 }), (times) => {
      const expected = times.map((_, i) => i).sort((a, b) => times[a]! - times[b]! || a - b);
      expect([...timeOrder(Float64Array.from(times))]).toEqual(expected);
    }),
  );
});
