import { describe, expect, it } from 'vitest';
import { blockInterval, seedInterval, studentQuantile } from '../../src/learning/interval.js';
import { createRng } from '../../src/shared/rng.js';

it('has the quantiles of Student’s t', () => {
  // scipy.stats.t.ppf(0.975, degrees)
  expect(studentQuantile(0.975, 1)).toBeCloseTo(12.706204736432095, 8);
  expect(studentQuantile(0.975, 2)).toBeCloseTo(4.302652729911275, 8);
  expect(studentQuantile(0.975, 3)).toBeCloseTo(3.182446305284263, 8);
  expect(studentQuantile(0.975, 9)).toBeCloseTo(2.2621571627409915, 8);
  expect(studentQuantile(0.975, 100)).toBeCloseTo(1.9839715184496334, 8);
});

describe('interval over seeds', () => {
  it('is mean ± t · s / √n', () => {
    // Values 1, 2, 3, 4: s² = 5/3, half width 3.182446 · √(5/12).
    const { mean, low, high } = seedInterval([1, 2, 3, 4]);
    expect(mean).toBe(2.5);
    expect(high! - 2.5).toBeCloseTo(3.182446305284263 * Math.sqrt(5 / 12), 10);
    expect(2.5 - low!).toBeCloseTo(high! - 2.5, 12);
  });

  it('has no bounds for one seed', () => {
    expect(seedInterval([0.7])).toEqual({ mean: 0.7, low: null, high: null });
  });
});

describe('interval over blocks of time', () => {
  const rng = createRng(1, 'interval');
  const draws = (n: number) => Uint8Array.from({ length: n }, () => (rng.uniform() < 0.7 ? 1 : 0));

  it('is as wide as the binomial one where packets are independent', () => {
    const correct = draws(20_000);
    const { mean, low, high } = blockInterval(correct, createRng(1, 'bootstrap'));
    const half = 1.96 * Math.sqrt((mean * (1 - mean)) / correct.length);
    expect((high! - low!) / (2 * half)).toBeGreaterThan(0.7);
    expect((high! - low!) / (2 * half)).toBeLessThan(1.3);
    expect(low!).toBeLessThan(mean);
    expect(high!).toBeGreaterThan(mean);
  });

  it('is much wider where packets are right or wrong in runs', () => {
    const runs = draws(50);
    const correct = Uint8Array.from({ length: 20_000 }, (_, i) => runs[Math.floor(i / 400)]!);
    const { mean, low, high } = blockInterval(correct, createRng(1, 'bootstrap'));
    const half = 1.96 * Math.sqrt((mean * (1 - mean)) / correct.length);
    expect((high! - low!) / (2 * half)).toBeGreaterThan(10);
  });

  it('is the same for the same stream of chance', () => {
    const correct = draws(1000);
    expect(blockInterval(correct, createRng(3, 'x'))).toEqual(blockInterval(correct, createRng(3, 'x')));
  });

  it('has no bounds for too few packets', () => {
    expect(blockInterval(Uint8Array.of(1, 0), rng)).toEqual({ mean: 0.5, low: null, high: null });
  });
});
