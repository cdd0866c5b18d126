import { buildWindows, type WindowOptions } from '../learning/build-windows.js';
import { neighbourColumns } from '../learning/packet-context.js';
import { sample } from '../learning/sample.js';
import type { Rng } from '../shared/rng.js';
import { type Direction, Protocol, type Trace } from '../trace/trace.js';
import { joinKinds, separability } from './separability.js';

const { IP, TCP, UDP, TLS, HTTP, DNS } = Protocol;

/** Bytes of a TCP segment with timestamps and no data. */
const LONGEST_BARE = 66;
/** Bytes of a SYN with all its options. */
const LONGEST_SYN = 78;

/** Kinds of frame by protocols and length; a frame is of the first kind that fits. */
const KINDS: readonly { readonly kind: string; has(protocols: number, length: number): boolean }[] = [
  { kind: 'DNS', has: (bits) => (bits & DNS) !== 0 },
  { kind: 'TLS', has: (bits) => (bits & TLS) !== 0 },
  { kind: 'HTTP', has: (bits) => (bits & HTTP) !== 0 },
  { kind: 'TCP, nothing but headers', has: (bits, length) => bits === (IP | TCP) && length <= LONGEST_BARE },
  { kind: 'TCP, opening', has: (bits, length) => bits === (IP | TCP) && length <= LONGEST_SYN },
  { kind: 'TCP, other data', has: (bits) => bits === (IP | TCP) },
  { kind: 'UDP', has: (bits) => (bits & UDP) !== 0 },
  { kind: 'other', has: () => true },
];

export interface KindCount {
  readonly kind: string;
  readonly frames: number;
  readonly bytes: number;
}

/** Counts the frames of each kind, in a fixed order of kinds. */
export function countKinds(parts: readonly Trace[]): KindCount[] {
  const counts = KINDS.map(({ kind }) => ({ kind, frames: 0, bytes: 0 }));
  for (const { packets, protocols, length } of parts) {
    for (let i = 0; i < packets; i++) {
      const count = counts[KINDS.findIndex(({ has }) => has(protocols[i]!, length[i]!))]!;
      count.frames++;
      count.bytes += length[i]!;
    }
  }
  return counts;
}

/** Half the sum of the differences between the shares of each length: 0 for the same lengths equally often, 1 for none in common. */
export function lengthDistance(a: readonly Trace[], b: readonly Trace[]): number {
  const sharesOf = (parts: readonly Trace[]) => {
    const counts = new Map<number, number>();
    let all = 0;
    for (const { length } of parts) {
      all += length.length;
      for (const bytes of length) counts.set(bytes, (counts.get(bytes) ?? 0) + 1);
    }
    return { of: (bytes: number) => (counts.get(bytes) ?? 0) / all, lengths: counts.keys() };
  };
  const [first, second] = [sharesOf(a), sharesOf(b)];
  let sum = 0;
  for (const bytes of new Set([...first.lengths, ...second.lengths]))
    sum += Math.abs(first.of(bytes) - second.of(bytes));
  return sum / 2;
}

/** Seconds between consecutive frames of one direction, in ascending order. @param parts consecutive parts of one capture */
export function gapsOf(parts: readonly Trace[], wanted: Direction): Float64Array {
  const gaps: number[] = [];
  let last = Number.NaN;
  for (const { packets, direction, time } of parts) {
    for (let i = 0; i < packets; i++) {
      if (direction[i] !== wanted) continue;
      if (!Number.isNaN(last)) gaps.push(time[i]! - last);
      last = time[i]!;
    }
  }
  return Float64Array.from(gaps).sort();
}

/** Two-sample statistic of Kolmogorov and Smirnov, of values in ascending order; 0 where one sample is empty. */
export function largestDifference(a: Float64Array, b: Float64Array): number {
  if (a.length === 0 || b.length === 0) return 0;
  let most = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const value = Math.min(a[i]!, b[j]!);
    while (i < a.length && a[i]! === value) i++;
    while (j < b.length && b[j]! === value) j++;
    most = Math.max(most, Math.abs(i / a.length - j / b.length));
  }
  return most;
}

/** Frames drawn from each part, at most. */
const DRAWN_FRAMES = 5000;
/** Frames before and after a frame that the forest sees with it. */
const REACH = 2;

export interface TellOptions {
  readonly windows: Pick<WindowOptions, 'size' | 'mix' | 'port'>;
  readonly rng: Rng;
  readonly threads: number;
}

/**
 * Area under the ROC curve of a forest that tells frames of `a` from frames of `b`, each seen with two frames on either side.
 * Trained on the `train` parts and tested on the `test` parts.
 * @returns null where a part is empty
 */
export function tellFrames(
  a: Readonly<Record<'train' | 'test', Trace>>,
  b: Readonly<Record<'train' | 'test', Trace>>,
  { windows: options, rng, threads }: TellOptions,
): Promise<number | null> {
  const columnsOf = (trace: Trace, drawn: Rng) => {
    const { windows } = buildWindows(trace, { ...options, stride: options.size, classes: [], coverClass: false });
    const rows = Uint32Array.from({ length: windows.packets.rows }, (_, row) => row);
    return neighbourColumns(windows, sample(rows, DRAWN_FRAMES, drawn), REACH);
  };
  const part = (name: 'train' | 'test') =>
    joinKinds(columnsOf(a[name], rng.stream(name, 'a')), columnsOf(b[name], rng.stream(name, 'b')));
  return separability(part('train'), part('test'), { rng: rng.stream('forest'), threads });
}
