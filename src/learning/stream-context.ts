import type { Column } from './forest/bins.js';
import { lengthKind } from './length-histogram.js';
import { type Bounds, neighboursWithin } from './packet-context.js';
import type { Windows } from './windows.js';

/** The surroundings of a packet in its stream, as columns for a forest: neighbours, and how busy the stream is on either side. */

/** Packets on either side that count by themselves. */
const NEIGHBOURS = 4;
/** Seconds on either side that are summed up. */
const SPANS = [0.1, 1, 10, 60] as const;

/**
 * Columns of one row per packet of `rows`: its own, those of four neighbours on either side, and for 0.1, 1, 10 and 60 seconds before
 * and after it the number of packets, their bytes, mean and deviation of their lengths, and the share of outbound ones. Zeros beyond the
 * ends of the stream.
 */
export function streamContext(windows: Windows, rows: Uint32Array): Column[] {
  const { packets, time } = windows;
  const bounds = streamBounds(windows, rows);
  const columns = neighboursWithin(packets, rows, bounds, NEIGHBOURS);
  const sums = cumulate(windows);
  for (const span of SPANS) {
    for (const side of ['before', 'after'] as const) {
      const edge = edgesOf(time, rows, bounds, side === 'before' ? -span : span);
      const [from, to] = side === 'before' ? [edge, rows] : [rows.map((row) => row + 1), edge];
      columns.push(...summaries(sums, from, to, `${span} s ${side}`));
    }
  }
  return [...columns, ...recurrences(windows, rows)];
}

/** Packets like this one, that is of its direction and length, before and after it whose distance in time counts. */
const RECURRENCES = 3;

/** Seconds to the packets before and after it that are like each packet: heartbeats have their length and period. */
function recurrences({ packets, time, streamEnds }: Windows, rows: Uint32Array): Column[] {
  const wanted = new Int32Array(packets.rows).fill(-1);
  for (const [i, row] of rows.entries()) wanted[row] = i;
  const column = (name: string) => ({
    kind: 'numeric' as const,
    name,
    values: new Float32Array(rows.length).fill(NEVER),
  });
  const sides = ['before', 'after'].map((side) =>
    Array.from({ length: RECURRENCES }, (_, k) => column(`seconds to the ${k + 1}. like it ${side}`)),
  );
  let from = 0;
  for (const to of streamEnds) {
    const last = new Map<number, number[]>();
    for (let row = from; row < to; row++) {
      const kind = lengthKind(packets, row);
      let recent = last.get(kind);
      if (!recent) {
        recent = [];
        last.set(kind, recent);
      }
      for (const [k, other] of recent.entries()) {
        const distance = time[row]! - time[other]!;
        if (wanted[row]! >= 0) sides[0]![k]!.values[wanted[row]!] = distance;
        if (wanted[other]! >= 0) sides[1]![k]!.values[wanted[other]!] = distance;
      }
      recent.unshift(row);
      if (recent.length > RECURRENCES) recent.pop();
    }
    from = to;
  }
  return sides.flat();
}

/** Seconds that stand for "not in this stream": more than any capture takes. */
const NEVER = 1e9;

/** Finds the stream of each row. @param rows ascending */
export function streamBounds({ streamEnds }: Windows, rows: Uint32Array): Bounds {
  const from = new Uint32Array(rows.length);
  const to = new Uint32Array(rows.length);
  let stream = 0;
  for (let i = 0; i < rows.length; i++) {
    while (streamEnds[stream]! <= rows[i]!) stream++;
    from[i] = streamEnds[stream - 1] ?? 0;
    to[i] = streamEnds[stream]!;
  }
  return { from, to };
}

/**
 * Finds for each row the first one of its stream that is at most `-span` seconds older, or for a `span` above 0 the one after the last that
 * is at most as much younger.
 */
export function edgesOf(time: Float64Array, rows: Uint32Array, { from, to }: Bounds, span: number): Uint32Array {
  return rows.map((row, i) => {
    const bound = time[row]! + span;
    let low = span < 0 ? from[i]! : row + 1;
    let high = span < 0 ? row : to[i]!;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (span < 0 ? time[middle]! < bound : time[middle]! <= bound) low = middle + 1;
      else high = middle;
    }
    return low;
  });
}

/** Sums over all rows before each row: bytes, squares of bytes, outbound packets. */
function cumulate({ packets }: Windows) {
  const bytes = new Float64Array(packets.rows + 1);
  const squares = new Float64Array(packets.rows + 1);
  const outbound = new Float64Array(packets.rows + 1);
  for (let row = 0; row < packets.rows; row++) {
    const length = packets.length[row]!;
    bytes[row + 1] = bytes[row]! + length;
    squares[row + 1] = squares[row]! + length * length;
    outbound[row + 1] = outbound[row]! + packets.direction[row]!;
  }
  return { bytes, squares, outbound };
}

function summaries(
  { bytes, squares, outbound }: ReturnType<typeof cumulate>,
  from: Uint32Array,
  to: Uint32Array,
  where: string,
): Column[] {
  const column = (name: string) => ({
    kind: 'numeric' as const,
    name: `${name} ${where}`,
    values: new Float32Array(from.length),
  });
  const columns = ['packets', 'bytes', 'mean length', 'deviation of length', 'share outbound'].map(column);
  for (let i = 0; i < from.length; i++) {
    const [a, b] = [from[i]!, to[i]!];
    if (b <= a) continue;
    const size = b - a;
    const total = bytes[b]! - bytes[a]!;
    const mean = total / size;
    const variance = Math.max(0, (squares[b]! - squares[a]!) / size - mean * mean);
    const found = [size, total, mean, Math.sqrt(variance), (outbound[b]! - outbound[a]!) / size];
    for (const [c, value] of found.entries()) columns[c]!.values[i] = value;
  }
  return columns;
}
