import type { Rng } from '../../shared/rng.js';

/** The share that is actually dropped for `share`: each decision is a random byte. */
export const droppedShare = (share: number): number => Math.round(share * 256) / 256;

/**
 * Fills arrays with 1 (keep) and 0 (drop), a random byte for each decision. A step of training needs millions, for which the run's
 * generator is too slow, so it seeds xoshiro128** (Blackman and Vigna, ACM TOMS 2021), four bytes a draw.
 */
export function createDropout(rng: Rng, share: number): (keep: Uint8Array) => void {
  const threshold = droppedShare(share) * 256;
  const word = () => rng.integer(0, 0xffffffff) | 0;
  // An all-zero state would stay zero.
  let [s0, s1, s2, s3] = [word(), word(), word(), word() | 1];
  return (keep) => {
    for (let i = 0; i < keep.length; i += 4) {
      const product = Math.imul(s1, 5);
      const bits = Math.imul((product << 7) | (product >>> 25), 9);
      const shifted = s1 << 9;
      s2 ^= s0;
      s3 ^= s1;
      s1 ^= s2;
      s0 ^= s3;
      s2 ^= shifted;
      s3 = (s3 << 11) | (s3 >>> 21);
      // A typed array ignores writes beyond its end.
      keep[i] = +((bits & 255) >= threshold);
      keep[i + 1] = +(((bits >>> 8) & 255) >= threshold);
      keep[i + 2] = +(((bits >>> 16) & 255) >= threshold);
      keep[i + 3] = +(bits >>> 24 >= threshold);
    }
  };
}
