import type { Rng } from '../shared/rng.js';
import { NO_CLASS } from './windows.js';

/** An estimate with a confidence interval; null where there is too little to make one from. */
export interface Interval {
  readonly mean: number;
  readonly low: number | null;
  readonly high: number | null;
}

/** Packets a block holds at least, and blocks at most: enough of them for a percentile, long enough to outlast bursts. */
const BLOCK_PACKETS = 100;
const BLOCKS = 50;
const RESAMPLES = 2000;

/** How often an attack was right in each of a number of blocks of consecutive real packets. */
export interface BlockCounts {
  readonly correct: Float64Array;
  readonly total: Float64Array;
}

/**
 * Cuts the scored packets of a run into blocks of equally many: a fiftieth of them each, but at least 100 packets (our
 * choice); one block where there are fewer than 200.
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
 * over blocks and, crossed with it, over runs. Blocks, because neighbouring packets are right or wrong together, and
 * single packets would give far too narrow an interval: Carlstein, "The use of subseries values for estimating the
 * variance of a general statistic from a stationary sequence", Annals of Statistics 14(3), 1986. Crossed, because all
 * runs are tested on the same traffic: Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2), 2007. With one
 * run the interval covers the choice of test time only. Without bounds where there are fewer than two blocks.
 */
export function accuracyInterval(runs: readonly BlockCounts[], rng: Rng, level = 0.95): Interval {
  // A defense that changes how many packets there are may change the number of blocks; shares of the test time line up.
  const blocks = Math.min(...runs.map((run) => run.total.length));
  const accuracyOf = (run: (k: number) => number, block: (k: number) => number): number => {
    let correct = 0;
    let total = 0;
    const chosen = Array.from({ length: blocks }, (_, k) => block(k));
    for (let s = 0; s < runs.length; s++) {
      const counts = runs[run(s)]!;
      const scale = counts.total.length / blocks;
      for (const k of chosen) {
        const at = Math.floor(k * scale);
        correct += counts.correct[at]!;
        total += counts.total[at]!;
      }
    }
    return correct / total;
  };
  const mean = runs.reduce((sum, run) => sum + total(run.correct) / total(run.total), 0) / runs.length;
  if (blocks < 2) return { mean, low: null, high: null };
  const means = new Float64Array(RESAMPLES);
  for (let r = 0; r < RESAMPLES; r++) {
    means[r] = accuracyOf(
      () => rng.integer(0, runs.length - 1),
      () => rng.integer(0, blocks - 1),
    );
  }
  means.sort();
  const tail = Math.round(((1 - level) / 2) * RESAMPLES);
  return { mean, low: means[tail]!, high: means[RESAMPLES - 1 - tail]! };
}

function total(counts: Float64Array): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}
