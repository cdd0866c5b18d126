import { suggestion, UsageError } from '../shared/errors.js';

export interface HomeOptions {
  readonly hours: number;
  readonly seed: number | string;
  /** Seconds since the Unix epoch; by default a Monday at 16:00, so that people come home within a few hours. */
  readonly start?: number;
  /** Names of the devices to simulate, all by default. A device's packets do not depend on the other devices. */
  readonly devices?: readonly string[];
}

const DEFAULT_START = Date.UTC(2026, 0, 5, 16) / 1000;

/** @throws UsageError where `hours` or `start` is out of range */
export function homeSpan({ hours, start = DEFAULT_START }: HomeOptions): { from: number; to: number } {
  if (!(hours > 0 && hours <= 24 * 366)) {
    throw new UsageError(`hours: expected a number above 0 and up to ${24 * 366}, found ${hours}`);
  }
  if (!(start >= 0 && start < 2 ** 32)) throw new UsageError(`start: expected seconds since 1970, found ${start}`);
  return { from: start, to: start + hours * 3600 };
}

/**
 * The entries of `known` with the given names, in the order of `names`; all of them without `names`.
 * @throws UsageError for an unknown name
 */
export function chooseDevices<T extends { readonly name: string }>(
  known: readonly T[],
  names: readonly string[] | undefined,
): readonly T[] {
  return (names ?? known.map(({ name }) => name)).map((name) => {
    const found = known.find((candidate) => candidate.name.toLowerCase() === name.toLowerCase());
    if (found) return found;
    const all = known.map((candidate) => candidate.name);
    throw new UsageError(`unknown device "${name}"${suggestion(name, all)}; expected one of ${all.join(', ')}`);
  });
}
