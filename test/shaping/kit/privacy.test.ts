import { describe, expect, test } from 'vitest';
import { gaussianDeviation } from '../../../src/shaping/kit/privacy.js';

describe('the deviation of the noise', () => {
  // scipy: the deviation whose epsilon, the least over all Rényi orders (minimize_scalar), is the one given (brentq).
  test.each([
    [1, 1e-6, 1, 5.349980061976483],
    [1, 1e-6, 100, 53.499800619763036],
    [0.1, 1e-9, 7, 170.53600807517978],
    [8, 1e-5, 20, 3.087337183426075],
  ])('for epsilon %d, delta %d and %i releases is %d times the sensitivity', (epsilon, delta, releases, expected) => {
    for (const sensitivity of [0, 1, 2500]) {
      const found = gaussianDeviation({ epsilon, delta, sensitivity, releases });
      expect(found).toBeCloseTo(expected * sensitivity, 6);
    }
  });

  // The noise multiplier that the authors' simulator finds on its grid of orders (DP_utils.py, get_noise_multiplier).
  test('agrees with the code of NetShaper to one part in 10,000', () => {
    const found = gaussianDeviation({ epsilon: 1, delta: 1e-6, sensitivity: 1, releases: 5 });
    expect(Math.abs(found / 11.963029254667324 - 1)).toBeLessThan(1e-4);
  });
});
