import type { SummaryRow } from './result.js';

type Tradeoff = Pick<SummaryRow, 'accuracy' | 'bandwidthOverhead' | 'addedDelayP95'>;

/** Whether `a` is at least as good as `b` in accuracy left to the observer, bandwidth and delay, and better in one. */
export function dominates(a: Tradeoff, b: Tradeoff): boolean {
  // A cost that is undefined cannot be called low.
  const of = (row: Tradeoff) => [
    row.accuracy.mean,
    row.bandwidthOverhead ?? Number.POSITIVE_INFINITY,
    row.addedDelayP95 ?? Number.POSITIVE_INFINITY,
  ];
  const [x, y] = [of(a), of(b)];
  return x.every((value, i) => value <= y[i]!) && x.some((value, i) => value < y[i]!);
}
