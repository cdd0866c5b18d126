import { share } from '../../shared/columns.js';
import { InputError, UsageError } from '../../shared/errors.js';
import type { Rng } from '../../shared/rng.js';
import { applyBins, type Column, type ColumnBins, learnBins, MAX_BINS } from './bins.js';
import { groupRows } from './rows.js';
import { runWorkers } from './threads.js';
import type { TrainingTable } from './tree.js';
import type { Trees } from './vote.js';
import type { GrownTree, GrowTask, OutOfBagCount, OutOfBagTask, VoteTask } from './worker.js';

export interface ForestOptions {
  readonly classes: number;
  readonly trees: number;
  /** Columns tried for each split; by default the square root of their number, rounded down. */
  readonly maxFeatures?: number;
  /** Fewest drawn rows in a leaf; 1 by default. */
  readonly minLeaf?: number;
  /** Most splits from the root to a leaf; no limit by default. */
  readonly maxDepth?: number;
  /** Most bins of a numeric column, 2 to 256; 255 by default. */
  readonly bins?: number;
  /** Number of the most frequent values of a categorical column that have their own bin, 1 to 255; 255 by default. */
  readonly categories?: number;
  /** Weight of each class in impurity and leaves, above 0; 1 by default. */
  readonly classWeight?: ArrayLike<number>;
  /** True to compute the out-of-bag accuracy; true by default. */
  readonly outOfBag?: boolean;
  readonly rng: Rng;
  /** Worker threads. The forest does not depend on their number. */
  readonly threads: number;
  readonly onTree?: (done: number) => void;
}

/** A trained forest: the bins of the columns, and the trees over bins. */
export interface Forest extends Trees {
  readonly bins: readonly ColumnBins[];
  /** Share of the decrease of Gini impurity by column, mean over trees; sums to 1, or 0 where no tree has a split. */
  readonly importance: Float64Array;
  /**
   * Accuracy on the training rows, each predicted by the trees that did not draw it, over as many evenly spaced rows as
   * {@link OUT_OF_BAG_PAIRS} allows. Null where it was not requested, or every tree drew every row.
   */
  readonly outOfBagAccuracy: number | null;
}

/** Most trees times rows, a byte each: 200,000 rows for 100 trees, for a standard error of about 0.001. */
const OUT_OF_BAG_PAIRS = 2e7;

/** Rows that make another thread worth starting. */
const ROWS_PER_THREAD = 10_000;

const SCRIPT = new URL('./worker.js', import.meta.url);

/**
 * Trains a random forest: bins.ts makes bins of the columns, grow.ts grows the trees.
 * @param columns all of the same length
 * @param label class of each row, below `options.classes`
 * @throws UsageError for an option out of range; InputError without rows, or for a column that holds a NaN.
 */
