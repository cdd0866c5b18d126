/** Kolmogorov and Smirnov: the largest distance between what was drawn and a distribution function. */
export function distance(drawn: readonly number[], below: (x: number) => number): number {
  const sorted = [...drawn].sort((a, b) => a - b);
  return Math.max(
    ...sorted.map((x, i) =>
      Math.max(Math.abs((i + 1) / sorted.length - below(x)), Math.abs(i / sorted.length - below(x))),
    ),
  );
}

/** The distance that so many draws of the distribution itself exceed once in a thousand times. */
export function allowed(draws: number): number {
  return 1.95 / Math.sqrt(draws);
}

export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** From each value to the next. */
export const steps = (values: readonly number[]): number[] => values.slice(1).map((value, i) => value - values[i]!);
