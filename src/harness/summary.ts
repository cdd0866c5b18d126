import type { BlockCounts, Interval } from '../learning/interval.js';
import { dominates } from '../result/dominates.js';
import type { Adversary, Cell, ResolvedSpec, SummaryRow } from '../result/result.js';

export interface ScoredCell {
  readonly cell: Cell;
  readonly blocks: BlockCounts;
}

/** Estimates an accuracy from runs with different seeds, and how much lower it is `after` than `before`, seed by seed. */
export interface Estimates {
  accuracy(runs: readonly BlockCounts[]): Interval;
  drop(before: readonly BlockCounts[], after: readonly BlockCounts[]): Interval;
}

/**
 * Makes one row for each defense that has a scored cell, in the order of the spec: the best attack of each adversary, and the cost.
 * The stronger adversary's accuracy counts. One who knows the defense can still use a model trained without it, so a defense gets no
 * credit if training on its traffic went wrong.
 */
export function summarize(spec: ResolvedSpec, scored: readonly ScoredCell[], estimate: Estimates): SummaryRow[] {
  const blocksOf = (cells: readonly ScoredCell[]) => cells.map(({ blocks }) => blocks);
  const groups = spec.defenses.flatMap((defense) => {
    const own = scored.filter(({ cell }) => cell.defense === defense.label);
    const isShown = own.some(({ cell }) => cell.shown);
    const blind = own.filter(({ cell }) => cell.shown && !cell.shown.sees.some((one) => ADDRESSES.includes(one)));
    const { runs, adversary, chosen } = bestRuns(own);
    if (!chosen) return [];
    const intervalOf = (cells: readonly ScoredCell[] | null) => (cells ? estimate.accuracy(blocksOf(cells)) : null);
    const cells = chosen.map(({ cell }) => cell);
    const row = {
      defense: defense.label,
      params: defense.parts.map((part) => part.parameters),
      bestAttack: cells[0]!.attack,
      adversary,
      accuracy: intervalOf(chosen)!,
      static: intervalOf(runs.static),
      adaptive: intervalOf(runs.adaptive),
      ...(isShown && { withoutAddresses: withoutAddresses(blind, intervalOf) }),
      chance: mean(cells.map((cell) => cell.identification.chance))!,
      majority: mean(cells.map((cell) => cell.identification.majority))!,
      bandwidthOverhead: mean(cells.map((cell) => cell.cost.bandwidthOverhead)),
      addedDelayP95: mean(cells.map((cell) => cell.cost.addedDelay.p95)),
    };
    return [{ row, chosen }];
  });
  const undefended = groups.find(({ row }) => row.defense === 'none');
  return groups.map(({ row, chosen }) => {
    const drop = undefended ? estimate.drop(blocksOf(undefended.chosen), blocksOf(chosen)) : null;
    return {
      ...row,
      drop: drop?.mean ?? null,
      dropLow: drop?.low ?? null,
      dropHigh: drop?.high ?? null,
      pareto: !groups.some((other) => dominates(other.row, row)),
    };
  });
}

/** Columns that say whom the home talks to. */
const ADDRESSES = ['remote', 'names'];

/** The best of attacks that read packets alone, as those of the paper do. */
function withoutAddresses(
  blind: readonly ScoredCell[],
  intervalOf: (cells: readonly ScoredCell[] | null) => Interval | null,
): SummaryRow['withoutAddresses'] {
  const { chosen } = bestRuns(blind);
  return chosen ? { attack: chosen[0]!.cell.attack, accuracy: intervalOf(chosen)! } : null;
}

/** Finds the best attack of each adversary, and the stronger of the two; `chosen` is null where there is neither. */
function bestRuns(scored: readonly ScoredCell[]) {
  const runs = { adaptive: bestAttack(scored, 'adaptive'), static: bestAttack(scored, 'static') };
  const adversary = strongerOf(runs);
  return { runs, adversary, chosen: runs[adversary] };
}

/** Chooses the adversary whose best attack is right more often; if they are equal, the adaptive one. */
function strongerOf(runs: Record<Adversary, ScoredCell[] | null>): Adversary {
  const accuracy = (cells: ScoredCell[] | null) =>
    mean((cells ?? []).map(({ cell }) => cell.identification.accuracy)) ?? Number.NEGATIVE_INFINITY;
  return accuracy(runs.static) > accuracy(runs.adaptive) ? 'static' : 'adaptive';
}

/** Finds the cells, one a seed, of the attack with the highest mean accuracy; null if the adversary was not requested. */
function bestAttack(scored: readonly ScoredCell[], adversary: Adversary): ScoredCell[] | null {
  const byAttack = new Map<string, ScoredCell[]>();
  for (const one of scored) {
    if (one.cell.adversary !== adversary) continue;
    const group = byAttack.get(one.cell.attack);
    if (group) group.push(one);
    else byAttack.set(one.cell.attack, [one]);
  }
  let best: ScoredCell[] | null = null;
  let highest = Number.NEGATIVE_INFINITY;
  for (const group of byAttack.values()) {
    const accuracy = mean(group.map(({ cell }) => cell.identification.accuracy))!;
    if (accuracy > highest) {
      highest = accuracy;
      best = group;
    }
  }
  return best;
}

/** Averages the values that are defined; null if none is. */
function mean(values: readonly (number | null)[]): number | null {
  const defined = values.filter((value) => value !== null);
  return defined.length === 0 ? null : defined.reduce((sum, value) => sum + value, 0) / defined.length;
}
