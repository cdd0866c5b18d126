import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createGrower } from '../../../src/learning/forest/grow.js';
import { EQUALS, type Tree, type TreeOptions } from '../../../src/learning/forest/tree.js';

const CLASSES = 3;
const SHIFT = 2;

/** Grows a tree on `rows` (bins, then class), each drawn exactly once; columns are tried in order. */
function grow(rows: readonly (readonly number[])[], categorical: number[], options: Partial<TreeOptions> = {}) {
  const columns = categorical.length;
  const cells = new Uint16Array(columns * rows.length);
  for (const [r, row] of rows.entries()) {
    for (let c = 0; c < columns; c++) cells[c * rows.length + r] = (row[c]! << SHIFT) | row[columns]!;
  }
  const table = {
    rows: rows.length,
    groupOf: Uint32Array.from(rows.keys()),
    groups: rows.length,
    cells,
    categorical: Uint8Array.from(categorical),
    classes: CLASSES,
    shift: SHIFT,
    classWeight: new Float64Array(CLASSES).fill(1),
  };
  let row = 0;
  const drawInOrder = () => (row < rows.length ? row++ : 0);
  const all = { maxFeatures: columns, minLeaf: 1, maxDepth: Number.POSITIVE_INFINITY, ...options };
  return createGrower(table, all)(drawInOrder, new Uint8Array(rows.length));
}

/** The tree as nested text: [column<=bin left right], [column=bin left right], class names for leaves. */
function show({ nodes, distributions }: Tree, node = 0): string {
  const split = nodes[2 * node]!;
  if (split < 0) {
    const leaf = -1 - split;
    if (leaf < CLASSES) return 'abc'[leaf]!;
    return [...distributions.subarray((leaf - CLASSES) * CLASSES, (leaf - CLASSES + 1) * CLASSES)].join('/');
  }
  const test = `${split & 0xff}${(split & EQUALS) !== 0 ? '=' : '<='}${(split >> 8) & 0xff}`;
  const left = nodes[2 * node + 1]!;
  return `[${test} ${show({ nodes, distributions } as Tree, left)} ${show({ nodes, distributions } as Tree, left + 1)}]`;
}

describe('a tree', () => {
  it('splits midway between the bins that occur', () => {
    const rows = [
      [0, 0],
      [2, 0],
      [7, 1],
      [9, 2],
    ];
    // The threshold after 2 leaves impurity 2 · 0 + 2 · 1/2 = 1; after 7 it is 3 · 4/9 = 4/3, after 0 it is 2.
    expect(show(grow(rows, [0]))).toBe('[0<=4 a [0<=7 b c]]');
  });

  it('singles out a category amid the order', () => {
    const rows = [
      [0, 0],
      [1, 1],
      [2, 0],
      [0, 0],
      [1, 1],
      [2, 0],
    ];
    expect(show(grow(rows, [1]))).toBe('[0=1 b a]');
    expect(show(grow(rows, [0]))).toBe('[0<=0 a [0<=1 b a]]');
  });

  it('keeps what it cannot tell apart as shares', () => {
    const same = [
      [5, 0],
      [5, 1],
      [5, 1],
      [5, 1],
    ];
    expect(show(grow(same, [0]))).toBe('0.25/0.75/0');
  });

  it('splits where that gains nothing at first', () => {
    const either = [
      [0, 0, 0],
      [0, 1, 1],
      [1, 0, 1],
      [1, 1, 0],
    ];
    expect(show(grow(either, [0, 0]))).toBe('[0<=0 [1<=0 a b] [1<=0 b a]]');
  });

  it('obeys minLeaf and maxDepth', () => {
    const rows = [
      [0, 0],
      [1, 1],
      [2, 1],
      [3, 1],
    ];
    expect(show(grow(rows, [0]))).toBe('[0<=0 a b]');
    expect(show(grow(rows, [0], { minLeaf: 2 }))).toBe('[0<=1 0.5/0.5/0 b]');
    expect(show(grow(rows, [0], { maxDepth: 1 }))).toBe('[0<=0 a b]');
    expect(show(grow(rows, [1], { minLeaf: 3 }))).toBe('0.25/0.75/0');
  });
});

/** Sum over classes of count² / rows: what a split without impurity maximises. */
function purity(rows: readonly (readonly number[])[], columns: number): number {
  const counts = [0, 0, 0];
  for (const row of rows) counts[row[columns]!]!++;
  return counts.reduce((sum, count) => sum + count * count, 0) / rows.length;
}

it('takes the best of all splits, whatever the number of rows', () => {
  const row = fc.tuple(fc.nat({ max: 12 }), fc.nat({ max: 12 }), fc.nat({ max: 2 }));
  fc.assert(
    fc.property(fc.array(row, { minLength: 2, maxLength: 80 }), (rows) => {
      let best = Number.NEGATIVE_INFINITY;
      for (const column of [0, 1]) {
        for (let bin = 0; bin < 13; bin++) {
          for (const isLeft of [(b: number) => b <= bin, (b: number) => b === bin]) {
            // Only column 1 is categorical.
            if (column === 0 && isLeft(bin - 1) === (bin === 0)) continue;
            const left = rows.filter((r) => isLeft(r[column]!));
            const right = rows.filter((r) => !isLeft(r[column]!));
            if (left.length > 0 && right.length > 0) best = Math.max(best, purity(left, 2) + purity(right, 2));
          }
        }
      }
      const { nodes, importance } = grow(rows, [0, 1], { maxDepth: 1 });
      const isPure = rows.every((r) => r[2] === rows[0]![2]);
      if (isPure || best === Number.NEGATIVE_INFINITY) expect(nodes.length).toBe(2);
      else expect(importance[0]! + importance[1]!).toBeCloseTo(best - purity(rows, 2), 9);
    }),
  );
});
