import type { Rng } from '../shared/rng.js';

/** At most `maximum` of `values`, drawn without replacement and each as likely; all of them, in their order, where they are no more. */
export function sample(values: Uint32Array, maximum: number, rng: Rng): Uint32Array {
  if (values.length <= maximum) return values;
  // The first steps of a Fisher-Yates shuffle.
  const drawn = values.slice();
  for (let i = 0; i < maximum; i++) {
    const pick = rng.integer(i, drawn.length - 1);
    const value = drawn[pick]!;
    drawn[pick] = drawn[i]!;
    drawn[i] = value;
  }
  return drawn.slice(0, maximum);
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
