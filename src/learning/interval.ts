import type { Rng } from '../shared/rng.js';

/** An estimate with a confidence interval; null where there is too little to make one from. */
export interface Interval {
  readonly mean: number;
  readonly low: number | null;
  readonly high: number | null;
}

/**
 * Student's t interval of the mean of independent repetitions (one value per seed): mean ± t · s / √n with n - 1 degrees
 * of freedom. It covers the chance in the run (defense, model), not the choice of data. Without bounds for n < 2.
 */
export function seedInterval(values: readonly number[], level = 0.95): Interval {
  const n = values.length;
  const mean = values.reduce((sum, x) => sum + x, 0) / n;
  if (n < 2) return { mean, low: null, high: null };
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1);
  const half = studentQuantile((1 + level) / 2, n - 1) * Math.sqrt(variance / n);
  return { mean, low: mean - half, high: mean + half };
}

/** Packets a block holds at least, and blocks at most: enough of them for a percentile, long enough to outlast bursts. */
const BLOCK_PACKETS = 100;
const BLOCKS = 50;
const RESAMPLES = 2000;

/**
 * Percentile interval of the accuracy of one run, by the bootstrap over blocks of consecutive packets: neighbours are
 * right or wrong together, so single packets would give far too narrow an interval. Non-overlapping blocks, after
 * Carlstein, "The use of subseries values for estimating the variance of a general statistic from a stationary
 * sequence", Annals of Statistics 14(3), 1986; percentiles after Efron and Tibshirani, "An introduction to the
 * bootstrap", 1993, chapter 13. The size of the blocks is our choice: a fiftieth of the packets, but at least 100.
 * Without bounds where that leaves fewer than two blocks.
 * @param correct 1 where the packet was identified, 0 where not, for real packets in order of time
 */
export function blockInterval(correct: Uint8Array, rng: Rng, level = 0.95): Interval {
  const n = correct.length;
  const blocks = Math.min(BLOCKS, Math.floor(n / BLOCK_PACKETS));
  let hits = 0;
  for (const one of correct) hits += one;
  const mean = hits / n;
  if (blocks < 2) return { mean, low: null, high: null };

  const size = new Float64Array(blocks);
  const right = new Float64Array(blocks);
  for (let b = 0; b < blocks; b++) {
    const from = Math.floor((b * n) / blocks);
    const to = Math.floor(((b + 1) * n) / blocks);
    size[b] = to - from;
    for (let i = from; i < to; i++) right[b]! += correct[i]!;
  }
  const means = new Float64Array(RESAMPLES);
  for (let r = 0; r < RESAMPLES; r++) {
    let packets = 0;
    let found = 0;
    for (let k = 0; k < blocks; k++) {
      const b = rng.integer(0, blocks - 1);
      packets += size[b]!;
      found += right[b]!;
    }
    means[r] = found / packets;
  }
  means.sort();
  const tail = Math.round(((1 - level) / 2) * RESAMPLES);
  return { mean, low: means[tail]!, high: means[RESAMPLES - 1 - tail]! };
}

/** The value below which Student's t with `degrees` degrees of freedom falls with probability p, 0.5 <= p < 1. */
export function studentQuantile(p: number, degrees: number): number {
  // The distribution in the angle atan(t / √degrees) is smooth on [0, π/2): bisection to the last bit.
  let low = 0;
  let high = Math.PI / 2;
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if ((1 + centralProbability(middle, degrees)) / 2 < p) low = middle;
    else high = middle;
  }
  return Math.tan(low) * Math.sqrt(degrees);
}

/** P(|T| <= √degrees · tan(angle)), exact for whole degrees: Abramowitz and Stegun, 26.7.3 and 26.7.4. */
function centralProbability(angle: number, degrees: number): number {
  const sin = Math.sin(angle);
  const cos = Math.cos(angle);
  const odd = degrees % 2 === 1;
  let term = odd ? cos : 1;
  let sum = degrees === 1 ? 0 : term;
  for (let k = odd ? 2 : 1; k <= degrees - 3; k += 2) {
    term *= (k / (k + 1)) * cos * cos;
    sum += term;
  }
  return odd ? (2 / Math.PI) * (angle + sin * sum) : sin * sum;
}
