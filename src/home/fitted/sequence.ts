/** A context with the counts of the symbols that followed it. */
export interface Context {
  /** Symbols, the oldest first. */
  readonly after: readonly number[];
  readonly next: ReadonlyMap<number, number>;
}

export interface SequenceOptions {
  /** Longest context. */
  readonly order: number;
  /** Least saving for each number in the model, as a multiple of half the logarithm of the sequence's length (BIC: 1). */
  readonly price: number;
}

interface Node extends Context {
  readonly positions: Uint32Array;
}

/**
 * Learns a variable-order Markov chain (Rissanen, "A universal data compression system", IEEE Trans. Inf. Theory 29(5), 1983;
 * Ron, Singer and Tishby, "The power of amnesia", Machine Learning 25, 1996). Contexts are kept where they shorten the
 * description of the sequence by more than their own counts cost. The decision goes from the longest down, so that a context stays if
 * a longer one needs it. The sequence is a circle: its end is the context of its beginning.
 */
export function learnSequence(symbols: ArrayLike<number>, { order, price }: SequenceOptions): Context[] {
  const n = symbols.length;
  const perNumber = (price * Math.log(Math.max(2, n))) / 2;
  const longest = Math.min(order, n - 1);
  const before = (position: number, steps: number) => symbols[(position - steps + n) % n]!;

  const codeLength = (next: ReadonlyMap<number, number>, by: ReadonlyMap<number, number>, total: number): number => {
    let sum = 0;
    for (const [symbol, count] of next) sum -= count * Math.log(by.get(symbol)! / total);
    return sum;
  };

  /** The contexts to keep from `node` on, itself first, and the description length of the symbols after them. */
  const grow = ({ after, next, positions }: Node): { kept: Context[]; length: number } => {
    const kept: Context[] = [{ after, next }];
    const total = positions.length;
    let length = perNumber * next.size + codeLength(next, next, total);
    if (next.size === 1 || after.length >= longest || total < 2) return { kept, length };
    const groups = new Map<number, number[]>();
    for (const position of positions) {
      const symbol = before(position, after.length + 1);
      const group = groups.get(symbol);
      if (group) group.push(position);
      else groups.set(symbol, [position]);
    }
    for (const [symbol, group] of groups) {
      if (group.length < 2) continue;
      const counts = countNext(symbols, group);
      const child = grow({ after: [symbol, ...after], next: counts, positions: Uint32Array.from(group) });
      const saved = codeLength(counts, next, total) - child.length;
      if (saved <= 0) continue;
      length -= saved;
      for (const context of child.kept) kept.push(context);
    }
    return { kept, length };
  };

  const positions = Uint32Array.from({ length: n }, (_, i) => i);
  return grow({ after: [], next: countNext(symbols, positions), positions }).kept;
}

function countNext(symbols: ArrayLike<number>, positions: ArrayLike<number>): Map<number, number> {
  const next = new Map<number, number>();
  for (let i = 0; i < positions.length; i++) {
    const symbol = symbols[positions[i]!]!;
    next.set(symbol, (next.get(symbol) ?? 0) + 1);
  }
  return next;
}
