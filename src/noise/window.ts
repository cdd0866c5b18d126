/**
 * Sum of amounts over the last `span` seconds, kept in buckets. It covers one bucket more than the span, so it is never less than
 * the true sum over any span of that length: a limit on it holds at every moment, not only by the calendar.
 */
interface SlidingWindow {
  add(now: number, amount: number): void;
  total(now: number): number;
  /** Returns the earliest time from `now` on at which the total is at most `most`, if nothing is added. */
  timeOf(now: number, most: number): number;
  /** Counts everything as used now, which is never too early: for a clock that was set back. */
  rebase(now: number): void;
  /** Returns the times at which buckets begin, with their amounts. */
  save(): [number, number][];
}

export function createWindow(
  span: number,
  buckets: number,
  saved: readonly (readonly [number, number])[] = [],
): SlidingWindow {
  const width = span / buckets;
  /** Amount by number of the bucket since the epoch, in order. */
  const amounts = new Map<number, number>();
  const bucketOf = (time: number) => Math.floor(time / width);
  const expire = (now: number) => {
    const first = bucketOf(now) - buckets;
    for (const bucket of amounts.keys()) {
      if (bucket >= first) break;
      amounts.delete(bucket);
    }
  };
  const sum = () => {
    let total = 0;
    for (const amount of amounts.values()) total += amount;
    return total;
  };
  for (const [time, amount] of [...saved].sort((a, b) => a[0] - b[0])) {
    // A file may hold anything: invalid amounts are left out.
    if (Number.isFinite(time) && amount > 0) amounts.set(bucketOf(time + width / 2), amount);
  }
  return {
    add(now, amount) {
      const bucket = bucketOf(now);
      amounts.set(bucket, (amounts.get(bucket) ?? 0) + amount);
    },
    total(now) {
      expire(now);
      return sum();
    },
    timeOf(now, most) {
      expire(now);
      let total = sum();
      for (const [bucket, amount] of amounts) {
        if (total <= most) break;
        total -= amount;
        now = Math.max(now, (bucket + buckets + 1) * width);
      }
      return total <= most ? now : Number.POSITIVE_INFINITY;
    },
    rebase(now) {
      const total = sum();
      amounts.clear();
      if (total > 0) amounts.set(bucketOf(now), total);
    },
    save: () => [...amounts].map(([bucket, amount]) => [bucket * width, amount]),
  };
}
