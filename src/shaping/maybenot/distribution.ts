import type { Rng } from '../../shared/rng.js';

/** A distribution of the crate rand_distr, by its parameters; `start` is added to what is drawn. */
export interface Distribution {
  readonly kind: DistributionKind;
  /** Values in the order of the family's `parameters` in {@link DISTRIBUTIONS}. */
  readonly parameters: readonly number[];
  readonly start: number;
  /** The largest value, `start` included; 0 for none. */
  readonly max: number;
}

export type DistributionKind = (typeof DISTRIBUTION_KINDS)[number];

/** In the order of the serialised form. */
export const DISTRIBUTION_KINDS = [
  'uniform',
  'normal',
  'skew-normal',
  'log-normal',
  'binomial',
  'geometric',
  'pareto',
  'poisson',
  'weibull',
  'gamma',
  'beta',
] as const;

interface Family {
  /** Names of the parameters, in the order of the serialised form. */
  readonly parameters: readonly string[];
  /** True where the first parameter is an unsigned integer of 64 bits; all others are doubles. */
  readonly counts?: boolean;
  /** Says what is wrong with parameters; null where nothing is. */
  fault(parameters: readonly number[]): string | null;
  draw(parameters: readonly number[], rng: Rng): number;
}

const SMALLEST_PROBABILITY = 1e-9;
const MOST_TRIALS = 1e9;
/** rand_distr, `Poisson::MAX_LAMBDA`. */
const LARGEST_LAMBDA = 1.844e19;
/** The value of rand_distr for a geometric distribution without success: the largest integer of 64 bits. */
const NEVER = 2 ** 64;

const expected = (name: string, what: string, found: number): string => `${name}: expected ${what}, found ${found}`;

function positive(...names: string[]): Family['fault'] {
  return (parameters) => {
    const at = names.findIndex((_, i) => !(parameters[i]! > 0));
    return at < 0 ? null : expected(names[at]!, 'above 0', parameters[at]!);
  };
}

function probability(p: number): string | null {
  if (!(p >= 0 && p <= 1)) return expected('probability', 'from 0 to 1', p);
  return p !== 0 && p < SMALLEST_PROBABILITY
    ? expected('probability', `0 or at least ${SMALLEST_PROBABILITY}`, p)
    : null;
}

/** Maybenot's `DistType`: the parameters that its `validate` and rand_distr's constructors accept, and the draw of each. */
export const DISTRIBUTIONS: Readonly<Record<DistributionKind, Family>> = {
  uniform: {
    parameters: ['low', 'high'],
    fault: ([low, high]) =>
      Number.isFinite(high! - low!) && low! <= high! ? null : `expected finite bounds in order, found ${low}, ${high}`,
    draw: ([low, high], rng) => (low === high ? low! : low! + (high! - low!) * rng.uniform()),
  },
  normal: {
    parameters: ['mean', 'stdev'],
    fault: ([, stdev]) => (Number.isFinite(stdev) ? null : expected('stdev', 'a finite number', stdev!)),
    draw: ([mean, stdev], rng) => rng.normal(mean!, stdev!),
  },
  'skew-normal': {
    parameters: ['location', 'scale', 'shape'],
    fault([, scale, shape]) {
      if (!(scale! > 0 && Number.isFinite(scale))) return expected('scale', 'finite and above 0', scale!);
      return Number.isFinite(shape) ? null : expected('shape', 'a finite number', shape!);
    },
    // Azzalini's representation: a half-normal and a normal, weighed by delta = shape / sqrt(1 + shape^2).
    draw([location, scale, shape], rng) {
      const length = Math.hypot(1, shape!);
      const z = (shape! / length) * Math.abs(rng.normal(0, 1)) + (1 / length) * rng.normal(0, 1);
      return location! + scale! * z;
    },
  },
  'log-normal': {
    parameters: ['mu', 'sigma'],
    fault: ([, sigma]) => (Number.isFinite(sigma) ? null : expected('sigma', 'a finite number', sigma!)),
    draw: ([mu, sigma], rng) => Math.exp(rng.normal(mu!, sigma!)),
  },
  binomial: {
    parameters: ['trials', 'probability'],
    counts: true,
    fault: ([trials, p]) =>
      trials! > MOST_TRIALS ? expected('trials', `at most ${MOST_TRIALS}`, trials!) : probability(p!),
    draw: ([trials, p], rng) => (p! > 0.5 ? trials! - binomial(trials!, 1 - p!, rng) : binomial(trials!, p!, rng)),
  },
  geometric: {
    parameters: ['probability'],
    fault: ([p]) => probability(p!),
    // Failures before the first success, by inversion.
    draw([p], rng) {
      if (p === 0) return NEVER;
      return p === 1 ? 0 : Math.floor(Math.log(1 - rng.uniform()) / Math.log1p(-p!));
    },
  },
  pareto: {
    parameters: ['scale', 'shape'],
    fault: positive('scale', 'shape'),
    draw: ([scale, shape], rng) => scale! * (1 - rng.uniform()) ** (-1 / shape!),
  },
  poisson: {
    parameters: ['lambda'],
    fault: ([lambda]) =>
      lambda! > 0 && lambda! <= LARGEST_LAMBDA
        ? null
        : expected('lambda', `above 0, at most ${LARGEST_LAMBDA}`, lambda!),
    draw: ([lambda], rng) => poisson(lambda!, rng),
  },
  weibull: {
    parameters: ['scale', 'shape'],
    fault: positive('scale', 'shape'),
    draw: ([scale, shape], rng) => scale! * (-Math.log(1 - rng.uniform())) ** (1 / shape!),
  },
  gamma: {
    parameters: ['scale', 'shape'],
    fault: positive('scale', 'shape'),
    draw: ([scale, shape], rng) => scale! * Math.exp(logGammaVariate(shape!, rng)),
  },
  beta: {
    parameters: ['alpha', 'beta'],
    fault: positive('alpha', 'beta'),
    // X / (X + Y) of two gamma variates, from their logarithms so that tiny shapes do not give 0 / 0.
    draw: ([alpha, beta], rng) => 1 / (1 + Math.exp(logGammaVariate(beta!, rng) - logGammaVariate(alpha!, rng))),
  },
};

