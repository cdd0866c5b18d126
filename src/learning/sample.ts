import type { Rng } from '../shared/rng.js';

/**
 * At most `maximum` of `values`, in their order: one drawn from each of `maximum` equal stretches, so that no time and no stream is
 * left out by chance.
 */
export function sample(values: Uint32Array, maximum: number, rng: Rng): Uint32Array {
  if (values.length <= maximum) return values;
  const startOf = (stretch: number) => Math.floor((stretch * values.length) / maximum);
  return Uint32Array.from({ length: maximum }, (_, i) => values[rng.integer(startOf(i), startOf(i + 1) - 1)]!);
}
