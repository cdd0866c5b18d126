import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bayesErrorBound } from '../../src/learning/bayes-bound.js';
import { nearestNeighbourError } from '../../src/learning/nearest-neighbour.js';
import { createRng } from '../../src/shared/rng.js';
import { makeTable, takeRows } from '../support/forest-table.js';

describe('the bound on the Bayes error', () => {
  it('is that of Cover and Hart', () => {
    // By hand: 1/2 (1 - sqrt(1 - 2 * 0.18)) = 1/2 (1 - 0.8); 3/4 (1 - sqrt(1 - 4/3 * 0.27)) = 3/4 (1 - 0.8).
    expect(bayesErrorBound(0.18, 2)).toBeCloseTo(0.1, 12);
    expect(bayesErrorBound(0.27, 4)).toBeCloseTo(0.15, 12);
    expect(bayesErrorBound(0, 7)).toBe(0);
  });

  it('is guessing where the nearest neighbour does no better, or worse', () => {
    expect(bayesErrorBound(0.75, 4)).toBe(0.75);
    expect(bayesErrorBound(0.9, 4)).toBe(0.75);
    expect(bayesErrorBound(0.5, 1)).toBe(0);
  });

  it('lies between half the error and the error, and grows with it', () => {
    const error = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(error, error, fc.integer({ min: 2, max: 50 }), (a, b, classes) => {
        const bound = bayesErrorBound(a, classes);
        expect(bound).toBeGreaterThanOrEqual(Math.min(a, 1 - 1 / classes) / 2 - 1e-12);
        expect(bound).toBeLessThanOrEqual(a + 1e-12);
        if (a < b) expect(bayesErrorBound(b, classes)).toBeGreaterThanOrEqual(bound);
      }),
    );
  });

  it('stays below the Bayes error where that is known', () => {
    // Two normal distributions two deviations apart: no classifier errs less than Phi(-1).
    const rng = createRng(1, 'normal');
    const draw = (rows: number) => {
      const label = Uint16Array.from({ length: rows }, () => rng.integer(0, 1));
      const values = Float32Array.from(label, (c) => rng.normal(2 * c, 1));
      return { columns: [{ kind: 'numeric' as const, name: 'x', values }], label };
    };
    const error = nearestNeighbourError(draw(5000), draw(2000))!;
    const bayes = 0.1587;
    expect(error).toBeGreaterThan(bayes);
    expect(bayesErrorBound(error, 2)).toBeLessThan(bayes);
    expect(bayesErrorBound(error, 2)).toBeGreaterThan(0.8 * bayes);
  });
});

describe('the nearest neighbour', () => {
  const { columns, label } = makeTable(2000);
  const part = (from: number, to: number, kept = columns) => ({
    columns: takeRows(kept, from, to),
    label: label.slice(from, to),
  });

  it('errs as often as by scipy and numpy', () => {
    // metrics.py beside this file.
    expect(nearestNeighbourError(part(0, 1000), part(1000, 2000))).toBeCloseTo(0.188, 12);
    const [port, length] = columns;
    const two = [length!, port!];
    expect(nearestNeighbourError(part(0, 1000, two), part(1000, 2000, two))).toBeCloseTo(0.1835, 12);
  });

  it('is not moved by units', () => {
    const other = columns.map((column) =>
      column.kind === 'numeric' ? { ...column, values: Float64Array.from(column.values, (x) => x ** 3) } : column,
    );
    expect(nearestNeighbourError(part(0, 1000, other), part(1000, 2000, other))).toBeCloseTo(0.188, 12);
  });

  it('counts equally near neighbours by their shares', () => {
    const rows = (values: number[], labels: number[]) => ({
      columns: [{ kind: 'categorical' as const, name: 'x', values: Uint16Array.from(values) }],
      label: Uint16Array.from(labels),
    });
    // 7 is met as class 0 once and as class 1 three times; 9 never, so that all five are as near.
    const train = rows([7, 7, 7, 7, 8], [0, 1, 1, 1, 0]);
    expect(nearestNeighbourError(train, rows([7], [0]))).toBeCloseTo(3 / 4, 12);
    expect(nearestNeighbourError(train, rows([7, 9], [1, 1]))).toBeCloseTo((1 / 4 + 2 / 5) / 2, 12);
  });

  it('knows nothing without rows', () => {
    expect(nearestNeighbourError(part(0, 0), part(0, 10))).toBeNull();
    expect(nearestNeighbourError(part(0, 10), part(0, 0))).toBeNull();
  });
});