export async function trainForest(
  columns: readonly Column[],
  label: Uint16Array,
  options: ForestOptions,
): Promise<Forest> {
  const { classes, trees, threads, rng, minLeaf = 1, maxDepth = Number.POSITIVE_INFINITY, outOfBag = true } = options;
  const maxFeatures = options.maxFeatures ?? Math.floor(Math.sqrt(columns.length));
  const limits = { numeric: options.bins ?? MAX_BINS - 1, categories: options.categories ?? MAX_BINS - 1 };
  within('trees', trees, 1, 100_000);
  within('threads', threads, 1, 1024);
  within('maxFeatures', maxFeatures, 1, columns.length);
  within('minLeaf', minLeaf, 1, Number.MAX_SAFE_INTEGER);
  if (maxDepth !== Number.POSITIVE_INFINITY) within('maxDepth', maxDepth, 1, Number.MAX_SAFE_INTEGER);
  within('bins', limits.numeric, 2, MAX_BINS);
  within('categories', limits.categories, 1, MAX_BINS - 1);
  if (label.length === 0) throw new InputError('random forest: expected rows to train on, found none');

  const bins = columns.map((column) => learnBins(column, label, classes, limits));
  const table = toBins(bins, columns);
  const seeds = share(new Uint32Array(4 * trees));
  for (let tree = 0; tree < trees; tree++) {
    const words = rng.stream('tree', tree);
    for (let k = 0; k < 4; k++) seeds[4 * tree + k] = words.integer(0, 2 ** 32 - 1);
  }
  const sampled = outOfBag ? Math.min(label.length, Math.ceil(OUT_OF_BAG_PAIRS / trees)) : 0;
  const sample = Uint32Array.from({ length: sampled }, (_, i) => Math.floor((i * label.length) / sampled));
  const task: GrowTask = {
    kind: 'grow',
    counter: share(new Int32Array(1)),
    table: trainingTable(table, bins, label, options),
    options: { maxFeatures, minLeaf, maxDepth },
    seeds,
    drawn: share(new Uint8Array(trees * sampled)),
    sample: share(sample),
  };
  const grown: GrownTree[] = new Array(trees);
  let done = 0;
  await runWorkers<GrownTree>(SCRIPT, task, Math.min(threads, trees), (tree) => {
    grown[tree.tree] = tree;
    options.onTree?.(++done);
  });

  const all = joinTrees(grown, classes, columns.length);
  return {
    ...all,
    bins,
    importance: meanImportance(grown, columns.length),
    outOfBagAccuracy: outOfBag ? await outOfBagAccuracy(all, table, label, sample, task.drawn, threads) : null,
  };
}

/**
 * The mean of the trees' class probabilities, rows x classes, row-major.
 * @param columns as in training: same kinds, same order
 * @throws UsageError where the columns are not those of the training.
 */
export async function predictProbabilities(
  forest: Forest,
  columns: readonly Column[],
  threads: number,
): Promise<Float32Array> {
  const names = columns.map(({ kind, name }) => `${kind} ${name}`).join(', ');
  const expected = forest.bins.map(({ kind, name }) => `${kind} ${name}`).join(', ');
  if (names !== expected) throw new UsageError(`random forest: expected columns ${expected}; found ${names}`);
  const { classes, roots, nodes, distributions } = forest;
  const table = toBins(forest.bins, columns);
  // Equal rows have equal votes, so each distinct row is evaluated once.
  const { groups, groupOf, first } = groupRows(table, columns.length);
  const task: VoteTask = {
    kind: 'vote',
    counter: share(new Int32Array(1)),
    trees: { classes, columns: columns.length, roots, nodes, distributions },
    bins: share(takeRows(table, columns.length, first)),
    probabilities: share(new Float32Array(groups * classes)),
  };
  if (groups > 0) await runWorkers(SCRIPT, task, threadsFor(groups, threads), () => {});
  const out = new Float32Array(groupOf.length * classes);
  for (let row = 0; row < groupOf.length; row++) {
    const from = groupOf[row]! * classes;
    for (let c = 0; c < classes; c++) out[row * classes + c] = task.probabilities[from + c]!;
  }
  return out;
}

/** Row-major bytes: the bin of each cell. */
function toBins(bins: readonly ColumnBins[], columns: readonly Column[]): Uint8Array {
  const rows = columns[0]?.values.length ?? 0;
  const table = new Uint8Array(rows * columns.length);
  for (const [i, column] of columns.entries()) applyBins(bins[i]!, column, table, i, columns.length);
  return table;
}

