import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createTokens } from '../../../src/shaping/kit/tokens.js';
import { createRng } from '../../../src/shared/rng.js';

const INFINITE = Number.POSITIVE_INFINITY;

/** Takes every token out and counts them by the upper end of their bin, in ms; infinity under 0. */
function countTokens(tokens: ReturnType<typeof createTokens>): Map<number, number> {
  const rng = createRng(1);
  const counts = new Map<number, number>();
  for (let left = tokens.left; left > 0; left--) {
    const time = tokens.sample(rng);
    // The smallest of 10, 5, 2.5, ... seconds above it.
    const end = time === INFINITE ? 0 : Math.round((1e6 * 10) / 2 ** Math.floor(Math.log2(10 / time))) / 1e3;
    counts.set(end, (counts.get(end) ?? 0) + 1);
    tokens.remove(time);
  }
  return counts;
}

describe('the histograms of the published configuration', () => {
  // scipy 1.10: round(10000 * (norm.cdf(high) - norm.cdf(low))) for each bin, and ceil(sum / finite) for infinity.
  test.each([
    ['client burst', { mean: 0.001564159, deviation: 0.052329599, finite: 9 }, 5121, 569, { 78.125: 1651, 312.5: 16 }],
    ['client gap', { mean: 0.06129599, deviation: 0.03995375, finite: 20 }, 9375, 469, { 78.125: 3743, 9.766: 196 }],
    ['server burst', { mean: 0.00003600121, deviation: 0.02753485, finite: 19 }, 5004, 264, { 39.063: 1613, 0.61: 44 }],
    ['server gap', { mean: 0.01325997, deviation: 0.0973761, finite: 33 }, 5542, 168, { 156.25: 1817, 625: 11 }],
  ])('%s', (_, options, finite, infinite, some) => {
    const counts = countTokens(createTokens(options));
    expect(counts.get(0)).toBe(infinite);
    expect([...counts.values()].reduce((a, b) => a + b, 0)).toBe(finite + infinite);
    for (const [end, count] of Object.entries(some)) expect(counts.get(Number(end))).toBe(count);
  });
});

const small = { mean: 0.001564159, deviation: 0.052329599, finite: 9 };

test('when the last token is used up, all are put back', () => {
  const tokens = createTokens(small);
  const all = tokens.left;
  for (let i = 1; i < all; i++) {
    tokens.remove(0.06);
    expect(tokens.left).toBe(all - i);
  }
  tokens.remove(0.06);
  expect(tokens.left).toBe(all);
});

test('where a bin is empty the next lower one pays, and only then those above', () => {
  const tokens = createTokens(small);
  const rng = createRng(2);
  // Bin of 60 ms: 1651 tokens; below it 5121 - 1651 - 702 - 16 = 2752.
  for (let i = 0; i < 1651 + 2752; i++) tokens.remove(0.06);
  expect(tokens.left).toBe(702 + 16 + 569);
  const left = Array.from({ length: 2000 }, () => tokens.sample(rng));
  expect(Math.min(...left)).toBeGreaterThanOrEqual(0.078125);
  expect(left.some((time) => time === INFINITE)).toBe(true);
});

test('without a time above 0 every draw is infinite', () => {
  const tokens = createTokens({ mean: 100, deviation: 0.001, finite: 9 });
  expect(tokens.left).toBe(1);
  expect(tokens.sample(createRng(1))).toBe(INFINITE);
});

test('what is drawn can always be used up', () => {
  const options = fc.record({
    mean: fc.double({ min: 0, max: 10, noNaN: true }),
    deviation: fc.double({ min: 1e-5, max: 10, noNaN: true }),
    finite: fc.double({ min: 0.01, max: 99, noNaN: true }),
  });
  fc.assert(
    fc.property(options, fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { maxLength: 200 }), (given, times) => {
      const tokens = createTokens(given);
      const rng = createRng(3);
      for (const time of times) {
        expect(tokens.sample(rng)).toBeGreaterThanOrEqual(0);
        tokens.remove(time);
        expect(tokens.left).toBeGreaterThan(0);
      }
    }),
    { numRuns: 50 },
  );
});
