import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DistributionKind, sample } from '../../../src/shaping/maybenot/distribution.js';
import { createRng } from '../../../src/shared/rng.js';
import { anyMachine, distribution, fixed } from '../../support/machines.js';

/**
 * Parameters; then mean, standard deviation, the deciles 1, 5 and 9 and the share at or below each, from scipy.stats 1.10:
 * uniform(2, 8), norm, skewnorm, lognorm(s=0.5, scale=e), binom, geom(p, -1), pareto, poisson, weibull_min, gamma, beta.
 */
const known: [DistributionKind, number[], number, number, [number, number, number], [number, number, number]][] = [
  ['uniform', [2, 10], 6, 2.3094, [2.8, 6, 9.2], [0.1, 0.5, 0.9]],
  ['normal', [100, 15], 100, 15, [80.776727, 100, 119.22327], [0.1, 0.5, 0.9]],
  ['normal', [100, -15], 100, 15, [80.776727, 100, 119.22327], [0.1, 0.5, 0.9]],
  ['skew-normal', [100, 15, -3], 88.6459, 9.80227, [75.327196, 89.92009, 100.09152], [0.1, 0.5, 0.9]],
  ['skew-normal', [100, 15, 1], 108.463, 12.3847, [92.825897, 108.17428, 124.48328], [0.1, 0.5, 0.9]],
  ['log-normal', [1, 0.5], 3.08022, 1.64157, [1.4322179, Math.E, 5.1591704], [0.1, 0.5, 0.9]],
  ['binomial', [40, 0.1], 4, 1.89737, [2, 4, 6], [0.22281, 0.62902, 0.90048]],
  ['binomial', [500, 0.3], 150, 10.247, [137, 150, 163], [0.11061, 0.52204, 0.90541]],
  ['binomial', [500, 0.9], 450, 6.7082, [441, 450, 459], [0.10445, 0.5218, 0.92491]],
  ['binomial', [1e9, 0.5], 5e8, 15_811.4, [499_979_740, 5e8, 500_020_260], [0.10001, 0.50001, 0.9]],
  ['geometric', [0.05], 19, 19.4936, [2, 13, 44], [0.14263, 0.51233, 0.90056]],
  ['pareto', [3, 2.5], 5, 4.47214, [3.1291346, 3.9585237, 7.5356593], [0.1, 0.5, 0.9]],
  ['poisson', [3], 3, 1.73205, [1, 3, 5], [0.19915, 0.64723, 0.91608]],
  ['poisson', [300], 300, 17.3205, [278, 300, 322], [0.10623, 0.51535, 0.90196]],
  ['weibull', [4, 1.5], 3.61098, 2.45174, [0.8923021, 3.1328791, 6.9748861], [0.1, 0.5, 0.9]],
  ['weibull', [4, 0.7], 5.06329, 7.40469, [0.16065178, 2.3695605, 13.167732], [0.1, 0.5, 0.9]],
  ['gamma', [2, 5], 10, 4.47214, [4.8651821, 9.3418178, 15.987179], [0.1, 0.5, 0.9]],
  ['gamma', [2, 0.3], 0.6, 1.09545, [0.00064744924, 0.14626227, 1.7696215], [0.1, 0.5, 0.9]],
  ['beta', [2, 5], 0.285714, 0.159719, [0.092595259, 0.26444998, 0.51031631], [0.1, 0.5, 0.9]],
  ['beta', [0.5, 0.4], 0.555556, 0.360492, [0.033384684, 0.60683059, 0.99171651], [0.1, 0.5, 0.9]],
];

const DRAWS = 20_000;

/** All bands are five standard errors wide. */
test.each(known)('%s %j is drawn as scipy has it', (kind, parameters, mean, deviation, deciles, shares) => {
  const rng = createRng(1);
  const drawn = Array.from({ length: DRAWS }, () => sample(distribution(kind, parameters), rng));
  const average = drawn.reduce((a, b) => a + b, 0) / DRAWS;
  expect(Math.abs(average - mean)).toBeLessThan((5 * deviation) / Math.sqrt(DRAWS));
  for (const [i, decile] of deciles.entries()) {
    const share = drawn.filter((value) => value <= decile).length / DRAWS;
    const expected = shares[i]!;
    expect(Math.abs(share - expected)).toBeLessThan(5 * Math.sqrt((expected * (1 - expected)) / DRAWS));
  }
});

describe('what is drawn', () => {
  const rng = createRng(2);
  test.each([
    ['start is added', distribution('uniform', [0, 0], 5), 5],
    ['max cuts', distribution('uniform', [10, 10], 0, 5), 5],
    ['max cuts after start was added', distribution('uniform', [10, 10], 10, 15), 15],
    ['never below 0', distribution('uniform', [-20, -10]), 0],
    ['start lifts what is below 0', distribution('uniform', [-20, -20], 30), 10],
    ['0 where it is no finite number', distribution('uniform', [1e308, 1e308], 1e308), 0],
    ['0 where the mean is no finite number', distribution('normal', [Number.POSITIVE_INFINITY, 1]), 0],
    ['one value where the bounds are one', fixed(7), 7],
    ['no trial, no success', distribution('binomial', [0, 0.73]), 0],
    ['no chance, no success', distribution('binomial', [50, 0]), 0],
    ['certain success', distribution('binomial', [50, 1]), 50],
    ['success at once', distribution('geometric', [1]), 0],
    ['no success ever', distribution('geometric', [0]), 2 ** 64],
  ])('%s', (_, given, expected) => {
    for (let i = 0; i < 20; i++) expect(sample(given, rng)).toBe(expected);
  });

  test('a beta variate of tiny shapes is 0 or 1, each in its turn', () => {
    const drawn = Array.from({ length: 1000 }, () => sample(distribution('beta', [1e-3, 1e-3]), rng));
    const ones = drawn.filter((value) => value > 0.5).length;
    expect(drawn.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(Math.abs(ones - 500)).toBeLessThan(5 * Math.sqrt(250));
  });

  test('is finite and within its bounds, whatever the distribution', () => {
    const distributions = anyMachine.map(({ states }) =>
      states.flatMap(({ action, counters }) => [
        ...(action && action.kind !== 'cancel' && action.limit ? [action.limit] : []),
        ...counters.flatMap((counter) => (counter?.distribution ? [counter.distribution] : [])),
      ]),
    );
    fc.assert(
      fc.property(distributions, (given) => {
        for (const one of given) {
          const value = sample(one, rng);
          expect(Number.isFinite(value) && value >= 0 && (one.max === 0 || value <= one.max)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});
