const BINS_PER_DECADE = 10;
const LOWEST = -7;
const HIGHEST = 8;
/** Most bins of a class, within which a gap does not affect the next packet. */
const WIDEST = BINS_PER_DECADE * 1.5;
/** Depth of a valley between two classes, as a share of the lower of their peaks. */
const VALLEY = 0.35;

/**
 * The cuts between classes of gaps: at the valleys of the histogram of their logarithms, and wherever a class would span more than a
 * factor of ten. Seconds, ascending; the class of a gap is the number of cuts at or below it.
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

/** Rounds to six significant digits or a microsecond, so that a timer of five minutes keeps its milliseconds. */
export function significant(x: number): number {
  return Number(Number(x.toPrecision(6)).toFixed(6));
}

/**
 * Correlation of each sample with the next, by normal scores of their ranks (van der Waerden), for a Gaussian copula that keeps both the
 * distribution and the similarity of neighbours. 0 where all are equal.
 */
export function scoreCorrelation(samples: readonly number[]): number {
  const n = samples.length;
  const order = Uint32Array.from(samples, (_, i) => i).sort((a, b) => samples[a]! - samples[b]! || a - b);
  const score = new Float64Array(n);
  for (let first = 0; first < n; ) {
    let end = first + 1;
    while (end < n && samples[order[end]!] === samples[order[first]!]) end++;
    // Equal samples share the mean of their ranks.
    const z = normalQuantile((first + end) / 2 / n);
    for (; first < end; first++) score[order[first]!] = z;
  }
  let [product, square] = [0, 0];
  for (let i = 0; i < n; i++) {
    square += score[i]! ** 2;
    if (i > 0) product += score[i]! * score[i - 1]!;
  }
  if (square === 0) return 0;
  return Math.max(-0.99, Math.min(0.9999, (product / (n - 1)) * (n / square)));
}

/** Quantile `p` of the standard normal distribution: Acklam's approximation, relative error below 1.2e-9. */
export function normalQuantile(p: number): number {
  const tail = (q: number) =>
    (((((-7.784894002430293e-3 * q - 3.223964580411365e-1) * q - 2.400758277161838) * q - 2.549732539343734) * q +
      4.374664141464968) *
      q +
      2.938163982698783) /
    ((((7.784695709041462e-3 * q + 3.224671290700398e-1) * q + 2.445134137142996) * q + 3.754408661907416) * q + 1);
  if (p <= 0.02425) return tail(Math.sqrt(-2 * Math.log(p)));
  if (p >= 1 - 0.02425) return -tail(Math.sqrt(-2 * Math.log(1 - p)));
  const q = p - 0.5;
  const r = q * q;
  return (
    ((((((-3.969683028665376e1 * r + 2.209460984245205e2) * r - 2.759285104469687e2) * r + 1.38357751867269e2) * r -
      3.066479806614716e1) *
      r +
      2.506628277459239) *
      q) /
    (((((-5.447609879822406e1 * r + 1.615858368580409e2) * r - 1.556989798598866e2) * r + 6.680131188771972e1) * r -
      1.328068155288572e1) *
      r +
      1)
  );
}

/** The standard normal distribution function at `z`: Abramowitz and Stegun, 26.2.17, absolute error below 7.5e-8. */
export function normalProbability(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const density = 0.3989422804014327 * Math.exp((-z * z) / 2);
  const above =
    density * t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return z >= 0 ? 1 - above : above;
}
