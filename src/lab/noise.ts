import { type NoiseConfig, resolveNoiseConfig } from '../noise/config.js';
import type { LocalTime } from '../noise/rhythm.js';
import { UsageError } from '../shared/errors.js';
import type { Noise } from './plan.js';
import type { Web } from './web.js';

export interface LabNoiseOptions {
  /** Web with as many objects in a page as `browsing` says. */
  readonly web: Pick<Web, 'roots'>;
  /** Seconds of the home's clock in one real second. */
  readonly speed: number;
  /** Duration in seconds of the home's clock. */
  readonly seconds: number;
  readonly seed: number | string;
  /** File that keeps the amount of the budgets already spent. */
  readonly state: string;
  /** Networks of the web's servers; by default the range of RFC 2544, as in the simulation. */
  readonly networks?: readonly string[];
}

const HOUR = 3600;
const DAY = 24 * HOUR;
const MONTH = 31 * DAY;
/** Smallest budget of `homeveil noise`, in bytes. */
const LEAST_BUDGET = 1e6;
/** Fastest speed at which hours are kept: they begin to within a real second, which is then a minute of the home's clock. */
const FASTEST_FOR_HOURS = 60;

/**
 * Configuration with which `homeveil noise` makes live the browsing that a defense simulates: walks without rest, at the home's speed.
 * The line's bandwidth, round trips and the servers' thinking time are left to the lab's network. The simulated noise spreads its
 * `budget` evenly over the time, at most an hour's worth ahead. The live noise may use it unevenly, and then rests. Over the whole run,
 * and in any hour, day or month of the real clock, it uses no more than the simulated noise may in as much time of the home.
 * @throws UsageError for browsing that cannot be made live
 */
export function noiseConfigOf(
  { defense, browsing: { users, minPause, maxPause, depth, objects, budget, hours } }: Noise,
  { web, speed, seconds, seed, state, networks = ['198.18.0.0/15'] }: LabNoiseOptions,
): NoiseConfig {
  const refuse = (problem: string) => new UsageError(`defense ${defense.name}: cannot run live: ${problem}`);
  if (users === 0) throw refuse('users=0: there is nobody to make noise');
  const [from, to] = hours.split('-').map(Number) as [number, number];
  if (from % 24 !== to % 24 && speed > FASTEST_FOR_HOURS)
    throw refuse(`hours=${hours}: kept at a speed of ${FASTEST_FOR_HOURS} at most, found ${speed}`);
  /** Bytes that may be used within `span` real seconds, at most. */
  const within = (span: number) => Math.floor((budget * 1e6 * (Math.min(seconds, span * speed) + HOUR)) / DAY);
  const budgets = { perHour: within(HOUR), perDay: within(DAY), perMonth: within(MONTH) };
  if (budgets.perHour < LEAST_BUDGET)
    throw refuse(`budget=${budget}: expected a megabyte or more for the run, found ${budgets.perHour} bytes`);
  const config = resolveNoiseConfig({
    engine: 'http',
    users,
    roots: [...web.roots],
    follow: 'any',
    // A walk visits a root, then follows `depth` links.
    depth: Math.min(1000, depth + 1),
    visitsPerHour: 0,
    pause: 0,
    minPause: minPause / speed,
    maxPause: maxPause / speed,
    siteDelay: 0,
    robots: false,
    activeHours: hours,
    rhythm: 'flat',
    budgets,
    // The simulated noise has none of these limits, so they must not bind.
    requestsPerMinute: 100_000,
    connections: 1000,
    limits: { responseBytes: '10 MB', responseTime: 600, pageTime: 600, resources: objects === 0 ? 0 : 500 },
    state,
    seed,
    unsafeAllowPrivate: [...networks],
  });
  return { ...config, duration: seconds / speed };
}

/** The home's clock. It showed `showed` when the real clock showed `at`, both in seconds since the Unix epoch. */
export interface HomeClock {
  readonly at: number;
  readonly showed: number;
  readonly speed: number;
}

/** Hours and weekdays of the home's clock, in UTC, as simulated browsing counts them. */
export function hoursOf({ at, showed, speed }: HomeClock): LocalTime {
  return (time) => {
    const shows = showed + (time - at) * speed;
    return { hour: (((shows % DAY) + DAY) % DAY) / HOUR, day: new Date(shows * 1000).getUTCDay() };
  };
}
