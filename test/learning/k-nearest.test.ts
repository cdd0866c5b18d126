import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { learnNearest } from '../../src/learning/k-nearest.js';

const columns = (...values: number[][]) =>
  values.map((one, i) => ({ kind: 'numeric' as const, name: `${i}`, values: Float64Array.from(one) }));

describe('the nearest rows', () => {
  it('vote, each as much as another', () => {
    const known = columns([0, 1, 10, 11], [0, 1000, 10_000, 11_000]);
    const answer = learnNearest(known, Uint16Array.of(0, 0, 1, 1), 2, 3);
    const near = answer(columns([0.4, 10.6], [400, 10_600]));
    expect(near[0]).toBeCloseTo(2 / 3, 3);
    expect(near[3]).toBeCloseTo(2 / 3, 3);
    expect(near[0]! + near[1]!).toBeCloseTo(1, 6);
  });

  it('standardise by mean and deviation of what was learnt', () => {
    // Deviations 1 and 4: standardised, squares 3.61 + .5625 from the first row and .01 + 1.5625 from the second; bare, 12.61 and 25.01.
    const answer = learnNearest(columns([-1, 1], [4, -4]), Uint16Array.of(0, 1), 2, 1);
    expect([...answer(columns([0.9], [1]))]).toEqual([0, 1]);
  });

  it('decide by the nearest where each names another class', () => {
    const answer = learnNearest(columns([0, 2, 5]), Uint16Array.of(2, 1, 0), 3, 3);
    const [found] = [answer(columns([0.5]))];
    expect(found!.indexOf(Math.max(...found!))).toBe(2);
    expect([...found!].every((one) => Math.abs(one - 1 / 3) < 1e-3)).toBe(true);
  });

  it('are as many as there are where there are fewer than asked for', () => {
    expect([...learnNearest(columns([1]), Uint16Array.of(1), 2, 5)(columns([100]))]).toEqual([0, 1]);
  });

  it('are those of a search through all rows', () => {
    const value = fc.integer({ min: -20, max: 20 });
    const row = fc.tuple(value, value);
    fc.assert(
      fc.property(fc.array(row, { minLength: 4, maxLength: 30 }), row, (rows, own) => {
        const known = columns(
          rows.map(([x]) => x),
          rows.map(([, y]) => y),
        );
        const scale = (c: 0 | 1) => {
          const mean = rows.reduce((sum, one) => sum + one[c], 0) / rows.length;
          const variance = rows.reduce((sum, one) => sum + (one[c] - mean) ** 2, 0) / rows.length;
          return variance === 0 ? 0 : 1 / variance;
        };
        const [fx, fy] = [scale(0), scale(1)];
        const distance = rows.map(([x, y]) => fx * (x - own[0]) ** 2 + fy * (y - own[1]) ** 2);
        // Each row a class of its own, so that the answer says which rows were found.
        const label = Uint16Array.from(rows, (_, i) => i);
        const answer = learnNearest(known, label, rows.length, 3)(columns([own[0]], [own[1]]));
        const found = distance.filter((_, i) => answer[i]! > 0).sort((a, b) => a - b);
        const expected = distance.sort((a, b) => a - b).slice(0, 3);
        for (const [i, one] of expected.entries()) expect(found[i]).toBeCloseTo(one, 9);
      }),
    );
  });
});
