import { parentPort, workerData } from 'node:worker_threads';
import { createGrower } from './grow.js';
import { createDraw } from './random.js';
import type { WorkerMessage } from './threads.js';
import type { TrainingTable, Tree, TreeOptions } from './tree.js';
import { addVotes, type Trees } from './vote.js';

/** Each worker takes the next piece of work from a shared counter until none is left. */
export type Task = GrowTask | VoteTask | OutOfBagTask;

export interface GrowTask {
  readonly kind: 'grow';
  readonly counter: Int32Array;
  readonly table: TrainingTable;
  readonly options: TreeOptions;
  /** Four words per tree. */
  readonly seeds: Uint32Array;
  /** Output: trees x `sample.length`, 1 where the tree's bootstrap sample has that row. */
  readonly drawn: Uint8Array;
  /** Rows for which `drawn` is filled in. */
  readonly sample: Uint32Array;
}

export interface GrownTree extends Tree {
  readonly tree: number;
}

export interface VoteTask {
  readonly kind: 'vote';
  readonly counter: Int32Array;
  readonly trees: Trees;
  readonly bins: Uint8Array;
  /** Output: the mean of the trees' probabilities, rows x classes. */
  readonly probabilities: Float32Array;
}

export interface OutOfBagTask {
  readonly kind: 'out-of-bag';
  readonly counter: Int32Array;
  readonly trees: Trees;
  /** Labels of the sampled rows. */
  readonly bins: Uint8Array;
  readonly label: Uint16Array;
  readonly drawn: Uint8Array;
}

/** Output: sampled rows that some tree did not draw, and those of them that such trees classify correctly. */
export interface OutOfBagCount {
  readonly rows: number;
  readonly correct: number;
}

/** Rows evaluated at a time, so that their votes and the top of a tree stay in the cache. */
const BLOCK = 2048;

const task = workerData as Task;
if (task.kind === 'grow') grow(task);
else if (task.kind === 'vote') vote(task);
else countOutOfBag(task);
send({ done: true });

function send(message: WorkerMessage<GrownTree | OutOfBagCount>, transfer: ArrayBuffer[] = []): void {
  parentPort!.postMessage(message, transfer);
}

function grow({ counter, table, options, seeds, drawn, sample }: GrowTask): void {
  const growTree = createGrower(table, options);
  const inBag = new Uint8Array(table.rows);
  const trees = seeds.length / 4;
  for (let tree = Atomics.add(counter, 0, 1); tree < trees; tree = Atomics.add(counter, 0, 1)) {
    const grown = growTree(createDraw(seeds.subarray(4 * tree, 4 * tree + 4)), inBag);
    for (let i = 0; i < sample.length; i++) drawn[tree * sample.length + i] = inBag[sample[i]!]!;
    const { nodes, distributions, importance } = grown;
    send({ result: { tree, ...grown } }, [nodes.buffer, distributions.buffer, importance.buffer] as ArrayBuffer[]);
  }
}

function vote({ counter, trees, bins, probabilities }: VoteTask): void {
  forBlocks(counter, bins.length / trees.columns, (from, to) => {
    const out = probabilities.subarray(from * trees.classes, to * trees.classes);
    addVotes(trees, bins, from, to, out);
    for (let i = 0; i < out.length; i++) out[i]! /= trees.roots.length;
  });
}

function countOutOfBag({ counter, trees, bins, label, drawn }: OutOfBagTask): void {
  const { classes } = trees;
  let rows = 0;
  let correct = 0;
  forBlocks(counter, label.length, (from, to) => {
    const votes = new Float32Array((to - from) * classes);
    addVotes(trees, bins, from, to, votes, drawn);
    for (let row = from; row < to; row++) {
      const own = votes.subarray((row - from) * classes, (row - from + 1) * classes);
      const highest = Math.max(...own);
      if (highest === 0) continue;
      rows++;
      if (own.indexOf(highest) === label[row]) correct++;
    }
  });
  send({ result: { rows, correct } });
}

function forBlocks(counter: Int32Array, rows: number, work: (from: number, to: number) => void): void {
  for (let from = BLOCK * Atomics.add(counter, 0, 1); from < rows; from = BLOCK * Atomics.add(counter, 0, 1)) {
    work(from, Math.min(rows, from + BLOCK));
  }
}
