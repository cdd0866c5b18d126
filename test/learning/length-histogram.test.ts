import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildWindows } from '../../src/learning/build-windows.js';
import { learnHellinger } from '../../src/learning/hellinger.js';
import { inverseDistances } from '../../src/learning/inverse-distance.js';
import { type LengthHistograms, lengthHistograms } from '../../src/learning/length-histogram.js';
import { makeTrace } from '../support/make-trace.js';

/** Histograms of the given windows: packets by kind. */
function histograms(windows: readonly Readonly<Record<number, number>>[]): LengthHistograms {
  const entries = windows.map((window) => Object.entries(window));
  const ends = entries.map((_, i) => entries.slice(0, i + 1).flat().length);
  return {
    begin: Uint32Array.of(0, ...ends),
    kind: Uint32Array.from(entries.flat(), ([kind]) => Number(kind)),
    count: Uint32Array.from(entries.flat(), ([, count]) => count),
  };
}

describe('histograms of lengths', () => {
  it('count each length by direction in each window, also where windows overlap', () => {
    const packets = [60, 60, 60, 1500].map((length, time) => ({ time, length, direction: time === 1 ? 0 : 1 }));
    const options = { size: 3, stride: 1, mix: 'home', port: 'service' } as const;
    const { begin, kind, count } = lengthHistograms(buildWindows(makeTrace(packets), options).windows);
    expect([...begin]).toEqual([0, 2, 5]);
    expect([...kind]).toEqual([121, 120, 120, 121, 3001]);
    expect([...count]).toEqual([2, 1, 1, 1, 1]);
  });
});

describe('the Hellinger distance', () => {
  const distances = learnHellinger(histograms([{ 201: 1, 400: 1 }, { 201: 5 }, { 7: 1 }]), Uint16Array.of(0, 1, 1), 3);

  it('is that to the nearest of each class, by hand', () => {
    const found = distances(histograms([{ 201: 1, 400: 3 }, { 201: 9 }]));
    // root(1 - root(1/8) - root(3/8)), root(1 - root(1/4)).
    expect(found[0]).toBeCloseTo(0.184592, 6);
    expect(found[1]).toBeCloseTo(Math.SQRT1_2, 12);
    expect(found[4]).toBeCloseTo(0, 7);
  });

  it('is 1 where nothing is common, and infinite to a class that is not known', () => {
    expect([...distances(histograms([{ 9: 4 }]))]).toEqual([1, 1, Number.POSITIVE_INFINITY]);
    expect([...distances(histograms([]))]).toEqual([]);
  });

  it('is the length of the difference of roots over root 2', () => {
    const window = fc
      .dictionary(fc.constantFrom('1', '2', '3', '4', '5'), fc.integer({ min: 1, max: 9 }), { minKeys: 1 })
      .map((one): Record<number, number> => one);
    const shares = (one: Record<number, number>) => {
      const total = Object.values(one).reduce((sum, count) => sum + count, 0);
      return [1, 2, 3, 4, 5].map((kind) => (one[kind] ?? 0) / total);
    };
    fc.assert(
      fc.property(window, window, (one, other) => {
        const q = shares(other);
        const squares = shares(one).map((p, i) => (Math.sqrt(p) - Math.sqrt(q[i]!)) ** 2);
        const expected = Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / 2);
        expect(learnHellinger(histograms([one]), Uint16Array.of(0), 1)(histograms([other]))[0]).toBeCloseTo(
          expected,
          6,
        );
      }),
    );
  });
});

describe('probabilities by distance', () => {
  const of = (...distance: number[]) => {
    const out = new Float32Array(distance.length);
    inverseDistances(Float64Array.from(distance), out);
    return [...out];
  };

  it('are twice as high for half the distance', () => {
    expect(of(0.1, 0.2, 0.2)).toEqual([0.5, 0.25, 0.25]);
    expect(of(0.5, Number.POSITIVE_INFINITY)).toEqual([1, 0]);
  });

  it('are nearly 1 for what is equal, and none where all is far', () => {
    expect(of(0, 0.5)[0]).toBeGreaterThan(0.99999);
    expect(of(0, 0)).toEqual([0.5, 0.5]);
    expect(of(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)).toEqual([0, 0]);
  });
});
