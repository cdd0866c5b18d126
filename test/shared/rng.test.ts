import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRng, shuffle } from '../../src/shared/rng.js';

const draw = (rng: ReturnType<typeof createRng>, n: number, f: (r: typeof rng) => number) =>
  Array.from({ length: n }, () => f(rng));
const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const deviation = (values: number[]) => {
  const center = mean(values);
  return Math.sqrt(mean(values.map((v) => (v - center) ** 2)));
};

test('the same seed and names give the same numbers, others do not', () => {
  const numbers = (...names: string[]) => draw(createRng(7, ...names), 5, (r) => r.uniform());
  expect(numbers('a')).toEqual(numbers('a'));
  expect(numbers('a')).not.toEqual(numbers('b'));
  expect(numbers('a', 'b/c')).not.toEqual(numbers('a/b', 'c'));
  expect(draw(createRng(8, 'a'), 5, (r) => r.uniform())).not.toEqual(numbers('a'));
});

test('a derived stream does not depend on what was drawn before', () => {
  const fresh = createRng(7, 'x');
  const used = createRng(7, 'x');
  draw(used, 100, (r) => r.normal(0, 1));
  expect(used.stream('y').uniform()).toBe(fresh.stream('y').uniform());
});

// Exact numbers, so that a change of generator, which would change every published result, cannot go unseen.
test('the generator is pinned', () => {
  expect(draw(createRng(42, 'pinned'), 3, (r) => r.integer(0, 999_999))).toMatchInlineSnapshot(`
    [
      78326,
      910774,
      713263,
    ]
  `);
});

test('distributions have the moments they are named for', () => {
  const n = 200_000;
  const rng = createRng(1, 'moments');
  const normal = draw(rng, n, (r) => r.normal(3, 2));
  expect(mean(normal)).toBeCloseTo(3, 1);
  expect(deviation(normal)).toBeCloseTo(2, 1);
  const exponential = draw(rng, n, (r) => r.exponential(0.5));
  expect(mean(exponential)).toBeCloseTo(0.5, 1);
  expect(deviation(exponential)).toBeCloseTo(0.5, 1);
  const laplace = draw(rng, n, (r) => r.laplace(1, 2));
  expect(mean(laplace)).toBeCloseTo(1, 1);
  expect(deviation(laplace)).toBeCloseTo(2 * Math.SQRT2, 1);
});

test('integers stay within their bounds and reach both', () => {
  fc.assert(
    fc.property(fc.integer({ min: -50, max: 50 }), fc.nat(8), fc.nat(), (low, span, seed) => {
      const seen = new Set(draw(createRng(seed), 500, (r) => r.integer(low, low + span)));
      expect(Math.min(...seen)).toBe(low);
      expect(Math.max(...seen)).toBe(low + span);
    }),
  );
});

test('a shuffle keeps what there is, and makes each order as likely as the others', () => {
  const rng = createRng(2);
  const counts = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const order = shuffle([1, 2, 3], rng).join('');
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  expect([...counts.keys()].sort()).toEqual(['123', '132', '213', '231', '312', '321']);
  // Standard deviation 29.
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(130);
});
