import type { Rng } from '../../shared/rng.js';
import { LARGEST_FRAME } from '../../trace/trace.js';

/** A distribution of frame lengths: at index n, how many frames have at most n bytes. */
export type Lengths = Uint32Array;

/** @param counts how many frames have exactly n bytes, at index n; becomes the result */
export function toLengths(counts: Uint32Array): Lengths {
  for (let i = 1; i < counts.length; i++) counts[i]! += counts[i - 1]!;
  return counts;
}

export const total = (lengths: Lengths): number => lengths[LARGEST_FRAME]!;

/** The length of the frame of rank `rank`, counted from 1 for the shortest. */
function lengthOf(lengths: Lengths, rank: number): number {
  let low = 0;
  let high = LARGEST_FRAME;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (lengths[middle]! < rank) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Draws a length; each frame is as likely as the others. */
export const drawLength = (lengths: Lengths, rng: Rng): number => lengthOf(lengths, rng.integer(1, total(lengths)));

/**
 * The length with the rank in `to` that `length` has in `from`; drawn where several have it. Of all ways to turn one distribution
 * into the other this changes the fewest bytes in sum, as the convex program of Wright et al. does: its cost is the difference of two
 * lengths, and on a line the monotone coupling is optimal for every convex cost of the difference.
 */
export function counterpart(length: number, from: Lengths, to: Lengths, rng: Rng): number {
  const at = Math.min(length, LARGEST_FRAME);
  const below = from[at - 1]!;
  const rank = below + (from[at]! - below) * (1 - rng.uniform());
  return lengthOf(to, Math.max(1, Math.ceil((rank / total(from)) * total(to))));
}
