import type { Column } from './forest/bins.js';

/**
 * Learns rows with classes, and returns what answers for others: the share of each class among the `k` nearest rows by Euclidean distance,
 * rows x classes. The nearest row decides between classes of equal share. Every column is first brought to a mean of 0 and a deviation
 * of 1 over the learnt rows; one that does not vary there counts for nothing.
 *
 * The search goes along the first column in both directions until that column alone is further than the `k`-th nearest row, so an answer
 * takes at most as many steps as there are learnt rows.
 * @param label class of each row; at least one
 */
export function learnNearest(
  columns: readonly Column[],
  label: Uint16Array,
  classes: number,
  k: number,
): (columns: readonly Column[]) => Float32Array {
  const scales = columns.map(({ values }) => scaleOf(values));
  const leading = columns[0]!.values;
  const order = Uint32Array.from(label.keys()).sort((a, b) => leading[a]! - leading[b]!);
  const known: KnownRows = {
    table: standardize(columns, scales, order),
    label: label.map((_, i) => label[order[i]!]!),
    width: columns.length,
  };
  const found: Found = { distance: new Float64Array(k), label: new Uint16Array(k), size: 0 };
  return (asked) => {
    const rows = Uint32Array.from(asked[0]!.values.keys());
    const table = standardize(asked, scales, rows);
    const answers = new Float32Array(rows.length * classes);
    for (let row = 0; row < rows.length; row++) {
      search(known, table.subarray(row * known.width, (row + 1) * known.width), found);
      for (let i = 0; i < found.size; i++) {
        answers[row * classes + found.label[i]!]! += (i === 0 ? 1 + TIE : 1) / (found.size + TIE);
      }
    }
    return answers;
  };
}

/** Weight of the nearest row beyond its vote: too little to outweigh one. */
const TIE = 1e-3;

interface Scale {
  readonly mean: number;
  /** 1 / deviation; 0 for values that are all the same. */
  readonly factor: number;
}

function scaleOf(values: Column['values']): Scale {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return { mean, factor: squares === 0 ? 0 : 1 / Math.sqrt(squares / values.length) };
}

/** The given rows of the columns, row-major. */
function standardize(columns: readonly Column[], scales: readonly Scale[], rows: Uint32Array): Float64Array {
  const width = columns.length;
  const table = new Float64Array(rows.length * width);
  for (const [c, { values }] of columns.entries()) {
    const { mean, factor } = scales[c]!;
    for (let i = 0; i < rows.length; i++) table[i * width + c] = (values[rows[i]!]! - mean) * factor;
  }
  return table;
}

/** Standardised rows, row-major, ascending in their first column. */
interface KnownRows {
  readonly table: Float64Array;
  readonly label: Uint16Array;
  readonly width: number;
}

/** The rows found so far, nearest first: squares of their distances, and their classes. */
interface Found {
  readonly distance: Float64Array;
  readonly label: Uint16Array;
  size: number;
}

function search({ table, label, width }: KnownRows, own: Float64Array, found: Found): void {
  found.size = 0;
  const k = found.distance.length;
  let start = 0;
  for (let high = label.length; start < high; ) {
    const middle = (start + high) >>> 1;
    if (table[middle * width]! < own[0]!) start = middle + 1;
    else high = middle;
  }
  for (const step of [1, -1]) {
    for (let row = step > 0 ? start : start - 1; row >= 0 && row < label.length; row += step) {
      const furthest = found.size < k ? Number.POSITIVE_INFINITY : found.distance[k - 1]!;
      if ((table[row * width]! - own[0]!) ** 2 > furthest) break;
      let distance = 0;
      for (let c = 0; c < width && distance < furthest; c++) distance += (table[row * width + c]! - own[c]!) ** 2;
      if (distance < furthest) insert(found, distance, label[row]!);
    }
  }
}

function insert(found: Found, distance: number, label: number): void {
  let at = found.size < found.distance.length ? found.size++ : found.size - 1;
  for (; at > 0 && found.distance[at - 1]! > distance; at--) {
    found.distance[at] = found.distance[at - 1]!;
    found.label[at] = found.label[at - 1]!;
  }
  found.distance[at] = distance;
  found.label[at] = label;
}
