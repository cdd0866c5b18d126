import seedrandom from 'seedrandom';

/** The only source of chance. Every use draws from its own stream, so an additional use never changes the numbers of another. */
export interface Rng {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Uniform integer in [low, high], both ends included. */
  integer(low: number, high: number): number;
  /** Normal with the given mean and standard deviation. */
  normal(mean: number, deviation: number): number;
  /** Exponential with the given mean. */
  exponential(mean: number): number;
  /** Laplace around `mean` with scale `scale` (its standard deviation is scale times the square root of two). */
  laplace(mean: number, scale: number): number;
  /** An independent stream, which depends on this one's name and `names` alone, not on how much was drawn before. */
  stream(...names: (string | number)[]): Rng;
}

/**
 * The stream called `names` of the run with seed `seed`: the same numbers for the same seed and names on every machine.
 * Alea of the seedrandom package: 32 random bits a call, period about 2^116, far faster than its default ARC4.
 */
export function createRng(seed: number | string, ...names: (string | number)[]): Rng {
  // Names are joined as JSON so that ('a', 'b/c') and ('a/b', 'c') are two streams.
  const key = [seed, ...names];
  return rngFrom(seedrandom.alea(JSON.stringify(key)), (...more) => createRng(seed, ...names, ...more));
}

/** Makes an Rng of a source of uniform numbers in [0, 1). */
export function rngFrom(next: () => number, stream: Rng['stream']): Rng {
  let spare = Number.NaN;
  const normal = (mean: number, deviation: number): number => {
    if (!Number.isNaN(spare)) {
      const z = spare;
      spare = Number.NaN;
      return mean + deviation * z;
    }
    // Box-Muller; 1 - u keeps the logarithm away from zero.
    const radius = Math.sqrt(-2 * Math.log(1 - next()));
    const angle = 2 * Math.PI * next();
    spare = radius * Math.sin(angle);
    return mean + deviation * radius * Math.cos(angle);
  };
  return {
    uniform: next,
    integer: (low, high) => low + Math.floor(next() * (high - low + 1)),
    normal,
    exponential: (mean) => -mean * Math.log(1 - next()),
    laplace: (mean, scale) => {
      const u = next() - 0.5;
      return mean - scale * Math.sign(u) * Math.log(1 - 2 * Math.abs(u));
    },
    stream,
  };
}

/** Puts `values` into a random order, in place (Fisher and Yates), and returns them. */
export function shuffle<V extends { [index: number]: number; readonly length: number }>(values: V, rng: Rng): V {
  for (let i = values.length - 1; i > 0; i--) {
    const j = rng.integer(0, i);
    const value = values[i]!;
    values[i] = values[j]!;
    values[j] = value;
  }
  return values;
}
