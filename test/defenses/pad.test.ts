import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import pad from '../../defenses/pad.js';
import { shape } from '../../src/shaping/simulate.js';
import { resolveParameters } from '../../src/shared/parameters.js';
import { createRng } from '../../src/shared/rng.js';
import { makeTrace } from '../support/traces.js';

function padded(given: Record<string, unknown>, lengths: number[], seed = 1): number[] {
  const trace = makeTrace(lengths.map((length, time) => ({ time, length })));
  const parameters = resolveParameters(pad.parameters, given, 'defense pad');
  return [...shape(trace, pad, parameters, { rng: createRng(seed) }).trace.length];
}

describe('each rule, by hand', () => {
  test.each<[Record<string, unknown>, number[], number[]]>([
    [{}, [60, 1499, 1500, 1514, 9014, 65_549], [1500, 1500, 1500, 1514, 9014, 65_549]],
    [{ rule: 'mtu', size: 1514 }, [60, 1514, 1515], [1514, 1514, 1515]],
    [{ rule: 'linear' }, [1, 128, 129, 1400, 1409, 1501], [128, 128, 256, 1408, 1500, 1501]],
    [{ rule: 'linear', step: 100 }, [60, 101], [100, 200]],
    [{ rule: 'exponential' }, [1, 2, 3, 64, 65, 1024, 1025, 1514], [1, 2, 4, 64, 128, 1024, 1500, 1514]],
    [{ rule: 'mice-elephants' }, [60, 128, 129, 1501], [128, 128, 1500, 1501]],
    [{ rule: 'mice-elephants', mice: 200, size: 1400 }, [60, 200, 201], [200, 200, 1400]],
    [{ rule: 'block' }, [1, 16, 17, 1489, 1497, 1501], [16, 16, 32, 1500, 1500, 1501]],
    [{ rule: 'block', block: 64 }, [60, 65], [64, 128]],
    [
      { rule: 'levels' },
      [60, 99, 100, 199, 200, 299, 1399, 1400, 1500, 1501],
      [100, 100, 200, 200, 300, 300, 1400, 1500, 1500, 1501],
    ],
    [{ rule: 'gaussian', deviation: 0 }, [60, 1100, 1200], [460, 1500, 1500]],
    [{ rule: 'random', width: 1 }, [60, 1500], [61, 1500]],
  ])('%j', (given, lengths, expected) => {
    expect(padded(given, lengths)).toEqual(expected);
  });

  test('exponential is exact at every power of two', () => {
    const powers = Array.from({ length: 17 }, (_, i) => 2 ** i);
    expect(padded({ rule: 'exponential', size: 65_535 }, powers).slice(0, 16)).toEqual(powers.slice(0, 16));
  });
});

describe('rules by chance', () => {
  const many = (length: number) => new Array<number>(20_000).fill(length);
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;

  /** Smallest, largest and mean of many draws; the bands are five standard errors wide. */
  test.each([
    ['random: 1 to 255 bytes more', { rule: 'random' }, 100, 101, 355, 228, 2.7],
    ['uniform: from the length to size', { rule: 'uniform' }, 100, 100, 1500, 800, 15],
    ['levels: up to 1000', { rule: 'levels' }, 300, 301, 1000, 650.5, 7.2],
    ['levels: up to 1400', { rule: 'levels' }, 1000, 1001, 1400, 1200.5, 4.1],
  ])('%s', (_, given, length, low, high, middle, band) => {
    const drawn = padded(given, many(length));
    expect([Math.min(...drawn), Math.max(...drawn)]).toEqual([low, high]);
    expect(Math.abs(mean(drawn) - middle)).toBeLessThan(band);
  });

  test('gaussian: 400 bytes more on average, 100 the standard deviation', () => {
    const drawn = padded({ rule: 'gaussian' }, many(100));
    const deviation = Math.sqrt(mean(drawn.map((x) => (x - 500) ** 2)));
    expect(Math.abs(mean(drawn) - 500)).toBeLessThan(3.6);
    expect(Math.abs(deviation - 100)).toBeLessThan(2.6);
  });

  test('gaussian: never shorter than the packet, however wide', () => {
    expect(Math.min(...padded({ rule: 'gaussian', mean: 0, deviation: 5000 }, many(700)))).toBe(700);
  });
});

test('no rule shortens a frame, and none makes one longer than size that was not', () => {
  const rules = pad.parameters.shape.rule.unwrap().options;
  const lengths = fc.array(fc.integer({ min: 1, max: 70_000 }), { maxLength: 20 });
  fc.assert(
    fc.property(
      fc.constantFrom(...rules),
      fc.integer({ min: 128, max: 9000 }),
      lengths,
      fc.nat(),
      (rule, size, sent, seed) => {
        const out = padded({ rule, size }, sent, seed);
        for (const [i, length] of sent.entries()) {
          expect(out[i]).toBeGreaterThanOrEqual(length);
          expect(out[i]).toBeLessThanOrEqual(Math.max(length, size));
        }
      },
    ),
  );
});
