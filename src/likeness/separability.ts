import { areaUnderRoc } from '../learning/auc.js';
import type { Column } from '../learning/forest/bins.js';
import { predictProbabilities, trainForest } from '../learning/forest/forest.js';
import type { Interval } from '../learning/interval.js';
import type { Rng } from '../shared/rng.js';

/** Rows of two kinds, A and B, with the same columns. */
export interface TwoKinds {
  readonly columns: readonly Column[];
  /** 1 for a row of kind B, 0 for one of kind A. */
  readonly isB: Uint8Array;
}

/** The rows of `a` as kind A, followed by those of `b` as kind B. @param b the same columns as `a` */
export function joinKinds(a: readonly Column[], b: readonly Column[]): TwoKinds {
  const columns = a.map((column, i) => {
    const [first, second] = [column.values as Float32Array, b[i]!.values as Float32Array];
    const values = new (first.constructor as Float32ArrayConstructor)(first.length + second.length);
    values.set(first);
    values.set(second, first.length);
    return { ...column, values } as Column;
  });
  const rowsOfA = a[0]?.values.length ?? 0;
  return { columns, isB: Uint8Array.from(columns[0]?.values ?? [], (_, row) => Number(row >= rowsOfA)) };
}

export interface SeparabilityOptions {
  readonly rng: Rng;
  readonly threads: number;
  /** 50 by default: enough for a ranking that no longer changes much. */
  readonly trees?: number;
  /** Rows in a leaf, at least; more make finer scores. */
  readonly minLeaf?: number;
  /** True where both kinds are to weigh the same in training, however many rows each has. */
  readonly isBalanced?: boolean;
}

/**
 * Trains a random forest to tell the two kinds in `train` apart, and scores each row of `test`: 0 for kind A, 1 for kind B. This is
 * the classifier two-sample test of Lopez-Paz and Oquab (ICLR 2017).
 * @returns null where `train` or `test` lacks one of the kinds
 */
export async function scoreKinds(
  train: TwoKinds,
  test: TwoKinds,
  { rng, threads, trees = 50, minLeaf, isBalanced = false }: SeparabilityOptions,
): Promise<Float32Array | null> {
  const hasBoth = ({ isB }: TwoKinds) => isB.includes(0) && isB.includes(1);
  if (!hasBoth(train) || !hasBoth(test)) return null;
  const rows = train.isB.length;
  const rowsOfB = train.isB.reduce((sum, one) => sum + one, 0);
  const classWeight = isBalanced ? [rows - rowsOfB, rowsOfB].map((count) => (1 / count) * rows) : undefined;
  const label = Uint16Array.from(train.isB);
  const forest = await trainForest(train.columns, label, {
    classes: 2,
    trees,
    minLeaf,
    classWeight,
    outOfBag: false,
    rng,
    threads,
  });
  const probabilities = await predictProbabilities(forest, test.columns, threads);
  return Float32Array.from(test.isB, (_, row) => probabilities[2 * row + 1]!);
}

/**
 * Area under the ROC curve of the forest of {@link scoreKinds} on `test`: 0.5 where it can but guess, 1 where it is always right.
 * Another classifier may still find what this one does not.
 * @returns null where `train` or `test` lacks one of the kinds
 */
export async function separability(
  train: TwoKinds,
  test: TwoKinds,
  options: SeparabilityOptions,
): Promise<number | null> {
  const scores = await scoreKinds(train, test, options);
  return scores && areaUnderRoc(scores, test.isB);
}

/** Scores of one run, each kind in order of time. */
export interface KindScores {
  readonly a: Float32Array;
  readonly b: Float32Array;
}

/** Scores are rounded to so many steps from 0 to 1, finer than what a forest of a hundred trees gives. */
const STEPS = 1000;
const BLOCKS = 20;
const RESAMPLES = 500;

/** Mean area under the ROC curve over runs, with a 95 % interval by the bootstrap over blocks of time and over runs. */
export function areaInterval(runs: readonly KindScores[], rng: Rng): Interval {
  const every = Array.from({ length: BLOCKS }, (_, k) => k);
  const tables = runs.map(({ a, b }) => winsOfBlocks(countScores(a), countScores(b)));
  const mean = tables.reduce((sum, table) => sum + area(table, every, every), 0) / runs.length;
  const areas = Float64Array.from({ length: RESAMPLES }, () => {
    const blocks = () => every.map(() => rng.integer(0, BLOCKS - 1));
    const [a, b] = [blocks(), blocks()];
    let sum = 0;
    for (let i = 0; i < runs.length; i++) sum += area(tables[rng.integer(0, runs.length - 1)]!, a, b);
    return sum / runs.length;
  }).sort();
  const tail = Math.round(0.025 * RESAMPLES);
  return { mean, low: areas[tail]!, high: areas[RESAMPLES - 1 - tail]! };
}

/** Histogram of the scores in each of {@link BLOCKS} blocks of consecutive rows. */
function countScores(scores: Float32Array): Float64Array[] {
  const blocks = Array.from({ length: BLOCKS }, () => new Float64Array(STEPS + 1));
  for (const [i, score] of scores.entries()) {
    blocks[Math.floor((i * BLOCKS) / scores.length)]![Math.round(score * STEPS)]!++;
  }
  return blocks;
}

/** For each pair of blocks, at index {@link BLOCKS} times A's plus B's: pairs of rows, and in how many of them B's row scores higher. */
interface Wins {
  readonly wins: Float64Array;
  readonly pairs: Float64Array;
}

/** Ties count half (Mann and Whitney, 1947). */
function winsOfBlocks(a: readonly Float64Array[], b: readonly Float64Array[]): Wins {
  const wins = new Float64Array(BLOCKS * BLOCKS);
  const pairs = new Float64Array(BLOCKS * BLOCKS);
  for (let i = 0; i < BLOCKS; i++) {
    for (let j = 0; j < BLOCKS; j++) {
      let [below, won, all] = [0, 0, 0];
      for (let s = 0; s <= STEPS; s++) {
        won += b[j]![s]! * (below + a[i]![s]! / 2);
        below += a[i]![s]!;
        all += b[j]![s]!;
      }
      wins[i * BLOCKS + j] = won;
      pairs[i * BLOCKS + j] = below * all;
    }
  }
  return { wins, pairs };
}

function area({ wins, pairs }: Wins, blocksOfA: readonly number[], blocksOfB: readonly number[]): number {
  let [won, all] = [0, 0];
  for (const a of blocksOfA) {
    for (const b of blocksOfB) {
      won += wins[a * BLOCKS + b]!;
      all += pairs[a * BLOCKS + b]!;
    }
  }
  return won / all;
}
