import { type NoiseConfig, resolveNoiseConfig } from '../noise/config.js';
import type { LocalTime } from '../noise/rhythm.js';
import { UsageError } from '../shared/errors.js';
import type { Noise } from './plan.js';
import type { Web } from './web.js';

export interface LabNoiseOptions {
  /** With as many objects as the parameters say. */
  readonly web: Pick<Web, 'roots'>;
  /** Seconds of the home to one of the real clock. */
  readonly speed: number;
  /** How long it runs, by the home's clock. */
  readonly seconds: number;
  readonly seed: number | string;
  /** File that keeps what was spent. */
  readonly state: string;
  /** Where the web's servers are; RFC 2544's range, as in the simulation, unless told otherwise. */
  readonly networks?: readonly string[];
}

const HOUR = 3600;
const DAY = 24 * HOUR;
const MONTH = 31 * DAY;
/** Of any budget of noise. */
const LEAST_BUDGET = 1e6;
/** Hours begin within a second of the real clock: a minute of the home's. */
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
  /** What may be used in so much time of the real clock, at most. */
  const within = (span: number) => Math.floor((budget * 1e6 * (Math.min(seconds, span * speed) + HOUR)) / DAY);
  const budgets = { perHour: within(HOUR), perDay: within(DAY), perMonth: within(MONTH) };
  if (budgets.perHour < LEAST_BUDGET)
    throw refuse(`budget=${budget}: expected a megabyte or more for the run, found ${budgets.perHour} bytes`);
  const config = resolveNoiseConfig({
    engine: 'http',
    users,
    roots: [...web.roots],
    follow: 'any',
    // A walk takes a root, then so many links.
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
    // None of these holds the simulated noise back.
    requestsPerMinute: 100_000,
    connections: 1000,
    limits: { responseBytes: '10 MB', responseTime: 600, pageTime: 600, resources: objects === 0 ? 0 : 500 },
    state,
    seed,
    unsafeAllowPrivate: [...networks],
  });
  return { ...config, duration: seconds / speed };
}

/** The home's clock: the time it showed, in seconds since the Unix epoch, when the real one showed `at`. */
export interface HomeClock {
  readonly at: number;
  readonly showed: number;
  readonly speed: number;
}

/** Hours as the defense `noise` counts them: of the home's clock, UTC. */
export function hoursOf({ at, showed, speed }: HomeClock): LocalTime {
  return (time) => {
    const shows = showed + (time - at) * speed;
    return { hour: (((shows % DAY) + DAY) % DAY) / HOUR, day: new Date(shows * 1000).getUTCDay() };
  };
}
