import { inverseDistances } from './inverse-distance.js';
import { lengthHistograms, lengthKind } from './length-histogram.js';
import { classesFor, type LengthProfiles } from './length-profiles.js';
import { nearestSubset } from './nearest-subset.js';
import type { Windows } from './windows.js';

/**
 * Answers for packets by the profiles of classes that are most like their window, packets x classes. The size of the window says how many
 * classes send in it ({@link classesFor}). A window of one gives each packet the cosine distances to all profiles (inverseDistances). In a
 * window of several a packet is shared among those whose profiles add up to the smallest distance, in proportion to how many packets
 * of its length and direction each of them sends. The last of overlapping windows counts. No answer for packets in no window, and for
 * windows in which no length is known.
 */
export function answerByProfiles(windows: Windows, profiles: LengthProfiles): Float32Array {
  const { packets, start, count } = windows;
  const { classes, means, gram } = profiles;
  const histograms = lengthHistograms(windows);
  const answers = new Float32Array(packets.rows * classes);
  for (let window = 0; window < start.length; window++) {
    const products = new Float64Array(classes);
    let square = 0;
    for (let i = histograms.begin[window]!; i < histograms.begin[window + 1]!; i++) {
      const times = histograms.count[i]!;
      square += times * times;
      const mean = means.get(histograms.kind[i]!);
      if (mean) for (let c = 0; c < classes; c++) products[c]! += times * mean[c]!;
    }
    const from = start[window]!;
    const to = from + count[window]!;
    const size = classesFor(count[window]!, profiles);
    if (size === 1) {
      const distance = products.map((product, c) =>
        product > 0 ? 1 - product / Math.sqrt(square * gram[c * classes + c]!) : Number.POSITIVE_INFINITY,
      );
      const answer = new Float32Array(classes);
      inverseDistances(distance, answer);
      for (let row = from; row < to; row++) answers.set(answer, row * classes);
    } else if (products.some((product) => product > 0)) {
      const present = nearestSubset(products, gram, size);
      for (let row = from; row < to; row++) {
        share(
          present,
          means.get(lengthKind(packets, row)),
          profiles,
          answers.subarray(row * classes, (row + 1) * classes),
        );
      }
    }
  }
  return answers;
}

/** Weight of all that a class sends beside what it sends of one length: it decides only where that says nothing. */
const REST = 1e-3;

/** Writes how probable each present class is for a packet of a length of which they send `mean`. */
function share(
  present: readonly number[],
  mean: Float64Array | undefined,
  { packets }: LengthProfiles,
  out: Float32Array,
): void {
  const weightOf = (c: number) => (mean?.[c] ?? 0) + REST * packets[c]!;
  const sum = present.reduce((total, c) => total + weightOf(c), 0);
  out.fill(0);
  for (const c of present) out[c] = weightOf(c) / sum;
}
