/** An axis of costs from 0 to the most expensive defense. */
export interface CostAxis {
  readonly domain: readonly [number, number];
  /** Largest value of the linear part; larger ones are logarithmic. Null for a linear axis. */
  readonly linearUpTo: number | null;
  readonly ticks: readonly number[];
  /** Position of a cost on the axis, 0 to 1. */
  position(cost: number): number;
}

/** Ratio of the highest cost to the median from which the axis is logarithmic, since a linear one would crowd the others. */
const LOGARITHMIC_FROM = 15;

/** Smallest difference of costs that has steps on the axis. */
const FREE = 1e-9;

/** An axis for `costs` (finite numbers) that has about `ticks` labels, at most two more. */
export function costAxis(costs: readonly number[], ticks: number): CostAxis {
  const positive = costs.filter((cost) => cost > 0).sort((a, b) => a - b);
  const lowest = Math.min(0, ...costs);
  const highest = positive.at(-1) ?? 0;
  if (highest - lowest < FREE) return { domain: [0, 1], linearUpTo: null, ticks: [0], position: (cost) => cost };
  // Negative costs are rare and small, and would need a second logarithmic branch.
  const spread = highest / (positive[(positive.length - 1) >> 1] ?? highest);
  return lowest === 0 && spread >= LOGARITHMIC_FROM
    ? logarithmic(positive[0]!, highest, ticks)
    : linear(lowest, highest, ticks);
}

function linear(lowest: number, highest: number, ticks: number): CostAxis {
  const step = niceStep((highest - lowest) / ticks);
  // Multiplies instead of adding up, so that 0.3 is 0.3.
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
  // Five decades are readable; costs below them are practically zero.
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
