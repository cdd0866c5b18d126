/**
 * Writes probabilities of classes in inverse proportion to their distances: half as far is twice as probable. A class at an infinite
 * distance has none; where all are, the row stays zeros, which is no answer.
 * @param out as many zeros as there are distances
 */
export function inverseDistances(distance: Float64Array, out: Float32Array): void {
  let sum = 0;
  for (const one of distance) sum += 1 / Math.max(one, LEAST);
  if (sum === 0) return;
  for (let c = 0; c < distance.length; c++) out[c] = 1 / Math.max(distance[c]!, LEAST) / sum;
}

/** Stands for a distance of 0, or one that is no more than an error of rounding. */
const LEAST = 1e-6;
