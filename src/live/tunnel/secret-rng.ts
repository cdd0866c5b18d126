import { randomFillSync } from 'node:crypto';
import { type Rng, rngFrom } from '../../shared/rng.js';

/**
 * Random numbers from the system's cryptographic source. Unlike those of `createRng`, the lengths and times that an observer has seen
 * do not predict the next ones. There is no seed to repeat, so all named streams are this one.
 */
export function createSecretRng(): Rng {
  const words = new Uint32Array(1024);
  let used = words.length;
  const next = (): number => {
    if (used === words.length) {
      randomFillSync(words);
      used = 0;
    }
    const high = words[used++]! >>> 5;
    const low = words[used++]! >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  };
  const rng: Rng = rngFrom(next, () => rng);
  return rng;
}
