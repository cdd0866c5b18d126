import type { Rng } from '../../shared/rng.js';

/** A histogram of times that loses a token with each time used, so that frequent times get rarer. */
export interface Tokens {
  /** Tokens left, those of infinity included. */
  readonly left: number;
  /** Draws seconds or Infinity: a bin in proportion to its tokens, a time uniform within the bin. */
  sample(rng: Rng): number;
  /**
   * Removes a token from the bin of `time`; where that is empty, from the next lower bin that is not, else from the lowest. When the
   * last is gone, all are put back.
   */
  remove(time: number): void;
}

export interface TokenOptions {
  /** Seconds: parameters of the normal distribution of the finite times, cut off below 0. */
  readonly mean: number;
  readonly deviation: number;
  /** Finite draws for each infinite one, on average. */
  readonly finite: number;
}

/** Tokens of the finite times, before some are cut off; the authors of WTF-PAD make as many draws. */
const DRAWS = 10_000;
const BINS = 30;
/** Seconds: upper end of the last bin; each bin before ends at half of the next. */
const LONGEST = 10;

/** Juarez et al., ESORICS 2016, section 4, with the bins of the authors' code. */
export function createTokens({ mean, deviation, finite }: TokenOptions): Tokens {
  const upper = Float64Array.from({ length: BINS }, (_, bin) => LONGEST / 2 ** (BINS - 1 - bin));
  const below = (time: number) => normalBelow((time - mean) / deviation);
  const full = Int32Array.from({ length: BINS + 1 }, (_, bin) =>
    bin === BINS ? 0 : Math.round(DRAWS * (below(upper[bin]!) - below(bin === 0 ? 0 : upper[bin - 1]!))),
  );
  const sum = full.reduce((a, b) => a + b, 0);
  // At least one: without finite times all are infinite.
  full[BINS] = Math.max(1, Math.ceil(sum / finite));
  const tokens = full.slice();
  const total = sum + full[BINS]!;
  let left = total;
  return {
    get left() {
      return left;
    },
    sample(rng) {
      let rank = rng.integer(0, left - 1);
      let bin = 0;
      while (rank >= tokens[bin]!) rank -= tokens[bin++]!;
      if (bin === BINS) return Number.POSITIVE_INFINITY;
      const low = bin === 0 ? 0 : upper[bin - 1]!;
      return low + (upper[bin]! - low) * rng.uniform();
    },
    remove(time) {
      let bin = 0;
      while (bin < BINS && time >= upper[bin]!) bin++;
      while (bin > 0 && tokens[bin] === 0) bin--;
      while (tokens[bin] === 0) bin++;
      tokens[bin]!--;
      if (--left > 0) return;
      tokens.set(full);
      left = total;
    },
  };
}

/** The standard normal distribution function: Abramowitz and Stegun, 7.1.26; absolute error below 1e-7. */
function normalBelow(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  const tail = (series * Math.exp(-x * x)) / 2;
  return z < 0 ? tail : 1 - tail;
}
