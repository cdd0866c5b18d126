/** An axis of costs: 0 for free, then as far as the dearest defense. */
export interface CostAxis {
  readonly domain: readonly [number, number];
  /** Values up to here are drawn in proportion, larger ones by their logarithm; null where all are in proportion. */
  readonly linearUpTo: number | null;
  readonly ticks: readonly number[];
  /** Place of a cost on the axis, 0 to 1. */
  position(cost: number): number;
}

/** The dearest defense costs this many times the median one or more: in proportion, the others would lie on one spot. */
const LOGARITHMIC_FROM = 15;

/** Costs that differ by less are all the same to a reader, and too close together for steps between them. */
const FREE = 1e-9;

/** An axis for `costs` (finite numbers) that has about `ticks` labels, at most two more. */
export function costAxis(costs: readonly number[], ticks: number): CostAxis {
  const positive = costs.filter((cost) => cost > 0).sort((a, b) => a - b);
  const lowest = Math.min(0, ...costs);
  const highest = positive.at(-1) ?? 0;
  if (highest - lowest < FREE) return { domain: [0, 1], linearUpTo: null, ticks: [0], position: (cost) => cost };
  // A logarithm of negative costs would need a second branch of the axis; they are rare, and small.
  const spread = highest / (positive[(positive.length - 1) >> 1] ?? highest);
  return lowest === 0 && spread >= LOGARITHMIC_FROM
    ? logarithmic(positive[0]!, highest, ticks)
    : linear(lowest, highest, ticks);
}

function linear(lowest: number, highest: number, ticks: number): CostAxis {
  const step = niceStep((highest - lowest) / ticks);
  // Multiplied by a whole number, not added up, so that 0.3 is 0.3.
  const from = Math.floor(lowest / step);
  const to = Math.ceil(highest / step);
  const domain = [from * step, Math.max(to * step, highest * 1.04)] as const;
  return {
    domain,
    linearUpTo: null,
    ticks: Array.from({ length: to - from + 1 }, (_, i) => tidy((from + i) * step)),
    position: (cost) => (cost - domain[0]) / (domain[1] - domain[0]),
  };
}

/** Vega's `symlog` scale: sign(x) log(1 + |x / c|). */
function logarithmic(lowest: number, highest: number, ticks: number): CostAxis {
  // Five decades are as many as one can read; below them lies what is as good as free.
  const first = Math.max(Math.floor(Math.log10(lowest) + 1e-9), Math.ceil(Math.log10(highest)) - 5);
  const last = Math.ceil(Math.log10(highest) - 1e-9);
  const constant = tidy(10 ** first);
  const end = highest * 1.25;
  const every = Math.max(1, Math.ceil((last - first + 1) / ticks));
  const decades = Array.from({ length: last - first + 1 }, (_, i) => tidy(10 ** (first + i)));
  const scale = (cost: number) => Math.log1p(cost / constant);
  return {
    domain: [0, end],
    linearUpTo: constant,
    ticks: [0, ...decades.filter((decade, i) => i % every === 0 && decade <= end)],
    position: (cost) => scale(cost) / scale(end),
  };
}

/** The smallest of 1, 2, 5 times a power of ten that is not below `step`. */
function niceStep(step: number): number {
  const decade = 10 ** Math.floor(Math.log10(step));
  const factor = [1, 2, 5].find((nice) => nice * decade >= step) ?? 10;
  return factor * decade;
}

function tidy(value: number): number {
  return Number(value.toPrecision(12));
}
