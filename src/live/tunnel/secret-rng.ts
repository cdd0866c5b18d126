import { randomFillSync } from 'node:crypto';
import { type Rng, rngFrom } from '../../shared/rng.js';

/**
 * Chance from the system's cryptographic source: what an observer has seen of it, in lengths and times, says nothing of what
 * follows, as the numbers of `createRng` would. Streams have nothing to repeat, so all of them are this one.
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