function trainingTable(
  table: Uint8Array,
  bins: readonly ColumnBins[],
  label: Uint16Array,
  { classes, classWeight }: ForestOptions,
): TrainingTable {
  const columns = bins.length;
  const { groups, groupOf, first } = groupRows(table, columns, label);
  const shift = Math.ceil(Math.log2(Math.max(2, classes)));
  const Cells = shift <= 8 ? Uint16Array : Uint32Array;
  const cells = new Cells(columns * groups);
  for (let group = 0; group < groups; group++) {
    const row = first[group]!;
    for (let column = 0; column < columns; column++) {
      cells[column * groups + group] = (table[row * columns + column]! << shift) | label[row]!;
    }
  }
  const weights = classWeight ? Float64Array.from(classWeight) : new Float64Array(classes).fill(1);
  if (weights.length !== classes || !weights.every((weight) => weight > 0 && weight < Number.POSITIVE_INFINITY)) {
    throw new UsageError(`random forest: classWeight: expected ${classes} numbers above 0, found ${weights.join(' ')}`);
  }
  return {
    rows: label.length,
    groupOf: share(groupOf),
    groups,
    cells: share(cells),
    categorical: share(Uint8Array.from(bins, ({ kind }) => (kind === 'categorical' ? 1 : 0))),
    classes,
    shift,
    classWeight: share(weights),
  };
}

function joinTrees(grown: readonly GrownTree[], classes: number, columns: number): Trees {
  const roots = share(new Uint32Array(grown.length));
  const sizes = { nodes: 0, distributions: 0 };
  for (const tree of grown) {
    sizes.nodes += tree.nodes.length;
    sizes.distributions += tree.distributions.length;
  }
  const nodes = share(new Int32Array(sizes.nodes));
  const distributions = share(new Float32Array(sizes.distributions));
  let node = 0;
  let row = 0;
  for (const [i, tree] of grown.entries()) {
    roots[i] = node;
    for (let k = 0; k < tree.nodes.length; k += 2) {
      const split = tree.nodes[k]!;
      const isLeaf = split < 0;
      const isCertain = isLeaf && -1 - split < classes;
      nodes[2 * node + k] = isLeaf && !isCertain ? split - row : split;
      nodes[2 * node + k + 1] = isLeaf ? 0 : tree.nodes[k + 1]! + node;
    }
    distributions.set(tree.distributions, row * classes);
    node += tree.nodes.length / 2;
    row += tree.distributions.length / classes;
  }
  return { classes, columns, roots, nodes, distributions };
}

function meanImportance(grown: readonly GrownTree[], columns: number): Float64Array {
  const mean = new Float64Array(columns);
  for (const { importance } of grown) {
    const sum = importance.reduce((a, b) => a + b, 0);
    if (sum > 0) for (let column = 0; column < columns; column++) mean[column]! += importance[column]! / sum;
  }
  const sum = mean.reduce((a, b) => a + b, 0);
  return sum > 0 ? mean.map((x) => x / sum) : mean;
}

async function outOfBagAccuracy(
  trees: Trees,
  table: Uint8Array,
  label: Uint16Array,
  sample: Uint32Array,
  drawn: Uint8Array,
  threads: number,
): Promise<number | null> {
  const task: OutOfBagTask = {
    kind: 'out-of-bag',
    counter: share(new Int32Array(1)),
    trees,
    bins: share(takeRows(table, trees.columns, sample)),
    label: share(Uint16Array.from(sample, (row) => label[row]!)),
    drawn,
  };
  let rows = 0;
  let correct = 0;
  await runWorkers<OutOfBagCount>(SCRIPT, task, threadsFor(sample.length, threads), (count) => {
    rows += count.rows;
    correct += count.correct;
  });
  return rows === 0 ? null : correct / rows;
}

function takeRows(table: Uint8Array, width: number, rows: Uint32Array): Uint8Array {
  const out = new Uint8Array(rows.length * width);
  for (let i = 0; i < rows.length; i++) {
    const from = rows[i]! * width;
    for (let k = 0; k < width; k++) out[i * width + k] = table[from + k]!;
  }
  return out;
}

function threadsFor(rows: number, threads: number): number {
  return Math.max(1, Math.min(threads, Math.ceil(rows / ROWS_PER_THREAD)));
}

function within(name: string, value: number, low: number, high: number): void {
  if (Number.isInteger(value) && value >= low && value <= high) return;
  const range = high < Number.MAX_SAFE_INTEGER ? `from ${low} to ${high}` : `of at least ${low}`;
  throw new UsageError(`random forest: ${name}: expected a whole number ${range}, found ${value}`);
}
