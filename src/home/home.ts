import { suggestion, UsageError } from '../shared/errors.js';
import { createRng } from '../shared/rng.js';
import { createTraceBuilder, type Trace } from '../trace/trace.js';
import { run } from './behaviours.js';
import { createHousehold } from './household.js';
import { createNetwork, type Host, type Sink } from './network.js';
import { PROFILES } from './profiles/index.js';

export interface HomeOptions {
  readonly hours: number;
  readonly seed: number | string;
  /** Seconds since the Unix epoch; a Monday at 16:00 by default, so that a few hours see people come home. */
  readonly start?: number;
  /** Names of the devices to simulate, all by default. A device's packets are the same whichever others there are. */
  readonly devices?: readonly string[];
}

const DEFAULT_START = Date.UTC(2026, 0, 5, 16) / 1000;

/** Simulated before the first packet is seen, so that a trace does not begin with every device connecting at once. */
const WARM_UP_SECONDS = 900;

/**
 * The synthetic home: invented traffic of the fourteen devices of Dong et al. (arXiv 1909.00104), in one simulation of a
 * household. For demonstrations and tests; numbers from it say nothing of real devices. Same options, same packets; a
 * longer run begins with the packets of a shorter one.
 * @throws UsageError where `hours` is not positive or a device is unknown
 */
export function generateHome(options: HomeOptions): Trace {
  const { hours, seed, start = DEFAULT_START } = options;
  if (!(hours > 0 && hours <= 24 * 366)) {
    throw new UsageError(`hours: expected a number above 0 and up to ${24 * 366}, found ${hours}`);
  }
  if (!(start >= 0 && start < 2 ** 32)) throw new UsageError(`start: expected seconds since 1970, found ${start}`);
  const names = options.devices ?? PROFILES.map((profile) => profile.name);
  const profiles = names.map((name) => {
    const profile = PROFILES.find((candidate) => candidate.name.toLowerCase() === name.toLowerCase());
    if (profile) return profile;
    const known = PROFILES.map((candidate) => candidate.name);
    throw new UsageError(`unknown device "${name}"${suggestion(name, known)}; expected one of ${known.join(', ')}`);
  });

  const end = start + hours * 3600;
  const devices = profiles.map(({ name, category }) => ({ name, category }));
  const trace = createTraceBuilder(devices, undefined, Math.min(Math.ceil(hours * 100_000), 4_000_000));
  const sink: Sink = { trace, from: start, to: end };
  const from = start - WARM_UP_SECONDS;
  const chance = createRng(seed, 'home');
  const household = createHousehold(chance.stream('household'), from, end);
  profiles.forEach((profile, device) => {
    const host: Host = { profile, device, address: `192.168.1.${100 + PROFILES.indexOf(profile)}` };
    profile.traffic.forEach((behaviour, index) => {
      const rng = chance.stream(profile.name, index);
      run(behaviour, { from, to: end, household, network: createNetwork(sink, host, rng.stream('network')), rng });
    });
  });
  return trace.build();
}
