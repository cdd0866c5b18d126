import { FEATURE_COLUMNS, NO_CLASS, type Windows } from '../learning/windows.js';
import { type ColumnsOf, defineTable } from '../shared/columns.js';

/** Packets of one stream for one window, with the model's answers. */
export interface Held {
  count: number;
  /** Number of packets when the model was last asked about the window. */
  answered: number;
  columns: HeldColumns;
}

type HeldColumns = ColumnsOf<typeof HELD_COLUMNS>;

const HELD_COLUMNS = defineTable({
  ...FEATURE_COLUMNS.types,
  time: Float64Array,
  truth: Uint16Array,
  predicted: Uint16Array,
  confidence: Float32Array,
  device: Uint16Array,
});

const FEW = 16;

export function createHeld(): Held {
  return { count: 0, answered: 0, columns: HELD_COLUMNS.allocate(FEW) };
}

/** Makes room for one more packet and returns its row. */
export function nextRow(held: Held): number {
  if (held.count === held.columns.time.length) held.columns = HELD_COLUMNS.grow(held.columns);
  return held.count++;
}

/** Builds one window of each, without labels. */
export function toWindows(all: readonly Held[], size: number): Windows {
  const packets = FEATURE_COLUMNS.join(all.map(({ count, columns }) => FEATURE_COLUMNS.view(columns, 0, count)));
  const start = new Uint32Array(all.length);
  let rows = 0;
  for (const [w, { count }] of all.entries()) {
    start[w] = rows;
    rows += count;
  }
  const { time } = HELD_COLUMNS.join(all.map(({ count, columns }) => HELD_COLUMNS.view(columns, 0, count)));
  const begin = time.reduce((least, one) => Math.min(least, one), Number.POSITIVE_INFINITY);
  for (let row = 0; row < rows; row++) time[row]! -= begin;
  const label = new Uint16Array(rows).fill(NO_CLASS);
  return {
    packets: { rows, ...packets },
    start,
    count: Uint32Array.from(all, ({ count }) => count),
    size,
    streamEnds: Uint32Array.from(all, ({ count }, w) => start[w]! + count),
    time,
    classes: [],
    label,
  };
}
