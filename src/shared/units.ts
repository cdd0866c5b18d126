import { z } from 'zod';

/**
 * Parameters of plug-ins by unit. Each function takes the bounds, the default and the rest of a description that begins with the
 * unit: `seconds([0, 10], 0.1, 'between frames')` is a number from 0 to 10, 0.1 by default, described as 'seconds between frames'.
 */
type Bounds = readonly [least: number, most: number];

export const number = ([least, most]: Bounds, usual: number, description: string) =>
  z.number().min(least).max(most).default(usual).describe(description);

export const integer = ([least, most]: Bounds, usual: number, description: string) =>
  z.int().min(least).max(most).default(usual).describe(description);

export const seconds = (bounds: Bounds, usual: number, rest: string) => number(bounds, usual, `seconds ${rest}`);

export const milliseconds = (bounds: Bounds, usual: number, rest: string) => number(bounds, usual, `ms ${rest}`);

export const bytes = (bounds: Bounds, usual: number, rest: string) => integer(bounds, usual, `bytes ${rest}`);

/** @param unit 'kB/s', 'frames a second' */
export const rate = (unit: string, bounds: Bounds, usual: number, rest: string) =>
  number(bounds, usual, `${unit} ${rest}`);

/** A share of a whole: 0 to 1 unless `bounds` are narrower. */
export const share = (usual: number, rest: string, bounds: Bounds = [0, 1]) => number(bounds, usual, `share ${rest}`);

/** One of several words; the first is the default. */
export const choice = <const C extends readonly [string, ...string[]]>(choices: C, description: string) =>
  z
    .enum(choices)
    .default(choices[0] as never)
    .describe(description);

/** A check of a schema: parameter `low` is at most parameter `high`, wherever `applies`. */
export function atMost<Low extends string, High extends string>(
  low: Low,
  high: High,
  applies: (given: Record<string, unknown>) => boolean = () => true,
) {
  return z.refine<Record<Low | High, number>>((given) => !applies(given) || given[low] <= given[high], {
    path: [low],
    error: ({ input }) => `expected at most ${high}, which is ${(input as Record<High, number>)[high]}`,
  });
}

/** A check of a schema: parameter `high` is at least parameter `low`. */
export function atLeast<High extends string, Low extends string>(high: High, low: Low) {
  return z.refine<Record<Low | High, number>>((given) => given[high] >= given[low], {
    path: [high],
    error: ({ input }) => `expected at least ${low}, which is ${(input as Record<Low, number>)[low]}`,
  });
}
