import { take } from '../shared/columns.js';
import type { Column } from './forest/bins.js';

/** Labelled rows. All columns have the length of `label`. */
export interface LabelledRows {
  readonly columns: readonly Column[];
  readonly label: Uint16Array;
}

/**
 * The share of `test` rows whose nearest neighbour in `train` has another class. Where several neighbours are equally near it is the
 * mean over all choices of one, so nothing is random. (A vote among them would be a better classifier, but Cover and Hart's bound
 * does not cover it.)
 *
 * The distance of two rows is the sum over columns: for a categorical one 1 where the values differ; for a numeric one the
 * difference of their ranks among the training values, as a share of these (equal values share the middle of their ranks). Gower, "A
 * general coefficient of similarity and some of its properties", Biometrics 27, 1971, with ranks for values as in Podani, Taxon
 * 48, 1999: ranks do not depend on units, and two frequent values are far apart even where the numbers are close.
 * @param test columns as in `train`: same kinds, same order
 * @returns null where there is no row in `train` or in `test`
 */
export function nearestNeighbourError(train: LabelledRows, test: LabelledRows): number | null {
  if (train.label.length === 0 || test.label.length === 0) return null;
  const { known, asked } = scaleRows(train, test);
  let wrong = 0;
  for (let row = 0; row < test.label.length; row++) {
    wrong += shareOfOthers(known, asked.subarray(row * known.width, (row + 1) * known.width), test.label[row]!);
  }
  return wrong / test.label.length;
}

/** Rows as whole numbers, row-major: categorical columns first, then ranks, counted in halves so that equal distances are equal. */
interface ScaledRows {
  readonly table: Int32Array;
  /** In the order of `table`, which is sorted by the first rank. */
  readonly label: Uint16Array;
  readonly width: number;
  /** Number of categorical columns. */
  readonly codes: number;
}

function scaleRows(train: LabelledRows, test: LabelledRows): { known: ScaledRows; asked: Int32Array } {
  const sorted = train.columns.map(({ values }) => new Float64Array(values).sort());
  const kinds = (kind: Column['kind']) => [...train.columns.keys()].filter((i) => train.columns[i]!.kind === kind);
  const codes = kinds('categorical');
  // The column with most distinct values comes first, since the search goes along it.
  const distinct = sorted.map((values) => new Set(values).size);
  const order = [...codes, ...kinds('numeric').sort((a, b) => distinct[b]! - distinct[a]!)];
  const width = order.length;
  const scale = (columns: readonly Column[], rows: Uint32Array) => {
    const table = new Int32Array(rows.length * width);
    for (const [at, i] of order.entries()) {
      const { kind, values } = columns[i]!;
      for (const [place, row] of rows.entries()) {
        table[place * width + at] = kind === 'numeric' ? rankOf(values[row]!, sorted[i]!) : values[row]!;
      }
    }
    return table;
  };
  const rows = (label: Uint16Array) => Uint32Array.from(label, (_, row) => row);
  const leading = train.columns[order[codes.length] ?? -1]?.values;
  const along = leading ? rows(train.label).sort((a, b) => leading[a]! - leading[b]!) : rows(train.label);
  return {
    known: { table: scale(train.columns, along), label: take(train.label, along), width, codes: codes.length },
    asked: scale(test.columns, rows(test.label)),
  };
}

/** The share of other labels than `label` among the known rows nearest to `own`. */
function shareOfOthers({ table, label: labels, width, codes }: ScaledRows, own: Int32Array, label: number): number {
  const rows = labels.length;
  // The distance between the lowest and the highest rank.
  const mismatch = 2 * rows;
  const isRanked = codes < width;
  let start = 0;
  for (let high = isRanked ? rows : 0; start < high; ) {
    const middle = (start + high) >>> 1;
    if (table[middle * width + codes]! < own[codes]!) start = middle + 1;
    else high = middle;
  }
  let nearest = Number.MAX_SAFE_INTEGER;
  let ties = 0;
  let others = 0;
  // The search goes up and down from the row's own first rank until that distance alone exceeds the nearest.
  for (const step of [1, -1]) {
    for (let row = step > 0 ? start : start - 1; row >= 0 && row < rows; row += step) {
      const at = row * width;
      if (isRanked && Math.abs(table[at + codes]! - own[codes]!) > nearest) break;
      let distance = 0;
      let k = 0;
      // Most rows are rejected after a column or two.
      for (; k < codes && distance <= nearest; k++) if (table[at + k] !== own[k]) distance += mismatch;
      for (; k < width && distance <= nearest; k++) distance += Math.abs(table[at + k]! - own[k]!);
      if (distance > nearest) continue;
      if (distance < nearest) {
        nearest = distance;
        ties = 0;
        others = 0;
      }
      ties++;
      if (labels[row] !== label) others++;
    }
  }
  return others / ties;
}

/** The rank of `value` in `sorted`, in halves: twice the number of values below it plus the number equal to it. */
function rankOf(value: number, sorted: Float64Array): number {
  return countUpTo(sorted, value, false) + countUpTo(sorted, value, true);
}

/** The number of values below `value`, or at most `value` with `equal`. */
function countUpTo(sorted: Float64Array, value: number, equal: boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const found = sorted[middle]!;
    if (found < value || (equal && found === value)) low = middle + 1;
    else high = middle;
  }
  return low;
}
