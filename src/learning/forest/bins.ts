import { InputError } from '../../shared/errors.js';

/** Most bins of a column: a bin is a byte. */
export const MAX_BINS = 256;

/** A column of a table: numbers, or small whole numbers without an order. */
export type Column = NumericColumn | CategoricalColumn;

interface NumericColumn {
  readonly kind: 'numeric';
  readonly name: string;
  readonly values: Float64Array | Float32Array | Uint32Array | Uint16Array | Uint8Array;
}

interface CategoricalColumn {
  readonly kind: 'categorical';
  readonly name: string;
  readonly values: Uint16Array | Uint8Array;
}

/** The map from a column's values to bins 0, 1, ...: learned from the training rows, part of the model. */
export type ColumnBins = NumericBins | CategoricalBins;

export interface NumericBins {
  readonly kind: 'numeric';
  readonly name: string;
  readonly bins: number;
  /** Ascending, one fewer than bins: bin b holds the values above edges[b - 1] and up to edges[b]. */
  readonly edges: Float64Array;
}

export interface CategoricalBins {
  readonly kind: 'categorical';
  readonly name: string;
  readonly bins: number;
  /** The value of each bin; -1 for the bin that all other values share. */
  readonly categories: Int32Array;
}

export interface BinLimits {
  /** Bins of a numeric column, 2 to 256. */
  readonly numeric: number;
  /** Number of the most frequent values of a categorical column that get their own bin, 1 to 255. */
  readonly categories: number;
}

/**
 * Learns the bins of a column.
 * @throws InputError where a numeric column holds NaN.
 */
export function learnBins(column: Column, label: Uint16Array, classes: number, limits: BinLimits): ColumnBins {
  return column.kind === 'numeric'
    ? learnNumericBins(column, limits.numeric)
    : learnCategoricalBins(column, label, classes, limits.categories);
}

/**
 * One bin per distinct value where there are few enough. Otherwise bins of about equally many rows, except that a value with more
 * rows than that has its own bin: a frequent frame length is often a device's signature and must not share a bin. After GreedyFindBin of LightGBM (Ke et al., NIPS 2017; src/io/bin.cpp). Edges lie midway between values.
 */
function learnNumericBins({ name, values }: NumericColumn, limit: number): NumericBins {
  const sorted = new Float64Array(values).sort();
  // NaN sorts last.
  if (Number.isNaN(sorted.at(-1))) throw new InputError(`column ${name}: expected numbers, found one that is not`);
  const { distinct, counts } = countDistinct(sorted);
  const edges: number[] = [];
  const edgeAfter = (i: number) => edges.push(midway(distinct[i]!, distinct[i + 1]!));
  if (distinct.length <= limit) {
    for (let i = 0; i + 1 < distinct.length; i++) edgeAfter(i);
  } else {
    const heavy = new Uint8Array(distinct.length);
    let lightBins = limit;
    let lightRows = sorted.length;
    for (let i = 0; i < counts.length; i++) {
      if (counts[i]! < sorted.length / limit) continue;
      heavy[i] = 1;
      lightBins--;
      lightRows -= counts[i]!;
    }
    let share = lightRows / lightBins;
    let rows = 0;
    for (let i = 0; i + 1 < distinct.length && edges.length < limit - 1; i++) {
      rows += counts[i]!;
      if (!heavy[i]) lightRows -= counts[i]!;
      if (heavy[i] || rows >= share || (heavy[i + 1] && rows >= Math.max(1, share / 2))) {
        edgeAfter(i);
        rows = 0;
        if (!heavy[i] && --lightBins > 0) share = lightRows / lightBins;
      }
    }
  }
  return { kind: 'numeric', name, bins: edges.length + 1, edges: Float64Array.from(edges) };
}

function countDistinct(sorted: Float64Array): { distinct: Float64Array; counts: Uint32Array } {
  const distinct = new Float64Array(sorted.length);
  const counts = new Uint32Array(sorted.length);
  let size = 0;
  for (let i = 0; i < sorted.length; i++) {
    const value = sorted[i]!;
    if (size === 0 || value !== distinct[size - 1]) distinct[size++] = value;
    counts[size - 1]!++;
  }
  return { distinct: distinct.subarray(0, size), counts: counts.subarray(0, size) };
}

/** The mean of two neighbours; the lower one where rounding or infinity would give the upper one or NaN. */
function midway(low: number, high: number): number {
  const middle = low / 2 + high / 2;
  return middle >= low && middle < high ? middle : low;
}

