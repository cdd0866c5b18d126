import type { Column } from './forest/bins.js';

/** Rows with a class each. Columns all have one length, that of `label`. */
export interface LabelledRows {
  readonly columns: readonly Column[];
  readonly label: Uint16Array;
}

/**
 * The share of `test` rows whose nearest neighbour in `train` is of another class. Of neighbours equally near one is drawn: the share
 * is the mean over all such draws, so nothing is left to chance. (A vote among them would be a better classifier, but not one that
 * Cover and Hart's bound is about.)
 *
 * The distance of two rows is the sum over columns: for a categorical one 1 where the values differ; for a numeric one the
 * difference of their ranks among the training values, as a share of these (equal values share the middle of their ranks). Gower, "A
 * general coefficient of similarity and some of its properties", Biometrics 27, 1971, with ranks for values as in Podani, Taxon
 * 48, 1999: ranks depend on no unit, and two values that are often met are far apart however near their numbers.
 * @param test columns as in `train`: same kinds, same order
 * @returns null where there is no row in `train` or in `test`
 */
export function nearestNeighbourError(train: LabelledRows, test: LabelledRows): number | null {
  if (train.label.length === 0 || test.label.length === 0) return null;
  const { known, asked, codes, width } = scaleRows(train, test);
  let wrong = 0;
  for (let row = 0; row < test.label.length; row++) {
    wrong += shareOfOthers(known, train.label, asked.subarray(row * width, (row + 1) * width), codes, test.label[row]!);
  }
  return wrong / test.label.length;
}

/** Both tables row by row, categorical columns first. Ranks are counted in halves: whole numbers, so that equal distances are equal. */
function scaleRows(train: LabelledRows, test: LabelledRows) {
  const kinds = (kind: Column['kind']) => [...train.columns.keys()].filter((i) => train.columns[i]!.kind === kind);
  const codes = kinds('categorical');
  const order = [...codes, ...kinds('numeric')];
  const sorted = order.map((i) => new Float64Array(train.columns[i]!.values).sort());
  const scale = ({ columns, label }: LabelledRows) => {
    const table = new Int32Array(label.length * order.length);
    for (const [at, i] of order.entries()) {
      const { kind, values } = columns[i]!;
      for (let row = 0; row < label.length; row++) {
        table[row * order.length + at] = kind === 'numeric' ? rankOf(values[row]!, sorted[at]!) : values[row]!;
      }
    }
    return table;
  };
  return { known: scale(train), asked: scale(test), codes: codes.length, width: order.length };
}

/** Of the rows of `known` nearest to `own`, the share whose label is another than `label`. The first `codes` columns are categorical. */
function shareOfOthers(known: Int32Array, labels: Uint16Array, own: Int32Array, codes: number, label: number): number {
  const width = own.length;
  // As far apart as the lowest rank and the highest.
  const mismatch = 2 * labels.length;
  let nearest = Number.MAX_SAFE_INTEGER;
  let ties = 0;
  let others = 0;
  for (let row = 0, at = 0; row < labels.length; row++, at += width) {
    let distance = 0;
    let k = 0;
    // Given up as soon as it is too far: most rows are, after a column or two.
    for (; k < codes && distance <= nearest; k++) if (known[at + k] !== own[k]) distance += mismatch;
    for (; k < width && distance <= nearest; k++) distance += Math.abs(known[at + k]! - own[k]!);
    if (distance > nearest) continue;
    if (distance < nearest) {
      nearest = distance;
      ties = 0;
      others = 0;
    }
    ties++;
    if (labels[row] !== label) others++;
  }
  return others / ties;
}

/** Where `value` stands among `sorted`, in halves: those below it, and half of those equal to it. */
function rankOf(value: number, sorted: Float64Array): number {
  return countUpTo(sorted, value, false) + countUpTo(sorted, value, true);
}

/** How many are below `value`, or no higher with `equal`. */
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
