import type { PacketFeatures, Windows } from './windows.js';

/** How many packets of each length and direction each window has. Row after row, without what does not occur. */
export interface LengthHistograms {
  /** First entry of each window in the other two columns, and the end of the last window. */
  readonly begin: Uint32Array;
  /** Length and direction: see {@link lengthKind}. */
  readonly kind: Uint32Array;
  /** Packets, at least 1. */
  readonly count: Uint32Array;
}

/** A number for the length and the direction of a packet: twice its bytes, and one more if it is outbound. */
export function lengthKind({ length, direction }: PacketFeatures, row: number): number {
  return 2 * Math.round(length[row]!) + direction[row]!;
}

/** Counts the packets of each window by length and direction, in one pass over them. */
export function lengthHistograms({ packets, start, count: sizes }: Windows): LengthHistograms {
  const begin = new Uint32Array(start.length + 1);
  const kind: number[] = [];
  const count: number[] = [];
  const found = new Map<number, number>();
  for (let window = 0; window < start.length; window++) {
    found.clear();
    const from = start[window]!;
    for (let row = from; row < from + sizes[window]!; row++) {
      const own = lengthKind(packets, row);
      found.set(own, (found.get(own) ?? 0) + 1);
    }
    for (const [own, times] of found) {
      kind.push(own);
      count.push(times);
    }
    begin[window + 1] = kind.length;
  }
  return { begin, kind: Uint32Array.from(kind), count: Uint32Array.from(count) };
}
