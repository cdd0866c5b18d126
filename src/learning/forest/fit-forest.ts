import { take } from '../../shared/columns.js';
import { InputError } from '../../shared/errors.js';
import type { OnProgress } from '../../shared/progress.js';
import type { Rng } from '../../shared/rng.js';
import { NO_CLASS } from '../windows.js';
import type { Column } from './bins.js';
import { predictProbabilities, trainForest } from './forest.js';

export interface FitOptions {
  /** Begins error messages, and names the progress. */
  readonly task: string;
  readonly classes: number;
  readonly trees: number;
  readonly minLeaf?: number;
  /** Most frequent values of a categorical column that are told apart; 50 by default. */
  readonly categories?: number;
  readonly rng: Rng;
  readonly threads: number;
  readonly onProgress?: OnProgress;
}

/**
 * Trains a forest on the rows that have a class, and returns what predicts with it: rows x classes for columns of the same kinds.
 * @param label class of each row, or {@link NO_CLASS}
 * @throws InputError where no row has a class
 */
export async function fitForest(
  columns: readonly Column[],
  label: Uint16Array,
  { task, onProgress, categories = 50, ...options }: FitOptions,
): Promise<(columns: readonly Column[]) => Promise<Float32Array>> {
  const rows = Uint32Array.from(label.keys()).filter((row) => label[row] !== NO_CLASS);
  if (rows.length === 0) throw new InputError(`${task}: expected labelled traffic to train on, found none`);
  const inRows = takeRows(columns, rows);
  // A column that says nothing, as ports in a tunnel, would only take the place of one that does among those tried for a split.
  const varies = inRows.map(({ values }) => values.some((value) => value !== values[0]));
  const useful = <T>(all: readonly T[]) => (varies.includes(true) ? all.filter((_, i) => varies[i]) : all.slice(0, 1));
  const { trees, threads } = options;
  const forest = await trainForest(useful(inRows), take(label, rows), {
    ...options,
    categories,
    outOfBag: false,
    onTree: (done) => onProgress?.({ task, done, total: trees, unit: 'trees' }),
  });
  return (asked) => predictProbabilities(forest, useful(asked), threads);
}

/** The given rows of each column. */
export function takeRows(columns: readonly Column[], rows: Uint32Array): Column[] {
  return columns.map((column) => ({ ...column, values: take(column.values, rows) }) as Column);
}
