import { significant } from './gaps.js';
import { createPredictor } from './predictor.js';
import type { FittedContext, FittedPacket } from './profile.js';

export type Recurrence = NonNullable<FittedPacket['recurrence']>;

const CLASSES = 8;
/** Fewest packets that show a dependence on the time since the last, and the chi-square above which it is significant. */
const FEWEST = 24;
const LEAST_CHI_SQUARE = 30;
const BOUND = 50;

/**
 * Factors of a packet's frequency in its contexts, by the time since it, or any of its kind, last came. Contexts of a dozen packets
 * cannot describe a timer of minutes, or packets that come in bunches.
 * @param symbols the sequence that `contexts` were learned from
 * @param kinds the kind of each symbol
 */
export function findRecurrences(
  symbols: ArrayLike<number>,
  times: Float64Array,
  kinds: readonly number[],
  contexts: readonly FittedContext[],
): (Recurrence | undefined)[] {
  const n = symbols.length;
  // For each symbol and each place where it could have come: its probability, whether it came, and the time since it last did.
  const chances = kinds.map(() => ({
    expected: [] as number[],
    came: [] as boolean[],
    own: [] as number[],
    kind: [] as number[],
  }));
  const lastOwn = new Float64Array(kinds.length).fill(Number.NaN);
  const lastKind = new Float64Array(Math.max(...kinds) + 1).fill(Number.NaN);
  const predictor = createPredictor(contexts);
  for (let i = 0; i < n; i++) {
    const { symbols: next, counts } = predictor.following();
    const total = counts.reduce((sum, count) => sum + count, 0);
    if (next.length > 1 && i > 0) {
      for (const [j, symbol] of next.entries()) {
        const chance = chances[symbol]!;
        if (Number.isNaN(lastOwn[symbol]!)) continue;
        chance.expected.push(counts[j]! / total);
        chance.came.push(symbols[i] === symbol);
        chance.own.push(times[i - 1]! - lastOwn[symbol]!);
        chance.kind.push(times[i - 1]! - lastKind[kinds[symbol]!]!);
      }
    }
    const symbol = symbols[i]!;
    predictor.push(symbol);
    lastOwn[symbol] = times[i]!;
    lastKind[kinds[symbol]!] = times[i]!;
  }
  return chances.map(({ expected, came, own, kind }) => {
    if (came.filter(Boolean).length < FEWEST) return undefined;
    const byOwn = measure(expected, came, own);
    const byKind = measure(expected, came, kind);
    const [of, best] = byKind.chiSquare > byOwn.chiSquare ? (['kind', byKind] as const) : (['packet', byOwn] as const);
    if (best.chiSquare < LEAST_CHI_SQUARE) return undefined;
    return { of, seconds: best.cuts, factors: best.factors };
  });
}

function measure(expected: readonly number[], came: readonly boolean[], elapsed: readonly number[]) {
  // Classes with equally many packets that came, so that only the expected numbers differ.
  const sorted = Float64Array.from(elapsed.filter((_, i) => came[i])).sort();
  const cuts: number[] = [];
  for (let c = 1; c < CLASSES; c++) {
    const cut = significant(sorted[Math.floor((c * sorted.length) / CLASSES)]!);
    if (cut > 0 && cut > (cuts.at(-1) ?? 0)) cuts.push(cut);
  }
  const sums = new Float64Array(cuts.length + 1);
  const counts = new Float64Array(cuts.length + 1);
  for (const [i, time] of elapsed.entries()) {
    const c = classOf(cuts, time);
    sums[c]! += expected[i]!;
    if (came[i]) counts[c]!++;
  }
  let chiSquare = 0;
  const factors = [...counts].map((count, c) => {
    chiSquare += sums[c]! === 0 ? 0 : (count - sums[c]!) ** 2 / sums[c]!;
    // Half a packet is added on both sides, so that an empty class means rarely, not never.
    return significant(Math.min(BOUND, Math.max(1 / BOUND, (count + 0.5) / (sums[c]! + 0.5))));
  });
  return { cuts, factors, chiSquare };
}

/** The number of cuts at or below `seconds`. */
export function classOf(cuts: readonly number[], seconds: number): number {
  let c = 0;
  while (c < cuts.length && seconds >= cuts[c]!) c++;
  return c;
}
