/** A distribution by points of its cumulative curve: pairs of a level from 0 to 1 and its value, uniform between two points. */
export type Distribution = [level: number, value: number][];

/** Largest error of the curve, unless the error of so few samples is larger. */
const WORST_LEVEL = 0.01;
const CHANCE = 0.7;
const MOST_POINTS = 32;

/**
 * Samples as a distribution of few points, where the curve bends: two steady periods of a timer stay two, with nothing between them.
 * The error is at most 0.01 or 0.7 / √n (Kolmogorov's distance), half of the distance that chance exceeds once in twenty times.
 */
export function distributionOf(samples: readonly number[], round: (x: number) => number): Distribution {
  const sorted = Float64Array.from(samples).sort();
  const n = sorted.length;
  const [low, high] = [sorted[0]!, sorted[n - 1]!];
  if (round(low) === round(high)) return [[0, round(low)]];
  const worst = Math.max(WORST_LEVEL, CHANCE / Math.sqrt(n));
  const level = (i: number) => i / (n - 1);
  const points = [0, n - 1];
  /** The sample between two points that is farthest from the line between them. */
  const farthest = (from: number, to: number) => {
    const [a, b] = [sorted[from]!, sorted[to]!];
    let best = { at: -1, off: worst, from, to };
    for (let i = from + 1; i < to; i++) {
      const line = b === a ? level(i) : level(from) + ((sorted[i]! - a) / (b - a)) * (level(to) - level(from));
      const off = Math.abs(level(i) - line);
      if (off > best.off) best = { at: i, off, from, to };
    }
    return best;
  };
  let open = [farthest(0, n - 1)];
  while (points.length < MOST_POINTS) {
    const best = open.reduce((a, b) => (b.at >= 0 && (a.at < 0 || b.off > a.off) ? b : a));
    if (best.at < 0) break;
    points.push(best.at);
    open = open.filter((one) => one !== best);
    open.push(farthest(best.from, best.at), farthest(best.at, best.to));
  }
  return points.sort((a, b) => a - b).map((i) => [Number(level(i).toFixed(4)), round(sorted[i]!)]);
}

/** The value at a level from 0 to 1. */
export function valueAt(distribution: Distribution, level: number): number {
  let i = 1;
  while (i < distribution.length - 1 && level >= distribution[i]![0]) i++;
  const [low, high] = [distribution[i - 1]!, distribution[i]];
  if (!high || high[0] <= low[0]) return low[1];
  return low[1] + ((level - low[0]) / (high[0] - low[0])) * (high[1] - low[1]);
}

export const lowest = (distribution: Distribution): number => distribution[0]![1];
export const highest = (distribution: Distribution): number => distribution.at(-1)![1];
