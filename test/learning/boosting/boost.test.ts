import { describe, expect, it } from 'vitest';
import { boost, learnTable, predictBoosted } from '../../../src/learning/boosting/boost.js';
import type { Column } from '../../../src/learning/forest/bins.js';

const columnsOf = (table: readonly (readonly number[])[], names: readonly string[]): Column[] =>
  names.map((name, i) => ({ kind: 'numeric', name, values: Float64Array.from(table, (row) => row[i]!) }));

/** Trains on a table and predicts for another. */
function answers(
  train: readonly (readonly number[])[],
  label: readonly number[],
  asked: readonly (readonly number[])[],
  [rounds, rate]: readonly [number, number],
): number[] {
  const names = train[0]!.map((_, i) => `column ${i}`);
  const columns = columnsOf(train, names);
  const binned = learnTable(columns);
  const model = boost(binned(columns), Uint8Array.from(label), { rounds, rate });
  return [...predictBoosted(model, binned(columnsOf(asked, names)))];
}

describe('boosting', () => {
  /** The table of scikit-learn-boosting.py, which printed the probabilities below. */
  const rows: number[][] = [];
  const label: number[] = [];
  let state = 1;
  const below = (bound: number) => {
    state = (state * 48271) % 2147483647;
    return state % bound;
  };
  for (let i = 0; i < 400; i++) {
    const row = [below(40), below(200), below(7)];
    rows.push(row);
    label.push(Number(row[0]! + below(20) > 30) ^ Number(row[1]! > 150 && below(4) > 0));
  }

  it.each([
    [1, 1, [0.263852, 0.263852, 0.263852, 0.263852, 0.643459, 0.643459]],
    [2, 1, [0.230119, 0.230119, 0.230119, 0.230119, 0.817389, 0.600803]],
    [100, 1, [0.458012, 0.259814, 0.053575, 0.197704, 0.859192, 0.752906]],
    [100, 0.1, [0.250234, 0.262402, 0.215479, 0.267859, 0.803686, 0.603802]],
  ])('has the probabilities of scikit-learn after %i rounds at a rate of %f', (rounds, rate, expected) => {
    const found = answers(rows.slice(0, 200), label.slice(0, 200), rows.slice(200, 206), [rounds, rate]);
    for (const [i, probability] of expected.entries()) expect(found[i]).toBeCloseTo(probability, 5);
  });

  it('takes a Newton step on each side in the first round', () => {
    // Odds of 1 to 3. Below the split -1/4 three times over 3/16 three times, above it 3/4 over 3/16.
    const [low, high] = answers([[1], [2], [3], [9]], [0, 0, 0, 1], [[0], [10]], [1, 1]);
    expect(low).toBeCloseTo(1 / (1 + 3 * Math.exp(4 / 3)), 10);
    expect(high).toBeCloseTo(1 / (1 + 3 * Math.exp(-4)), 10);
  });

  it('is certain where all rows are alike in label, and gives the share where they are in all columns', () => {
    const three: readonly (readonly number[])[] = [[1], [2], [3]];
    expect(answers(three, [0, 0, 0], [[1]], [5, 1])).toEqual([0]);
    expect(answers(three, [1, 1, 1], [[1]], [5, 1])).toEqual([1]);
    expect(answers([[7], [7], [7], [7]], [0, 0, 0, 1], [[1]], [5, 1])[0]).toBeCloseTo(0.25, 10);
  });

  it('stays finite where two values tell all', () => {
    const [low, high] = answers([[1], [2]], [0, 1], [[1], [2]], [1000, 1]);
    expect([low! >= 0 && low! < 1e-6, high! <= 1 && high! > 1 - 1e-6]).toEqual([true, true]);
  });
});