/** Draws a value plus `start`, held between 0 and `max`; 0 where it is not finite. */
export function sample({ kind, parameters, start, max }: Distribution, rng: Rng): number {
  const value = DISTRIBUTIONS[kind].draw(parameters, rng) + start;
  if (!Number.isFinite(value)) return 0;
  const least = Math.max(0, value);
  return max > 0 ? Math.min(least, max) : least;
}

/**
 * Logarithm of a gamma variate of scale 1: Marsaglia and Tsang, "A Simple Method for Generating Gamma Variables" (ACM TOMS 2000), with
 * its boost for shapes below 1.
 */
function logGammaVariate(shape: number, rng: Rng): number {
  if (shape < 1) return logGammaVariate(shape + 1, rng) + Math.log(1 - rng.uniform()) / shape;
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = rng.normal(0, 1);
    const cube = (1 + c * x) ** 3;
    if (cube <= 0) continue;
    // The negation also accepts NaN, where the shape is infinite.
    if (!(Math.log(1 - rng.uniform()) >= (x * x) / 2 + d * (1 - cube + Math.log(cube)))) return Math.log(d * cube);
  }
}

/** Expected events below which they are counted one by one; from it on, rejection is used. */
const FEW = 10;

/** Hoermann, "The transformed rejection method for generating Poisson random variables" (1993), algorithm PTRS, as in NumPy. */
function poisson(lambda: number, rng: Rng): number {
  if (lambda < FEW) {
    const limit = Math.exp(-lambda);
    let count = -1;
    let product = 1;
    do {
      count++;
      product *= rng.uniform();
    } while (product > limit);
    return count;
  }
  const b = 0.931 + 2.53 * Math.sqrt(lambda);
  const a = -0.059 + 0.02483 * b;
  const inverseAlpha = 1.1239 + 1.1328 / (b - 3.4);
  const squeeze = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const u = rng.uniform() - 0.5;
    const v = 1 - rng.uniform();
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + lambda + 0.43);
    if (us >= 0.07 && v <= squeeze) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    const left = Math.log(v) + Math.log(inverseAlpha) - Math.log(a / (us * us) + b);
    if (left <= k * Math.log(lambda) - lambda - logFactorial(k)) return k;
  }
}

/** For p up to 1/2: Hoermann, "The generation of binomial random variates" (1993), algorithm BTRS; inversion where few are expected. */
function binomial(n: number, p: number, rng: Rng): number {
  if (n === 0 || p === 0) return 0;
  const mean = n * p;
  if (mean < FEW) return binomialByInversion(n, p, rng);
  const spread = Math.sqrt(mean * (1 - p));
  const b = 1.15 + 2.53 * spread;
  const a = -0.0873 + 0.0248 * b + 0.01 * p;
  const c = mean + 0.5;
  const squeeze = 0.92 - 4.2 / b;
  const alpha = (2.83 + 5.1 / b) * spread;
  const odds = Math.log(p / (1 - p));
  const mode = Math.floor((n + 1) * p);
  const h = logFactorial(mode) + logFactorial(n - mode);
  for (;;) {
    const u = rng.uniform() - 0.5;
    const v = 1 - rng.uniform();
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + c);
    if (us >= 0.07 && v <= squeeze) return k;
    if (k < 0 || k > n) continue;
    const left = Math.log((v * alpha) / (a / (us * us) + b));
    if (left <= h - logFactorial(k) - logFactorial(n - k) + (k - mode) * odds) return k;
  }
}

/** Counts successes by the geometric gaps between them: one step per success, and no sum that loses small terms. */
function binomialByInversion(n: number, p: number, rng: Rng): number {
  const failure = Math.log1p(-p);
  let trials = 0;
  for (let successes = 0; ; successes++) {
    trials += 1 + Math.floor(Math.log(1 - rng.uniform()) / failure);
    if (trials > n) return successes;
  }
}

const HALF_LOG_TWO_PI = 0.5 * Math.log(2 * Math.PI);

/** ln k! for k at least 0: Stirling's series, accurate to the last digits from 10 on. */
function logFactorial(k: number): number {
  if (k < 10) {
    let product = 1;
    for (let i = 2; i <= k; i++) product *= i;
    return Math.log(product);
  }
  const x = k + 1;
  const inverse = 1 / (x * x);
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / x;
  return (x - 0.5) * Math.log(x) - x + HALF_LOG_TWO_PI + series;
}
