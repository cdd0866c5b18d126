import { lengthKind } from './length-histogram.js';
import { NO_CLASS, type Windows } from './windows.js';

/** How much each class sends of each length in a window. */
export interface LengthProfiles {
  readonly classes: number;
  /** Mean packets of each class, in the windows in which it sends, by length and direction (see lengthKind). */
  readonly means: ReadonlyMap<number, Float64Array>;
  /** Inner products of the classes' means, classes x classes, row-major. */
  readonly gram: Float64Array;
  /** Packets of each class in a window in which it sends, on average; 0 for one that never does. */
  readonly packets: Float64Array;
  /** Mean logarithm of the number of packets in windows of n classes, at n; NaN where there was no such window. */
  readonly logPackets: Float64Array;
}

/** Learns the profiles from the packets that have a class, in one pass over the windows. */
export function learnProfiles({ packets, start, count, label, classes }: Windows): LengthProfiles {
  const width = classes.length;
  const means = new Map<number, Float64Array>();
  const total = new Float64Array(width);
  const present = new Float64Array(width);
  const windows = new Float64Array(width + 1);
  const logPackets = new Float64Array(width + 1);
  const isHere = new Uint8Array(width);
  for (let window = 0; window < start.length; window++) {
    isHere.fill(0);
    for (let row = start[window]!; row < start[window]! + count[window]!; row++) {
      const own = label[row]!;
      if (own === NO_CLASS) continue;
      const kind = lengthKind(packets, row);
      let mean = means.get(kind);
      if (!mean) {
        mean = new Float64Array(width);
        means.set(kind, mean);
      }
      mean[own]!++;
      total[own]!++;
      isHere[own] = 1;
    }
    const here = isHere.reduce((sum, one) => sum + one, 0);
    for (let c = 0; c < width; c++) present[c]! += isHere[c]!;
    windows[here]!++;
    logPackets[here]! += Math.log(count[window]!);
  }
  const gram = new Float64Array(width * width);
  for (const mean of means.values()) {
    for (let c = 0; c < width; c++) if (present[c]! > 0) mean[c]! /= present[c]!;
    for (let a = 0; a < width; a++) {
      if (mean[a] === 0) continue;
      for (let b = 0; b < width; b++) gram[a * width + b]! += mean[a]! * mean[b]!;
    }
  }
  return {
    classes: width,
    means,
    gram,
    packets: total.map((sum, c) => (present[c] === 0 ? 0 : sum / present[c]!)),
    logPackets: logPackets.map((sum, n) => (n === 0 ? Number.NaN : sum / windows[n]!)),
  };
}

/** How many classes send in a window of so many packets: that number whose windows had most nearly as many; 0 where nothing is known. */
export function classesFor(packets: number, { logPackets }: LengthProfiles): number {
  let best = 0;
  let nearest = Number.POSITIVE_INFINITY;
  for (const [n, mean] of logPackets.entries()) {
    const distance = Math.abs(Math.log(packets) - mean);
    if (distance < nearest) {
      nearest = distance;
      best = n;
    }
  }
  return best;
}
