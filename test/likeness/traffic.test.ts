import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countKinds, gapsOf, largestDifference, lengthDistance, tellFrames } from '../../src/likeness/traffic.js';
import { createRng } from '../../src/shared/rng.js';
import { Direction, Protocol } from '../../src/trace/trace.js';
import { makeTrace } from '../support/traces.js';

describe('the largest difference between two distributions', () => {
  test('is by hand', () => {
    // Up to 3: all three against two of four.
    expect(largestDifference(Float64Array.of(1, 2, 3), Float64Array.of(2, 3, 4, 5))).toBe(1 / 2);
    expect(largestDifference(Float64Array.of(1, 1), Float64Array.of(1))).toBe(0);
    expect(largestDifference(Float64Array.of(1), Float64Array.of(2))).toBe(1);
    expect(largestDifference(Float64Array.of(), Float64Array.of(2))).toBe(0);
  });

  test('is that of the definition, for any two samples', () => {
    const values = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 12 });
    const sorted = (some: readonly number[]) => Float64Array.from(some).sort();
    fc.assert(
      fc.property(values, values, (a, b) => {
        const share = (some: readonly number[], most: number) => some.filter((one) => one <= most).length / some.length;
        const wanted = Math.max(...[...a, ...b].map((x) => Math.abs(share(a, x) - share(b, x))));
        expect(largestDifference(sorted(a), sorted(b))).toBeCloseTo(wanted, 12);
      }),
    );
  });
});

test('a frame is of the first kind that fits its protocols and length', () => {
  const { IP, TCP, UDP, TLS, DNS, OTHER } = Protocol;
  const trace = makeTrace([
    { time: 0, protocols: IP | TCP | TLS, length: 60 },
    { time: 0, protocols: IP | TCP, length: 66 },
    { time: 0, protocols: IP | TCP, length: 74 },
    { time: 0, protocols: IP | TCP, length: 300 },
    { time: 0, protocols: IP | TCP, length: 301 },
    { time: 0, protocols: IP | UDP | DNS, length: 90 },
    { time: 0, protocols: IP | UDP, length: 90 },
    { time: 0, protocols: OTHER, length: 61 },
  ]);
  expect(countKinds([trace]).map(({ kind, frames, bytes }) => [kind, frames, bytes])).toEqual([
    ['DNS', 1, 90],
    ['TLS', 1, 60],
    ['HTTP', 0, 0],
    ['TCP, nothing but headers', 1, 66],
    ['TCP, opening', 1, 74],
    ['TCP, other data', 2, 601],
    ['UDP', 1, 90],
    ['other', 1, 61],
  ]);
});

test('lengths differ by half the sum of the differences between their shares', () => {
  const of = (...lengths: number[]) => [makeTrace(lengths.map((length) => ({ time: 0, length })))];
  expect(lengthDistance(of(60, 90), of(90, 60, 60, 90))).toBe(0);
  expect(lengthDistance(of(60), of(90))).toBe(1);
  // Shares of 60: 1 and 1/2; of 90: 0 and 1/2.
  expect(lengthDistance(of(60, 60), of(60, 90))).toBe(1 / 2);
});

test('gaps are of one direction, over the parts of a capture, in ascending order', () => {
  const part = (...rows: [time: number, way: 'out' | 'in'][]) =>
    makeTrace(rows.map(([time, way]) => ({ time, length: 100, out: way === 'out' })));
  const parts = [part([0, 'out'], [1, 'in'], [5, 'out']), part([6, 'out'], [9, 'in'])];
  expect([...gapsOf(parts, Direction.OUTBOUND)]).toEqual([1, 5]);
  expect([...gapsOf(parts, Direction.INBOUND)]).toEqual([8]);
});

test('frames of other lengths are told apart, frames of the same home are not', async () => {
  const rng = createRng(1, 'traffic');
  const draw = (least: number) =>
    makeTrace(Array.from({ length: 600 }, (_, i) => ({ time: i, length: rng.integer(least, least + 500) })));
  const capture = (least: number) => ({ train: draw(least), test: draw(least) });
  const told = (a: number, b: number) =>
    tellFrames(capture(a), capture(b), { windows: { size: 50, mix: 'home', port: 'service' }, rng, threads: 1 });
  expect(await told(60, 700)).toBeGreaterThan(0.99);
  expect(Math.abs((await told(60, 60))! - 0.5)).toBeLessThan(0.08);
});
