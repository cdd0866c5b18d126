/**
 * Random integers for hot loops: xoshiro128** of Blackman and Vigna, "Scrambled linear pseudorandom number generators",
 * ACM TOMS 47(4), 2021. Its seed comes from an Rng stream, so a run's seed still decides everything.
 * @param seed four 32-bit words, not all zero
 * @returns draws a uniform integer in [0, bound), bound at most 2^32 (uniform to within bound / 2^32)
 */
export function createDraw(seed: Uint32Array): (bound: number) => number {
  let a = seed[0]! | 0;
  let b = seed[1]! | 0;
  let c = seed[2]! | 0;
  let d = seed[3]! | 0;
  return (bound) => {
    let word = Math.imul(b, 5);
    word = Math.imul((word << 7) | (word >>> 25), 9);
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return Math.floor((word >>> 0) * 2 ** -32 * bound);
  };
}
