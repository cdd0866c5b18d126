import { EQUALS } from './tree.js';

/** All trees of a forest in a few arrays: nodes and distributions as in tree.ts, numbered consecutively. */
export interface Trees {
  readonly classes: number;
  readonly columns: number;
  /** First node of each tree. */
  readonly roots: Uint32Array;
  readonly nodes: Int32Array;
  readonly distributions: Float32Array;
}

/**
 * Adds the class probabilities that each tree gives to rows from..to-1 to `out` (row-major, row `from` first). `bins` is
 * row-major too. With `skip` (trees x rows), a tree leaves out the rows that have 1 there.
 */
export function addVotes(
  { classes, columns, roots, nodes, distributions }: Trees,
  bins: Uint8Array,
  from: number,
  to: number,
  out: Float32Array,
  skip?: Uint8Array,
): void {
  const rows = bins.length / columns;
  for (let tree = 0; tree < roots.length; tree++) {
    const root = roots[tree]!;
    for (let row = from; row < to; row++) {
      if (skip && skip[tree * rows + row] === 1) continue;
      const cells = row * columns;
      let node = root;
      let split = nodes[2 * node]!;
      while (split >= 0) {
        const bin = bins[cells + (split & 0xff)]!;
        const at = (split >>> 8) & 0xff;
        const right = (split & EQUALS) !== 0 ? bin !== at : bin > at;
        node = nodes[2 * node + 1]! + (right ? 1 : 0);
        split = nodes[2 * node]!;
      }
      const distribution = -1 - split;
      const votes = (row - from) * classes;
      if (distribution < classes) out[votes + distribution]! += 1;
      else {
        const offset = (distribution - classes) * classes;
        for (let c = 0; c < classes; c++) out[votes + c]! += distributions[offset + c]!;
      }
    }
  }
}
