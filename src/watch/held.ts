import { NO_CLASS, type PacketFeatures, type Windows } from '../learning/windows.js';

/** Packets of one stream that are to be in one window, and what the model says of them. */
export interface Held {
  count: number;
  /** Of the packets, how many there were when the model was last asked: it looks at a whole window. */
  answered: number;
  columns: HeldColumns;
}

type HeldColumns = ReturnType<typeof createColumns>;

const FEW = 16;

export function createHeld(): Held {
  return { count: 0, answered: 0, columns: createColumns(FEW) };
}

/** Makes room for one more packet and returns its row. */
export function nextRow(held: Held): number {
  const { columns } = held;
  if (held.count === columns.time.length) {
    const larger = createColumns(held.count * 2);
    for (const name of Object.keys(columns) as (keyof HeldColumns)[]) {
      (larger[name] as Float64Array).set(columns[name] as Float64Array);
    }
    held.columns = larger;
  }
  return held.count++;
}

function createColumns(rows: number) {
  return {
    time: new Float64Array(rows),
    length: new Float32Array(rows),
    port: new Uint16Array(rows),
    protocols: new Uint8Array(rows),
    direction: new Uint8Array(rows),
    interval: new Float32Array(rows),
    truth: new Uint16Array(rows),
    predicted: new Uint16Array(rows),
    confidence: new Float32Array(rows),
    device: new Uint16Array(rows),
  };
}

/** One window of each, without labels. */
export function toWindows(all: readonly Held[], size: number): Windows {
  const rows = all.reduce((sum, { count }) => sum + count, 0);
  const packets: PacketFeatures = {
    rows,
    port: new Uint16Array(rows),
    protocols: new Uint8Array(rows),
    direction: new Uint8Array(rows),
    length: new Float32Array(rows),
    interval: new Float32Array(rows),
  };
  const start = new Uint32Array(all.length);
  let at = 0;
  for (const [w, { count, columns }] of all.entries()) {
    start[w] = at;
    for (const name of ['port', 'protocols', 'direction', 'length', 'interval'] as const) {
      packets[name].set(columns[name].subarray(0, count), at);
    }
    at += count;
  }
  const label = new Uint16Array(rows).fill(NO_CLASS);
  return { packets, start, count: Uint16Array.from(all, ({ count }) => count), size, classes: [], label };
}
