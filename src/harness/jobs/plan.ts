import type { Adversary, ResolvedDefense, ResolvedPlugin, ResolvedSpec } from '../../result/result.js';
import { UNDEFENDED } from '../seed-run.js';

/** One thing whose value is kept by itself: a cell, a cell of the transfer matrix, or the metrics of a defense. */
export type Item = CellItem | TransferItem | MetricsItem;

export interface CellItem {
  readonly kind: 'cell';
  readonly seed: number;
  readonly attack: ResolvedPlugin;
  readonly defense: ResolvedDefense;
  readonly adversary: Adversary;
}

export interface TransferItem {
  readonly kind: 'transfer';
  readonly seed: number;
  readonly attack: ResolvedPlugin;
  readonly trainedOn: ResolvedDefense;
  /** Tested on. */
  readonly defense: ResolvedDefense;
}

interface MetricsItem {
  readonly kind: 'metrics';
  readonly seed: number;
  readonly defense: ResolvedDefense;
}

/** A unit of work for one worker: a model and all that it is tested on, or the metrics of a defense. */
export interface Job {
  readonly seed: number;
  /** The model that the items share; null for metrics, which need none. */
  readonly model: { readonly attack: ResolvedPlugin; readonly trainedOn: ResolvedDefense } | null;
  readonly items: readonly Item[];
}

/** Lists the items of a run in the order of the result: by seed and defense, and within these by attack and adversary. */
export function itemsOf(spec: ResolvedSpec): Item[] {
  const seeds = Array.from({ length: spec.seeds }, (_, i) => spec.seed + i);
  return seeds.flatMap((seed) => [
    ...spec.defenses.flatMap((defense): Item[] => [
      ...spec.attacks.flatMap((attack) =>
        spec.adversaries.map((adversary): CellItem => ({ kind: 'cell', seed, attack, defense, adversary })),
      ),
      { kind: 'metrics', seed, defense },
    ]),
    ...transfers(spec).flatMap(([defense, trainedOn]) =>
      spec.attacks.map((attack): TransferItem => ({ kind: 'transfer', seed, attack, trainedOn, defense })),
    ),
  ]);
}

/** Counts the cells of one setting, including those of the transfer matrix. */
export function countCells(spec: ResolvedSpec): number {
  return itemsOf(spec).filter(isCell).length;
}

/** Tells whether an item is counted and shown as a cell: it is if it takes a trained attack. */
export const isCell = ({ kind }: Item): boolean => kind !== 'metrics';

/** Lists pairs of the defense of the test and another one of the training; none if no transfer was requested. */
function transfers({ transfer, defenses }: ResolvedSpec): [ResolvedDefense, ResolvedDefense][] {
  if (!transfer) return [];
  const real = defenses.filter((defense) => !isUndefended(defense));
  return defenses.flatMap((testedOn) =>
    real
      .filter((trainedOn) => trainedOn !== testedOn)
      .map((trainedOn): [ResolvedDefense, ResolvedDefense] => [testedOn, trainedOn]),
  );
}

/** Tells whether there is no defense: then the static and the adaptive adversary train on the same traffic, and are one. */
const isUndefended = ({ parts }: ResolvedDefense): boolean => parts.every(({ name }) => name === 'none');

/** Groups the items by their model, in the order in which they first occur, models of undefended traffic before others. */
export function jobsOf(items: readonly Item[]): Job[] {
  const jobs = new Map<string, { seed: number; model: Job['model']; items: Item[] }>();
  for (const item of items) {
    const model = item.kind === 'metrics' ? null : { attack: item.attack, trainedOn: trainedOn(item) };
    const key = [item.seed, ...(model ? [model.attack.label, model.trainedOn.label] : [item.defense.label])].join('\n');
    const job = jobs.get(key);
    if (job) job.items.push(item);
    else jobs.set(key, { seed: item.seed, model, items: [item] });
  }
  return [...jobs.values()];
}

function trainedOn(item: CellItem | TransferItem): ResolvedDefense {
  if (item.kind === 'transfer') return item.trainedOn;
  return item.adversary === 'static' || isUndefended(item.defense) ? UNDEFENDED : item.defense;
}
