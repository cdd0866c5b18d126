import { describe, expect, it } from 'vitest';
import { countValues, entropy, informationAbout, mutualInformation } from '../../src/learning/mutual-information.js';
import { createRng } from '../../src/shared/rng.js';
import { makeTable } from '../support/forest-table.js';

const rng = createRng(1, 'information');
const { columns, label } = makeTable(2000);
const [port, length, nothing] = columns;

describe('mutual information', () => {
  it('is that of numpy, with the correction of Miller and Madow', () => {
    // metrics.py beside this file.
    const values = [...new Set(port!.values)];
    const bins = Uint8Array.from(port!.values, (value) => values.indexOf(value));
    expect(mutualInformation(bins, label, values.length, 5)).toBeCloseTo(1.3511648161688745, 12);
    const coarse = Uint8Array.from(length!.values, (value) => value / 16);
    expect(mutualInformation(coarse, label, 256, 5)).toBeCloseTo(1.2027965457425074, 12);
    expect(entropy(countValues(label, 5))).toBeCloseTo(2.3207564772671434, 12);
  });

  it('is the same both ways', () => {
    const bins = Uint8Array.from(length!.values, (value) => value / 16);
    expect(mutualInformation(label, bins, 5, 256)).toBeCloseTo(mutualInformation(bins, label, 256, 5), 12);
  });
});

describe('what a feature tells', () => {
  it('is all of it where each value has one class, and never more', () => {
    const own = { kind: 'categorical' as const, name: 'own', values: label };
    const bits = informationAbout(own, label, 5, rng);
    expect(bits).toBeGreaterThan(2.3);
    expect(bits).toBeLessThanOrEqual(entropy(countValues(label, 5)));
  });

  it('is about none for a feature that tells nothing, where counts alone claim much', () => {
    // By chance alone, with 63 x 4 degrees of freedom and 2000 packets: 0.09 bits from counts, with a deviation of 0.008.
    const bins = Uint8Array.from(nothing!.values, (value) => value / 16);
    const counted = entropy(countValues(bins, 64)) + entropy(countValues(label, 5));
    const pairs = Uint16Array.from(bins, (bin, i) => bin * 5 + label[i]!);
    expect(counted - entropy(countValues(pairs, 64 * 5))).toBeGreaterThan(0.06);
    expect(informationAbout(nothing!, label, 5, rng)).toBeLessThan(0.03);
  });

  it('is none for a feature that never changes', () => {
    const constant = { kind: 'numeric' as const, name: 'length', values: new Float32Array(2000).fill(1500) };
    expect(informationAbout(constant, label, 5, rng)).toBe(0);
  });

  it('is little changed by sharing bins', () => {
    // 1.35 and 1.20 bits with a bin for each port, and for each 16 bytes; four lengths in 460 share one here.
    expect(informationAbout(port!, label, 5, rng)).toBeCloseTo(1.3511648, 1);
    expect(informationAbout(length!, label, 5, rng)).toBeCloseTo(1.2027965, 1);
  });

  it('is none without packets', () => {
    const empty = { kind: 'numeric' as const, name: 'x', values: new Float32Array(0) };
    expect(informationAbout(empty, new Uint16Array(0), 5, rng)).toBe(0);
  });
});
