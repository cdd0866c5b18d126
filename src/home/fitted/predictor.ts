import type { FittedContext } from './profile.js';

/** The symbols that may follow, with their counts. */
export interface Following {
  readonly symbols: Uint16Array;
  readonly counts: Float64Array;
}

/** The state of a growing sequence in a tree of contexts. */
export interface Predictor {
  /** The symbols that may follow, by the longest context that fits the sequence so far. */
  following(): Following;
  push(symbol: number): void;
}

interface Node {
  readonly children: Map<number, Node>;
  following: Following | null;
}

/** Contexts as a tree, the newest symbol at its root. The empty context must be among them. */
export function createPredictor(contexts: readonly FittedContext[]): Predictor {
  const makeNode = (): Node => ({ children: new Map(), following: null });
  const root = makeNode();
  let order = 0;
  for (const { after, next } of contexts) {
    let node = root;
    order = Math.max(order, after.length);
    for (let i = after.length - 1; i >= 0; i--) {
      let child = node.children.get(after[i]!);
      if (!child) {
        child = makeNode();
        node.children.set(after[i]!, child);
      }
      node = child;
    }
    node.following = {
      symbols: Uint16Array.from(next, ([symbol]) => symbol),
      counts: Float64Array.from(next, ([, count]) => count),
    };
  }
  // A ring of the last symbols, whose size is a power of two.
  const mask = 2 ** Math.ceil(Math.log2(Math.max(2, order))) - 1;
  const history = new Int32Array(mask + 1).fill(-1);
  let length = 0;
  return {
    following() {
      let node: Node | undefined = root;
      let { following } = root;
      for (let back = 1; back <= order; back++) {
        node = node.children.get(history[(length - back) & mask]!);
        if (!node) break;
        if (node.following) following = node.following;
      }
      return following!;
    },
    push(symbol) {
      history[length++ & mask] = symbol;
    },
  };
}
