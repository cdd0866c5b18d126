import { LEVELS } from './profile.js';

const BINS_PER_DECADE = 10;
const LOWEST = -7;
const HIGHEST = 8;
/** A class spans so many bins at most: within one, what the gap was tells nothing of what comes next. */
const WIDEST = BINS_PER_DECADE;
/** Between two classes there are fewer gaps than this share of those at the lower of their peaks. */
const VALLEY = 0.35;

/**
 * Where gaps fall into classes: cuts at the valleys of the histogram of their logarithms, and wherever a class would span
 * more than a factor of ten. All cuts in seconds, ascending; a gap is of the class of the number of cuts at or below it.
 */
export function gapCuts(gaps: ArrayLike<number>): number[] {
  const bins = (HIGHEST - LOWEST) * BINS_PER_DECADE;
  const counts = new Float64Array(bins);
  for (let i = 0; i < gaps.length; i++) counts[binOf(gaps[i]!, bins)]!++;
  const smooth = counts.map((n, b) => (n * 2 + (counts[b - 1] ?? 0) + (counts[b + 1] ?? 0)) / 4);
  const fewest = Math.max(1.5, gaps.length * 0.002);
  const cuts: number[] = [];
  let peak = 0;
  let valley = Number.POSITIVE_INFINITY;
  let valleyAt = -1;
  let begin = smooth.findIndex((n) => n > 0);
  for (let b = Math.max(begin, 0); b < bins; b++) {
    const n = smooth[b]!;
    const isPeak = n >= fewest && n > (smooth[b - 1] ?? 0);
    if (isPeak && peak >= fewest && valley < VALLEY * Math.min(peak, n)) {
      cuts.push(valleyAt);
      begin = valleyAt;
      peak = n;
      valley = Number.POSITIVE_INFINITY;
    } else if (n >= peak) {
      peak = n;
      valley = Number.POSITIVE_INFINITY;
    } else if (n < valley) {
      valley = n;
      valleyAt = b;
    }
    if (b - begin >= WIDEST && n > 0) {
      const at = valleyAt > begin ? valleyAt : b;
      cuts.push(at);
      begin = at;
      peak = n;
      valley = Number.POSITIVE_INFINITY;
      valleyAt = -1;
    }
  }
  return [...new Set(cuts)].sort((a, b) => a - b).map((b) => 10 ** (LOWEST + b / BINS_PER_DECADE));
}

function binOf(gap: number, bins: number): number {
  if (gap <= 0) return 0;
  return Math.min(bins - 1, Math.max(0, Math.floor((Math.log10(gap) - LOWEST) * BINS_PER_DECADE)));
}

export function gapClass(cuts: readonly number[], gap: number): number {
  let c = 0;
  while (c < cuts.length && gap >= cuts[c]!) c++;
  return c;
}

/** The quantiles of `samples`, as many as there are samples for (at least one), each rounded by `round`. */
export function quantilesOf(samples: readonly number[], round: (x: number) => number): number[] {
  const sorted = Float64Array.from(samples).sort();
  const n = sorted.length;
  if (sorted[0] === sorted[n - 1]) return [round(sorted[0]!)];
  const size = n >= 200 ? 11 : n >= 30 ? 7 : n >= 8 ? 5 : 3;
  return LEVELS[size]!.map((level) => {
    const at = level * (n - 1);
    const low = Math.floor(at);
    const high = Math.min(n - 1, low + 1);
    return round(sorted[low]! + (at - low) * (sorted[high]! - sorted[low]!));
  });
}

/** Four significant digits: more than any capture's clock can be trusted with. */
export function significant(x: number): number {
  return Number(x.toPrecision(4));
}
