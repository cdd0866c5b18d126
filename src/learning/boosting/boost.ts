import { InputError } from '../../shared/errors.js';
import { applyBins, type Column, type ColumnBins, learnBins, MAX_BINS } from '../forest/bins.js';

/**
 * Gradient boosting of stumps for two classes: Friedman, "Greedy function approximation: a gradient boosting machine", Annals of
 * Statistics 29(5), 2001, algorithm 5 with trees of depth 1. Each round fits a stump to the difference of labels and probabilities by least
 * squares and gives each of its sides a Newton step. Columns are in bins, which changes nothing for those of up to 256 values.
 */

/** A split on one column, and what it adds to the score on either side. */
interface Stump {
  readonly column: number;
  /** Last bin of the lower side. */
  readonly bin: number;
  readonly low: number;
  readonly high: number;
}

/** A trained model. */
export interface Boosted {
  /** Score before the first round: logarithm of the odds. */
  readonly start: number;
  readonly stumps: readonly Stump[];
}

/** Columns in bins, for any number of models. */
export interface BinnedTable {
  readonly rows: number;
  /** For each column, the bin of each row. */
  readonly bins: readonly Uint8Array[];
}

export interface BoostOptions {
  readonly rounds: number;
  /** Share of each stump's step that is taken, above 0. */
  readonly rate: number;
}

/**
 * Learns bins from columns of one length.
 * @returns a function that puts columns of the same kinds, and of any length, into these bins
 * @throws InputError for a column that holds NaN, or that is no numeric one
 */
export function learnTable(columns: readonly Column[]): (columns: readonly Column[]) => BinnedTable {
  const learnt: ColumnBins[] = columns.map((column) => {
    if (column.kind !== 'numeric') throw new InputError(`column ${column.name}: expected a numeric column`);
    return learnBins(column, new Uint16Array(0), 1, { numeric: MAX_BINS, categories: 1 });
  });
  return (asked) => ({
    rows: asked[0]?.values.length ?? 0,
    bins: learnt.map((bins, i) => {
      const out = new Uint8Array(asked[i]!.values.length);
      applyBins(bins, asked[i]!, out, 0, 1);
      return out;
    }),
  });
}

/**
 * Trains a model of the rows with `label` 1 against those with 0. Of splits that are equally good the first column's counts, and there the
 * lowest. It ends early where no column splits the rows any more.
 * @param label of each row of `table`; where all are equal, so are all answers
 */
export function boost({ rows, bins }: BinnedTable, label: Uint8Array, { rounds, rate }: BoostOptions): Boosted {
  const positive = label.reduce((sum, one) => sum + one, 0);
  const start = Math.log(positive / (rows - positive));
  if (!Number.isFinite(start)) return { start, stumps: [] };
  const score = new Float64Array(rows).fill(start);
  const residual = new Float64Array(rows);
  const splittable = bins.map(countBins);
  const stumps: Stump[] = [];
  for (let round = 0; round < rounds; round++) {
    for (let row = 0; row < rows; row++) residual[row] = label[row]! - probabilityOf(score[row]!);
    const split = bestSplit(splittable, residual);
    if (!split) break;
    const own = bins[split.column]!;
    /** Values of the lower side and the higher one. */
    const sums = [0, 0];
    const curvatures = [0, 0];
    for (let row = 0; row < rows; row++) {
      const side = own[row]! <= split.bin ? 0 : 1;
      const error = Math.abs(residual[row]!);
      sums[side]! += residual[row]!;
      curvatures[side]! += error * (1 - error);
    }
    const [low, high] = curvatures.map((sum, side) => (sum < LEAST_CURVATURE ? 0 : (rate * sums[side]!) / sum));
    const stump = { ...split, low: low!, high: high! };
    for (let row = 0; row < rows; row++) score[row]! += own[row]! <= stump.bin ? stump.low : stump.high;
    stumps.push(stump);
  }
  return { start, stumps };
}

/** Below it a side has learnt all that it can, and a step would be a division by nothing. */
const LEAST_CURVATURE = 1e-150;

/** A column, and what every round needs of it. */
interface CountedColumn {
  readonly bins: Uint8Array;
  /** Rows in each bin. */
  readonly counts: Uint32Array;
  readonly commonest: number;
  /** Rows that are not in the commonest bin: few, in a column that says whether something rare is there. */
  readonly others: Uint32Array;
}

function countBins(bins: Uint8Array): CountedColumn {
  const counts = new Uint32Array(MAX_BINS);
  for (const bin of bins) counts[bin]!++;
  const commonest = counts.indexOf(counts.reduce((most, count) => Math.max(most, count), 0));
  const others = Uint32Array.from(bins.keys()).filter((row) => bins[row] !== commonest);
  return { bins, counts, commonest, others };
}

/** The split that leaves the smallest sum of squares of the residuals, or null where no column has two values. */
function bestSplit(columns: readonly CountedColumn[], residual: Float64Array): Pick<Stump, 'column' | 'bin'> | null {
  const rows = residual.length;
  const total = residual.reduce((sum, one) => sum + one, 0);
  const sums = new Float64Array(MAX_BINS);
  let best: Pick<Stump, 'column' | 'bin'> | null = null;
  let highest = Number.NEGATIVE_INFINITY;
  for (const [column, { bins, counts, commonest, others }] of columns.entries()) {
    sums.fill(0);
    for (let i = 0; i < others.length; i++) sums[bins[others[i]!]!]! += residual[others[i]!]!;
    sums[commonest] = total - sums.reduce((all, one) => all + one, 0);
    let below = 0;
    let sum = 0;
    for (let bin = 0; bin < MAX_BINS; bin++) {
      const count = counts[bin]!;
      if (count === 0) continue;
      below += count;
      if (below === rows) break;
      sum += sums[bin]!;
      const gain = sum ** 2 / below + (total - sum) ** 2 / (rows - below);
      if (gain <= highest) continue;
      highest = gain;
      best = { column, bin };
    }
  }
  return best;
}

/** The probability of label 1 for each row. */
export function predictBoosted({ start, stumps }: Boosted, { rows, bins }: BinnedTable): Float64Array {
  const score = new Float64Array(rows).fill(start);
  for (const { column, bin, low, high } of stumps) {
    const own = bins[column]!;
    for (let row = 0; row < rows; row++) score[row]! += own[row]! <= bin ? low : high;
  }
  return score.map(probabilityOf);
}

const probabilityOf = (score: number): number => 1 / (1 + Math.exp(-score));
