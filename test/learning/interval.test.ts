import { describe, expect, it } from 'vitest';
import { accuracyInterval, countBlocks, dropInterval } from '../../src/learning/interval.js';
import { NO_CLASS } from '../../src/learning/windows.js';
import { createRng } from '../../src/shared/rng.js';

const rng = createRng(1, 'interval');
const hits = (n: number, p = 0.7) => Uint16Array.from({ length: n }, () => (rng.uniform() < p ? 0 : 1));
const blocksOf = (predicted: Uint16Array) => countBlocks(new Uint16Array(predicted.length), predicted);
const binomial = (p: number, n: number) => 2 * 1.96 * Math.sqrt((p * (1 - p)) / n);

describe('blocks', () => {
  it('are equally many scored packets, in order; packets that are not scored are in none', () => {
    const truth = Uint16Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? 0 : NO_CLASS));
    const predicted = Uint16Array.from({ length: 400 }, (_, i) => (i < 100 ? 0 : 1));
    expect(countBlocks(truth, predicted)).toEqual({
      correct: Float64Array.of(50, 0),
      total: Float64Array.of(100, 100),
    });
  });

  it('are fifty at most, and one where there is little', () => {
    expect(blocksOf(hits(20_000)).total).toEqual(new Float64Array(50).fill(400));
    expect(blocksOf(hits(150)).total).toEqual(Float64Array.of(150));
  });
});

describe('interval of an accuracy', () => {
  it('is as wide as the binomial one where packets are independent', () => {
    const { mean, low, high } = accuracyInterval([blocksOf(hits(20_000))], createRng(1));
    expect((high! - low!) / binomial(mean, 20_000)).toBeGreaterThan(0.7);
    expect((high! - low!) / binomial(mean, 20_000)).toBeLessThan(1.3);
    expect(low!).toBeLessThan(mean);
    expect(high!).toBeGreaterThan(mean);
  });

  it('is much wider where packets are right or wrong in runs', () => {
    const runs = hits(50);
    const { mean, low, high } = accuracyInterval(
      [blocksOf(Uint16Array.from({ length: 20_000 }, (_, i) => runs[Math.floor(i / 400)]!))],
      createRng(1),
    );
    expect((high! - low!) / binomial(mean, 20_000)).toBeGreaterThan(10);
  });

  it('covers seeds that differ more than their blocks do', () => {
    const seeds = [0.5, 0.7, 0.9].map((p) => blocksOf(hits(20_000, p)));
    const { mean, low, high } = accuracyInterval(seeds, createRng(1));
    expect(mean).toBeCloseTo(0.7, 1);
    expect(low!).toBeLessThan(0.6);
    expect(high!).toBeGreaterThan(0.8);
  });

  it('is not narrowed by repeating one and the same run', () => {
    const one = blocksOf(hits(5000));
    const width = (runs: (typeof one)[]) => {
      const { low, high } = accuracyInterval(runs, createRng(2));
      return high! - low!;
    };
    expect(width([one, one, one]) / width([one])).toBeGreaterThan(0.8);
  });

  it('is the same for the same stream of chance', () => {
    const runs = [blocksOf(hits(1000))];
    expect(accuracyInterval(runs, createRng(3))).toEqual(accuracyInterval(runs, createRng(3)));
  });

  it('has no bounds for too few packets', () => {
    expect(accuracyInterval([blocksOf(Uint16Array.of(0, 1))], rng)).toEqual({ mean: 0.5, low: null, high: null });
  });
});

describe('interval of a drop', () => {
  /** Right in the same runs of packets, of which the second attack also misses every tenth. */
  const easy = hits(50, 0.6);
  const before = Uint16Array.from({ length: 20_000 }, (_, i) => easy[Math.floor(i / 400)]!);
  const after = before.map((wrong, i) => (i % 10 === 0 ? 1 : wrong));

  it('is far narrower than the two intervals where the same hours are hard in both', () => {
    const [a, b] = [before, after].map((predicted) => accuracyInterval([blocksOf(predicted)], createRng(1)));
    const drop = dropInterval([blocksOf(before)], [blocksOf(after)], createRng(1));
    expect(drop.mean).toBeCloseTo(a!.mean - b!.mean, 12);
    expect(drop.low!).toBeGreaterThan(0);
    expect(drop.high! - drop.low!).toBeLessThan((a!.high! - a!.low!) / 5);
  });

  it('is nothing at all between a run and itself', () => {
    const runs = [blocksOf(before), blocksOf(after)];
    expect(dropInterval(runs, runs, createRng(1))).toEqual({ mean: 0, low: 0, high: 0 });
  });

  it('is that of independent samples where nothing is shared', () => {
    const drop = dropInterval([blocksOf(hits(20_000, 0.7))], [blocksOf(hits(20_000, 0.6))], createRng(1));
    const expected = Math.hypot(binomial(0.7, 20_000), binomial(0.6, 20_000));
    expect((drop.high! - drop.low!) / expected).toBeGreaterThan(0.7);
    expect((drop.high! - drop.low!) / expected).toBeLessThan(1.3);
  });

  it('takes the same seeds of both', () => {
    const seeds = [0.5, 0.7, 0.9].map((p) => blocksOf(hits(20_000, p)));
    const worse = seeds.map(({ correct, total }) => ({ correct: correct.map((n) => n * 0.9), total }));
    // Seeds differ by 0.4, but each loses a tenth of its own.
    const { low, high } = dropInterval(seeds, worse, createRng(1));
    expect(low!).toBeGreaterThan(0.05);
    expect(high!).toBeLessThan(0.09);
  });

  it('has no bounds for too few packets, and copes with a different number of blocks', () => {
    const few = blocksOf(hits(50));
    expect(dropInterval([few], [few], rng).low).toBeNull();
    const { mean, low, high } = dropInterval([blocksOf(hits(20_000, 0.9))], [blocksOf(hits(3000, 0.5))], createRng(1));
    expect(low!).toBeLessThan(mean);
    expect(high!).toBeGreaterThan(mean);
  });
});