/**
 * One bin for each of the `limit` most frequent values, and one for all others, seen or not. Bins are in order of the first
 * principal component of the values' class frequencies: then a threshold on the bin number splits the values into two
 * sets, and where there are two classes the best such split is the best of all subsets. Ordering once for the whole
 * forest is as good as ordering in every node: Coppersmith, Hong and Hosking, "Partitioning nominal attributes in
 * decision trees", Data Mining and Knowledge Discovery 3, 1999; Wright and König, "Splitting on categorical predictors
 * in random forests", PeerJ 7:e6339, 2019.
 */
function learnCategoricalBins(
  { name, values }: CategoricalColumn,
  label: Uint16Array,
  classes: number,
  limit: number,
): CategoricalBins {
  const uses = new Uint32Array(0x10000);
  for (const value of values) uses[value]!++;
  const used = [...uses.keys()].filter((value) => uses[value]! > 0);
  const kept = used.sort((a, b) => uses[b]! - uses[a]! || a - b).slice(0, limit);
  const other = kept.length;
  const rowOf = new Uint16Array(0x10000).fill(other);
  for (const [row, value] of kept.entries()) rowOf[value] = row;

  const counts = new Float64Array((other + 1) * classes);
  for (let i = 0; i < values.length; i++) counts[rowOf[values[i]!]! * classes + label[i]!]!++;
  const scores = principalScores(counts, classes);
  const order = [...scores.keys()].sort((a, b) => scores[a]! - scores[b]! || a - b);
  const categories = Int32Array.from(order, (row) => kept[row] ?? -1);
  return { kind: 'categorical', name, bins: categories.length, categories };
}

/**
 * Scores of the rows of a table of counts (rows x classes) on the first principal component of their class frequencies,
 * weighted by the rows' counts; 0, the mean, for a row without counts.
 */
function principalScores(counts: Float64Array, classes: number): Float64Array {
  const rows = counts.length / classes;
  const weight = new Float64Array(rows);
  const mean = new Float64Array(classes);
  for (let i = 0; i < counts.length; i++) {
    weight[Math.floor(i / classes)]! += counts[i]!;
    mean[i % classes]! += counts[i]!;
  }
  const total = mean.reduce((sum, x) => sum + x, 0);
  const centred = counts.map((count, i) => {
    const row = weight[Math.floor(i / classes)]!;
    return row === 0 ? 0 : count / row - mean[i % classes]! / total;
  });
  // Power iteration on the covariance, without forming it. It starts from the deviation of the row that varies most, which is
  // not orthogonal to the component.
  const spread = (row: number) => {
    let sum = 0;
    for (let c = 0; c < classes; c++) sum += centred[row * classes + c]! ** 2;
    return sum * weight[row]!;
  };
  let widest = 0;
  for (let row = 1; row < rows; row++) if (spread(row) > spread(widest)) widest = row;
  let axis = centred.slice(widest * classes, (widest + 1) * classes);
  const scores = new Float64Array(rows);
  for (let step = 0; step < 100; step++) {
    const next = new Float64Array(classes);
    for (let row = 0; row < rows; row++) {
      let score = 0;
      for (let c = 0; c < classes; c++) score += centred[row * classes + c]! * axis[c]!;
      scores[row] = score;
      for (let c = 0; c < classes; c++) next[c]! += weight[row]! * score * centred[row * classes + c]!;
    }
    const norm = Math.hypot(...next);
    if (norm === 0) break;
    axis = next.map((x) => x / norm);
  }
  return scores;
}

/** Writes the bin of each value of `column` into `out`, at `offset`, `offset + step`, ... */
export function applyBins(bins: ColumnBins, column: Column, out: Uint8Array, offset: number, step: number): void {
  if (bins.kind === 'numeric') applyEdges(bins.edges, new Float64Array(column.values), out, offset, step);
  else applyCategories(bins.categories, new Uint16Array(column.values), out, offset, step);
}

function applyEdges(edges: Float64Array, values: Float64Array, out: Uint8Array, offset: number, step: number): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    let low = 0;
    let high = edges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (value <= edges[middle]!) high = middle;
      else low = middle + 1;
    }
    out[offset + i * step] = low;
  }
}

function applyCategories(
  categories: Int32Array,
  values: Uint16Array,
  out: Uint8Array,
  offset: number,
  step: number,
): void {
  const binOf = new Uint8Array(0x10000).fill(categories.indexOf(-1));
  for (let bin = 0; bin < categories.length; bin++) if (categories[bin]! >= 0) binOf[categories[bin]!] = bin;
  for (let i = 0; i < values.length; i++) out[offset + i * step] = binOf[values[i]!]!;
}
