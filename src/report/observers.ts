import { dominates } from '../result/dominates.js';
import type { Adversary, Cell, Interval, Result, SummaryRow } from '../result/result.js';
import { mean } from './reading.js';

/** The attack and the adversary that a figure shows. */
export interface Observer {
  /** Label of an attack; null for the best one against each defense. */
  readonly attack: string | null;
  /** Null for the stronger adversary that was run, defense by defense. */
  readonly adversary: Adversary | null;
}

/** A result as seen by one observer, or by several who see the same. */
export interface Observed {
  /** Values of `data-observer`, as {@link observerValue} writes them. */
  readonly values: readonly string[];
  readonly title: string;
  /** The result, its summary that of this observer. */
  readonly result: Result;
}

/** All observers that a reader can choose, the headline's first. */
export function observersOf(attacks: readonly string[], adversaries: readonly Adversary[]): Observer[] {
  const choice = <T>(of: readonly T[]): (T | null)[] => (of.length > 1 ? [null, ...of] : [null]);
  return choice(attacks).flatMap((attack) => choice(adversaries).map((adversary) => ({ attack, adversary })));
}

/** An observer as written in the page: `best/stronger`, `0/adaptive`. The number is the index in `attacks`. */
export function observerValue({ attack, adversary }: Observer, attacks: readonly string[]): string {
  return `${attack === null ? 'best' : attacks.indexOf(attack)}/${adversary ?? 'stronger'}`;
}

/** `result` for each of `observers` in it. Observers who see the same share an entry with the name of the first. */
export function observe(result: Result, observers: readonly Observer[], attacks: readonly string[]): Observed[] {
  const found = new Map<string, Observed & { values: string[] }>();
  for (const observer of observers) {
    const observed = observedBy(result, observer);
    if (observed.summary.length === 0 && result.summary.length > 0) continue;
    const key = JSON.stringify(observed.summary.map((row) => [row.defense, row.bestAttack, row.adversary]));
    const value = observerValue(observer, attacks);
    const same = found.get(key);
    if (same) same.values.push(value);
    else found.set(key, { values: [value], title: titleOf(observer, result), result: observed });
  }
  return [...found.values()];
}

function titleOf({ attack, adversary }: Observer, { spec }: Result): string {
  const name = attack ?? (spec.attacks.length === 1 ? spec.attacks[0]!.label : 'best attack');
  const who = adversary ?? (spec.adversaries.length === 1 ? spec.adversaries[0] : 'stronger');
  return `${name}, ${who} adversary`;
}

/** `result` with the summary of an observer, without the defenses that were not run against them. */
export function observedBy(result: Result, observer: Observer): Result {
  if (observer.attack === null && observer.adversary === null) return result;
  const cells = new Map<string, Map<string, Cell[]>>();
  for (const cell of result.cells) {
    if (observer.attack !== null && cell.attack !== observer.attack) continue;
    if (observer.adversary !== null && cell.adversary !== observer.adversary) continue;
    const groups = cells.get(cell.defense) ?? new Map<string, Cell[]>();
    const key = JSON.stringify([cell.attack, cell.adversary]);
    groups.set(key, [...(groups.get(key) ?? []), cell]);
    cells.set(cell.defense, groups);
  }
  const rows = result.summary.flatMap((row): SummaryRow[] => {
    const best = strongest([...(cells.get(row.defense)?.values() ?? [])]);
    if (!best) return [];
    const { attack: bestAttack, adversary } = best[0]!;
    return [{ ...row, bestAttack, adversary, accuracy: intervalOf(row, best) }];
  });
  const none = rows.find((row) => row.defense === 'none');
  return {
    ...result,
    summary: rows.map((row) => ({
      ...row,
      drop: none ? none.accuracy.mean - row.accuracy.mean : null,
      dropLow: null,
      dropHigh: null,
      pareto: !rows.some((other) => dominates(other, row)),
    })),
  };
}

/** The group with the highest mean accuracy; the last of equals, which is the adaptive adversary's. */
function strongest(groups: readonly (readonly Cell[])[]): readonly Cell[] | null {
  let best: readonly Cell[] | null = null;
  let highest = Number.NEGATIVE_INFINITY;
  for (const group of groups) {
    const accuracy = accuracyOf(group);
    if (best === null || accuracy >= highest) [best, highest] = [group, accuracy];
  }
  return best;
}

const accuracyOf = (cells: readonly Cell[]): number =>
  mean(cells.map((cell) => cell.identification.accuracy)) ?? Number.NaN;

/**
 * The interval of the result, which has one for the best attack of each adversary. For other attacks it spans the intervals of all
 * seeds, which is wider than one interval over all seeds would be.
 */
function intervalOf(row: SummaryRow, cells: readonly Cell[]): Interval {
  const accuracy = accuracyOf(cells);
  const known = row[cells[0]!.adversary];
  if (known && Math.abs(known.mean - accuracy) < 1e-9) return known;
  const lows = cells.map((cell) => cell.identification.accuracyLow);
  const highs = cells.map((cell) => cell.identification.accuracyHigh);
  const whole = [...lows, ...highs].every((end) => end !== null);
  return {
    mean: accuracy,
    low: whole ? Math.min(...(lows as number[])) : null,
    high: whole ? Math.max(...(highs as number[])) : null,
  };
}
