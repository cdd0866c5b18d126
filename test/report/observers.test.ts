import { describe, expect, test } from 'vitest';
import { observe, observedBy, observersOf } from '../../src/report/observers.js';
import type { Cell, Result } from '../../src/result/result.js';
import { DEFENSES, makeResult } from '../support/make-result.js';

/** A run of two attacks and both adversaries in which `accuracy` says who reaches what, with an interval of 0.1 either way. */
function runWith(accuracy: (cell: Cell) => number, seeds = 1): Result {
  const made = makeResult({ attacks: ['forest', 'lstm'], defenses: DEFENSES.slice(0, 2), seeds });
  const cells = made.cells.map((cell) => {
    const value = accuracy(cell);
    const interval = { accuracy: value, accuracyLow: value - 0.1, accuracyHigh: value + 0.1 };
    return { ...cell, identification: { ...cell.identification, ...interval } };
  });
  return { ...made, cells };
}

const observers = observersOf(['forest', 'lstm'], ['static', 'adaptive']);

describe('an observer', () => {
  test('is every attack and the best, with every adversary and the stronger', () => {
    expect(observers).toHaveLength(9);
    expect(observers[0]).toEqual({ attack: null, adversary: null });
    expect(observersOf(['forest'], ['static'])).toEqual([{ attack: null, adversary: null }]);
  });

  test('of the headline has the result as it is', () => {
    const result = makeResult();
    expect(observedBy(result, { attack: null, adversary: null })).toBe(result);
  });

  test('has for each defense the best of what is left to choose', () => {
    const result = runWith(({ attack, adversary, defense }) => {
      if (defense === 'none') return attack === 'forest' ? 0.9 : 0.8;
      return attack === 'lstm' && adversary === 'static' ? 0.7 : attack === 'lstm' ? 0.5 : 0.6;
    });
    const seen = (observer: (typeof observers)[number]) =>
      observedBy(result, observer).summary.map((row) => [row.bestAttack, row.adversary, row.accuracy.mean]);
    expect(seen({ attack: 'lstm', adversary: null })).toEqual([
      ['lstm', 'adaptive', 0.8],
      ['lstm', 'static', 0.7],
    ]);
    expect(seen({ attack: null, adversary: 'adaptive' })).toEqual([
      ['forest', 'adaptive', 0.9],
      ['forest', 'adaptive', 0.6],
    ]);
    expect(observedBy(result, { attack: 'lstm', adversary: 'adaptive' }).summary[1]!.drop).toBeCloseTo(0.3, 12);
  });

  test('has the interval of the run where that has one, else from the lowest to the highest of its seeds', () => {
    const result = runWith(({ attack, seed }) => (attack === 'forest' ? 0.8 : 0.5 + 0.1 * seed), 2);
    const known = { mean: 0.8, low: 0.75, high: 0.85 };
    const summary = result.summary.map((row) => ({ ...row, static: known, adaptive: known }));
    const accuracy = (attack: string) =>
      observedBy({ ...result, summary }, { attack, adversary: 'static' }).summary[0]!.accuracy;
    expect(accuracy('forest')).toBe(known);
    expect(accuracy('lstm').mean).toBeCloseTo(0.65, 12);
    expect(accuracy('lstm').low).toBeCloseTo(0.5, 12);
    expect(accuracy('lstm').high).toBeCloseTo(0.8, 12);
  });

  test('has a Pareto front of its own', () => {
    // As the best attack has it, padding is worth its price; to this one it does not make any difference.
    const result = runWith(({ attack, defense }) => (attack === 'lstm' ? 0.5 : defense === 'none' ? 0.9 : 0.6));
    const pareto = observedBy(result, { attack: 'lstm', adversary: 'static' }).summary.map((row) => row.pareto);
    expect(pareto).toEqual([true, false]);
  });

  test('who sees what another sees is not shown twice', () => {
    const made = runWith(
      ({ attack, adversary }) => (attack === 'forest' ? 0.9 : 0.8) - (adversary === 'static' ? 0.1 : 0),
    );
    const summary = made.summary.map((row) => ({ ...row, bestAttack: 'forest', adversary: 'adaptive' as const }));
    const seen = observe({ ...made, summary }, observers, ['forest', 'lstm']);
    expect(seen.map(({ title, values }) => [title, ...values])).toEqual([
      ['best attack, stronger adversary', 'best/stronger', 'best/adaptive', '0/stronger', '0/adaptive'],
      ['best attack, static adversary', 'best/static', '0/static'],
      ['lstm, stronger adversary', '1/stronger', '1/adaptive'],
      ['lstm, static adversary', '1/static'],
    ]);
  });
});
