import type { Rng } from '../shared/rng.js';
import { NO_CLASS } from './windows.js';

/** An estimate with a confidence interval; null where there is too little data for one. */
export interface Interval {
  readonly mean: number;
  readonly low: number | null;
  readonly high: number | null;
}

/** Fewest packets of a block, and most blocks: enough blocks for a percentile, each long enough to outlast bursts. */
const BLOCK_PACKETS = 100;
const BLOCKS = 50;
const RESAMPLES = 2000;

/** Correct answers of an attack in blocks of consecutive real packets. */
export interface BlockCounts {
  readonly correct: Float64Array;
  readonly total: Float64Array;
}

/**
 * Cuts the scored packets of a run into equal blocks: a fiftieth of them each, but at least 100 packets (our choice); one block where
 * there are fewer than 200.
 * @param truth class per packet in order of time; NO_CLASS for packets that are not scored
 * @param predicted class per packet
 */
export function countBlocks(truth: Uint16Array, predicted: Uint16Array): BlockCounts {
  let scored = 0;
  for (const c of truth) if (c !== NO_CLASS) scored++;
  const blocks = Math.max(1, Math.min(BLOCKS, Math.floor(scored / BLOCK_PACKETS)));
  const correct = new Float64Array(blocks);
  const total = new Float64Array(blocks);
  let rank = 0;
  for (let i = 0; i < truth.length; i++) {
    if (truth[i] === NO_CLASS) continue;
    const block = Math.floor((rank++ * blocks) / scored);
    total[block]!++;
    if (predicted[i] === truth[i]) correct[block]!++;
  }
  return { correct, total };
}

/**
 * The accuracy over one or several runs (seeds) on the same test part, with a 95 % percentile interval by the bootstrap
 * over blocks and, crossed with it, over runs. It resamples blocks because neighbouring packets are right or wrong together, and
 * single packets would give far too narrow an interval: Carlstein, "The use of subseries values for estimating the
 * variance of a general statistic from a stationary sequence", Annals of Statistics 14(3), 1986. It is crossed because all
 * runs are tested on the same traffic: Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2), 2007. With one
 * run the interval covers the choice of test time only. Without bounds where there are fewer than two blocks.
 */
export function accuracyInterval(runs: readonly BlockCounts[], rng: Rng, level = 0.95): Interval {
  return bootstrap([runs], ([accuracy]) => accuracy!, rng, level);
}

/**
 * The accuracy in the runs `before` less that in the runs `after`, with an interval as in {@link accuracyInterval}. Run i of both has the
 * same seed, and each resample takes the same runs and blocks of both, so an hour that is hard in both does not count as a
 * difference. Blocks are shares of the test part's packets, so a defense that cuts packets shifts them a little against each
 * other, which can only widen the interval.
 */
export function dropInterval(
  before: readonly BlockCounts[],
  after: readonly BlockCounts[],
  rng: Rng,
  level = 0.95,
): Interval {
  return bootstrap([before, after], ([b, a]) => b! - a!, rng, level);
}

/** The two sums of a ratio, by block: correct packets and packets, or bytes and seconds. */
export interface RatioBlocks {
  readonly part: Float64Array;
  readonly whole: Float64Array;
}

/**
 * The ratio of the sums in `after` less that in `before`, with a 95 % percentile interval by the bootstrap over blocks, as in
 * {@link accuracyInterval}. Each side is resampled separately, since the two cover different times. Null where a denominator is 0;
 * without bounds where a side has fewer than two blocks.
 */
export function ratioDifference(before: RatioBlocks, after: RatioBlocks, rng: Rng, level = 0.95): Interval | null {
  const sides = [before, after];
  if (sides.some(({ whole }) => total(whole) === 0)) return null;
  const ratioOf = ({ part, whole }: RatioBlocks, chosen: (block: number) => number) => {
    let [parts, wholes] = [0, 0];
    for (let i = 0; i < whole.length; i++) {
      parts += part[chosen(i)]!;
      wholes += whole[chosen(i)]!;
    }
    return parts / wholes;
  };
  const mean = ratioOf(after, (i) => i) - ratioOf(before, (i) => i);
  if (sides.some(({ whole }) => whole.length < 2)) return { mean, low: null, high: null };
  const values = new Float64Array(RESAMPLES);
  for (let r = 0; r < RESAMPLES; r++) {
    const draw = (side: RatioBlocks): number => {
      const chosen = Array.from(side.whole, () => rng.integer(0, side.whole.length - 1));
      const value = ratioOf(side, (i) => chosen[i]!);
      // Only empty blocks were drawn: draw again.
      return Number.isNaN(value) ? draw(side) : value;
    };
    values[r] = draw(after) - draw(before);
  }
  return { mean, ...bounds(values, level) };
}

/** The interval of `statistic` of the accuracies of several groups of equally many runs, resampled together. */
function bootstrap(
  groups: readonly (readonly BlockCounts[])[],
  statistic: (accuracies: readonly number[]) => number,
  rng: Rng,
  level: number,
): Interval {
  // A defense that changes the number of packets may change the number of blocks; equal shares of the test time are matched.
  const blocks = Math.min(...groups.flat().map((run) => run.total.length));
  const mean = statistic(
    groups.map((runs) => runs.reduce((sum, run) => sum + total(run.correct) / total(run.total), 0) / runs.length),
  );
  if (blocks < 2) return { mean, low: null, high: null };
  const values = new Float64Array(RESAMPLES);
  for (let r = 0; r < RESAMPLES; r++) {
    const chosen = Array.from({ length: blocks }, () => rng.integer(0, blocks - 1));
    const seeds = groups[0]!.map((_, __, runs) => rng.integer(0, runs.length - 1));
    values[r] = statistic(groups.map((runs) => pooledAccuracy(runs, seeds, chosen)));
  }
  return { mean, ...bounds(values, level) };
}

/** The percentiles of resampled values that leave out equally many on either side. */
function bounds(values: Float64Array, level: number): { low: number; high: number } {
  values.sort();
  const tail = Math.round(((1 - level) / 2) * values.length);
  return { low: values[tail]!, high: values[values.length - 1 - tail]! };
}

/** Accuracy of the runs `seeds` over the blocks `chosen`, numbered as if each run had `chosen.length` blocks. */
function pooledAccuracy(runs: readonly BlockCounts[], seeds: readonly number[], chosen: readonly number[]): number {
  let correct = 0;
  let total = 0;
  for (const seed of seeds) {
    const counts = runs[seed]!;
    const scale = counts.total.length / chosen.length;
    for (const k of chosen) {
      const at = Math.floor(k * scale);
      correct += counts.correct[at]!;
      total += counts.total[at]!;
    }
  }
  return correct / total;
}

function total(counts: Float64Array): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}
