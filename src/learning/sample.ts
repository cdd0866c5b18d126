import type { Rng } from '../shared/rng.js';

/**
 * At most `maximum` of `values`, in their order: one drawn from each of as many equal stretches, so that no time and no stream is left
 * out by chance. All of them where they are no more.
 */
export function sample(values: Uint32Array, maximum: number, rng: Rng): Uint32Array {
  if (values.length <= maximum) return values;
  const startOf = (stretch: number) => Math.floor((stretch * values.length) / maximum);
  return Uint32Array.from({ length: maximum }, (_, i) => values[rng.integer(startOf(i), startOf(i + 1) - 1)]!);
}

/** `values` in an order drawn at random. */
export function shuffle(values: Uint16Array, rng: Rng): Uint16Array {
  const shuffled = values.slice();
  for (let i = shuffled.length - 1; i > 0; i--) {
    const pick = rng.integer(0, i);
    const value = shuffled[pick]!;
    shuffled[pick] = shuffled[i]!;
    shuffled[i] = value;
  }
  return shuffled;
}
