import type { Rng } from '../shared/rng.js';

/** Converts seconds since the Unix epoch to the hour of the day, with its fraction, and the day of the week, 0 for Sunday. */
export type LocalTime = (time: number) => { readonly hour: number; readonly day: number };

const localTime: LocalTime = (time) => {
  const date = new Date(time * 1000);
  return { hour: date.getHours() + date.getMinutes() / 60 + date.getSeconds() / 3600, day: date.getDay() };
};

/**
 * Activity of a household on the web for each hour from midnight, 1 at its busiest: low at night, rising through the day, highest
 * in the evening. Measured residential traffic has this shape; the figures are our choice.
 */
const HOUSEHOLD = [
  0.25, 0.12, 0.07, 0.05, 0.05, 0.08, 0.18, 0.35, 0.42, 0.45, 0.48, 0.5, 0.55, 0.55, 0.52, 0.55, 0.6, 0.7, 0.82, 0.92,
  1, 1, 0.85, 0.5,
] as const;
/** Factor for weekends from 9 to 17 h, when more people are at home; our choice. */
const WEEKEND = 1.5;

interface RhythmOptions {
  /** Visits of one user in the busiest hour; 0 for one visit after another. */
  readonly visitsPerHour: number;
  /** Hours from and to, such as '7-23'. */
  readonly activeHours: string;
  readonly rhythm: 'household' | 'flat';
  /** Hours by which this user's day is later than the household's. */
  readonly shift?: number;
  readonly local?: LocalTime;
}

export interface Rhythm {
  isActive(time: number): boolean;
  /** Returns the first moment from `time` on within the active hours, to the second. */
  activeFrom(time: number): number;
  /** Returns the activity from 0 to 1. */
  activity(time: number): number;
  /** Draws when the next visit begins, where the last one ended at `time`. */
  next(time: number, rng: Rng): number;
}

export function createRhythm({
  visitsPerHour,
  activeHours,
  rhythm,
  shift = 0,
  local = localTime,
}: RhythmOptions): Rhythm {
  const [from, to] = activeHours.split('-').map(Number) as [number, number];
  // Equal hours are a whole day, as for the defense of the same name.
  const length = (to - from + 24) % 24 || 24;
  const isActive = (time: number) => (local(time).hour - from + 24) % 24 < length;

  const activity = (time: number): number => {
    if (!isActive(time)) return 0;
    if (rhythm === 'flat') return 1;
    const { hour, day } = local(time - shift * 3600);
    const at = Math.floor(hour);
    const next = (at + 1) % 24;
    const level = HOUSEHOLD[at]! + (HOUSEHOLD[next]! - HOUSEHOLD[at]!) * (hour - at);
    const isWeekend = (day === 0 || day === 6) && hour >= 9 && hour < 17;
    return Math.min(1, isWeekend ? level * WEEKEND : level);
  };

  const activeFrom = (time: number): number => {
    // Goes minute by minute, because clock changes make days longer or shorter.
    for (let at = time, last = time, step = 0; step <= 2 * 1440; step++) {
      if (isActive(at)) return firstActive(last, at);
      last = at;
      at = (Math.floor(at / 60) + 1) * 60;
    }
    return time + 2 * 86_400;
  };
  /** Finds the border between a time that is not active and one that is. A lab's fast clock may pass hours within a minute. */
  const firstActive = (before: number, from: number): number => {
    while (from - before > 1) {
      const middle = (before + from) / 2;
      if (isActive(middle)) from = middle;
      else before = middle;
    }
    return from;
  };

  return {
    isActive,
    activeFrom,
    activity,
    next(time, rng) {
      if (visitsPerHour === 0) return activeFrom(time);
      // A Poisson process whose rate follows the activity, by thinning (Lewis and Shedler 1979).
      let at = activeFrom(time);
      for (let drawn = 0; drawn < 100_000; drawn++) {
        at += rng.exponential(3600 / visitsPerHour);
        if (rng.uniform() < activity(at)) return at;
      }
      return at;
    },
  };
}
