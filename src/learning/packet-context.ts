import type { Column } from './forest/bins.js';
import { packetColumns } from './packet-columns.js';
import type { PacketFeatures, Windows } from './windows.js';

/**
 * The context of a packet in its window, as columns: neighbours and statistics. Windows must not overlap.
 */

/** The packets `rows` and `reach` neighbours on either side; zeros for neighbours outside of the window. */
export function neighbourColumns(windows: Windows, rows: Uint32Array, reach: number): Column[] {
  const { packets, start, count } = windows;
  const own = windowsOf(windows, rows);
  const from = Uint32Array.from(own, (window) => start[window]!);
  const to = Uint32Array.from(own, (window) => start[window]! + count[window]!);
  return neighboursWithin(packets, rows, { from, to }, reach);
}

/** First row of the stretch of packets around each of some rows, and the row after its last. */
export interface Bounds {
  readonly from: Uint32Array;
  readonly to: Uint32Array;
}

/** The packets `rows` and `reach` neighbours on either side; zeros for neighbours out of bounds. */
export function neighboursWithin(
  packets: PacketFeatures,
  rows: Uint32Array,
  { from, to }: Bounds,
  reach: number,
): Column[] {
  const columns: Column[] = [];
  for (let offset = -reach; offset <= reach; offset++) {
    const neighbours = rows.map((row) => Math.min(packets.rows - 1, Math.max(0, row + offset)));
    for (const column of packetColumns(packets, neighbours)) {
      for (let i = 0; i < rows.length; i++) {
        const at = rows[i]! + offset;
        if (at < from[i]! || at >= to[i]!) column.values[i] = 0;
      }
      columns.push(offset === 0 ? column : { ...column, name: `${column.name} ${offset > 0 ? '+' : ''}${offset}` });
    }
  }
  return columns;
}

/**
 * The packets `rows`, and the mean and deviation of length and interval and the share of outbound packets in their windows: Acar
 * et al., "Peek-a-Boo", arXiv 1808.02741, identify devices by the first three.
 */
export function windowColumns(windows: Windows, rows: Uint32Array): Column[] {
  const { length, interval, direction } = windows.packets;
  const { start, count } = windows;
  const own = windowsOf(windows, rows);
  const ofWindow = (name: string, summary: (from: number, to: number) => number): Column => {
    const values = new Float32Array(rows.length);
    const known = new Map<number, number>();
    for (let i = 0; i < rows.length; i++) {
      const window = own[i]!;
      let value = known.get(window);
      if (value === undefined) {
        value = summary(start[window]!, start[window]! + count[window]!);
        known.set(window, value);
      }
      values[i] = value;
    }
    return { kind: 'numeric', name: `window ${name}`, values };
  };
  return [
    ...packetColumns(windows.packets, rows),
    ofWindow('mean length', (from, to) => meanOf(length, from, to)),
    ofWindow('deviation of length', (from, to) => deviationOf(length, from, to)),
    ofWindow('mean interval', (from, to) => meanOf(interval, from, to)),
    ofWindow('deviation of interval', (from, to) => deviationOf(interval, from, to)),
    ofWindow('share outbound', (from, to) => meanOf(direction, from, to)),
  ];
}

/** The window that holds each of `rows`; windows are in order of their first rows. */
function windowsOf({ start }: Windows, rows: Uint32Array): Uint32Array {
  return Uint32Array.from(rows, (row) => {
    let low = 0;
    let high = start.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (start[middle]! <= row) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  });
}

type Numbers = Float32Array | Uint8Array;

function meanOf(values: Numbers, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += values[i]!;
  return sum / (to - from);
}

function deviationOf(values: Numbers, from: number, to: number): number {
  const mean = meanOf(values, from, to);
  let sum = 0;
  for (let i = from; i < to; i++) sum += (values[i]! - mean) ** 2;
  return Math.sqrt(sum / (to - from));
}
