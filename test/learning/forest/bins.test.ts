import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyBins, type Column, learnBins, type NumericBins } from '../../../src/learning/forest/bins.js';

const limits = { numeric: 4, categories: 3 };

function learn(column: Column, label: number[] = [...column.values].map(() => 0)) {
  const bins = learnBins(column, Uint16Array.from(label), Math.max(...label) + 1, limits);
  const binned = (values: number[]) => {
    const out = new Uint8Array(values.length);
    applyBins(bins, { ...column, values: Float64Array.from(values) } as Column, out, 0, 1);
    return [...out];
  };
  return { bins, binned };
}

describe('numeric columns', () => {
  const numeric = (...values: number[]) =>
    ({ kind: 'numeric', name: 'length', values: Float64Array.from(values) }) as const;

  it('have a bin for each value where there are few, with edges midway', () => {
    const { bins, binned } = learn(numeric(9, 1, 4, 1, 9));
    expect([...(bins as NumericBins).edges]).toEqual([2.5, 6.5]);
    expect(binned([-5, 1, 2.5, 2.6, 4, 6.6, 100])).toEqual([0, 0, 0, 1, 1, 2, 2]);
  });

  it('give a frequent value among many a bin of its own', () => {
    const { binned } = learn(numeric(...Array.from({ length: 20 }, (_, i) => i), ...new Array(20).fill(10)));
    const [before, at, after] = binned([9, 10, 11]);
    expect(before).toBeLessThan(at!);
    expect(after).toBeGreaterThan(at!);
  });

  it('share the rest out evenly', () => {
    const { bins } = learn(numeric(...Array.from({ length: 100 }, (_, i) => i)));
    expect([...(bins as NumericBins).edges]).toEqual([24.5, 49.5, 74.5]);
  });

  it('never exceed the limit, and keep the order of values', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true }), { minLength: 1 }), (values) => {
        const { bins, binned } = learn(numeric(...values));
        expect(bins.bins).toBeLessThanOrEqual(limits.numeric);
        const inOrder = binned(values.sort((a, b) => a - b));
        expect(inOrder).toEqual([...inOrder].sort((a, b) => a - b));
        expect(inOrder.at(-1)).toBe(bins.bins - 1);
      }),
    );
  });

  it('refuse what is not a number', () => {
    expect(() => learn(numeric(1, Number.NaN))).toThrow('column length: expected numbers');
  });
});

describe('categorical columns', () => {
  const ports = (...values: number[]) =>
    ({ kind: 'categorical', name: 'port', values: Uint16Array.from(values) }) as const;

  it('order their values by the share of a class where there are two', () => {
    // Share of class 1: port 53 none, 80 a half, 443 all. Values that share no bin with these have that of the mean.
    const { binned } = learn(ports(443, 443, 80, 80, 53, 53), [1, 1, 0, 1, 0, 0]);
    const [none, half, all] = binned([53, 80, 443]);
    expect(half! > none! === all! > half!).toBe(true);
    expect(new Set([none, half, all]).size).toBe(3);
  });

  it('keep the most used values apart and give all others, seen or not, one bin', () => {
    const { bins, binned } = learn(ports(1, 1, 1, 2, 2, 3, 3, 4, 5), [0, 1, 0, 1, 1, 0, 0, 1, 1]);
    expect(bins.bins).toBe(4);
    const [other, ...rest] = binned([4, 5, 6, 1, 2, 3]);
    expect(rest.slice(0, 2)).toEqual([other, other]);
    expect(new Set([other, ...rest]).size).toBe(4);
  });
});
