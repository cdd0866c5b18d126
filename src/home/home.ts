import { createRng } from '../shared/rng.js';
import { createTraceBuilder, type Trace } from '../trace/trace.js';
import { run } from './behaviours.js';
import { createHousehold } from './household.js';
import { createNetwork, type Host, type Sink, type Talk } from './network.js';
import { chooseDevices, type HomeOptions, homeSpan } from './options.js';
import { PROFILES } from './profiles/index.js';

export type { HomeOptions, Talk };

/** Seconds simulated before the observed span, so that a trace does not begin with every device connecting at once. */
const WARM_UP_SECONDS = 900;

/**
 * The synthetic home: invented traffic of the fourteen devices of Dong et al. (arXiv 1909.00104), in one simulation of a
 * household. For demonstrations and tests; its numbers say nothing about real devices. The same options give the same packets, and a
 * longer run begins with the packets of a shorter one.
 * @param onTalk called for each connection across the gateway, including those of the warm-up, which may end before the observed span
 * @throws UsageError where `hours` is not positive or a device is unknown
 */
export function generateHome(options: HomeOptions, onTalk?: Sink['onTalk']): Trace {
  const { hours, seed } = options;
  const { from: start, to: end } = homeSpan(options);
  const profiles = chooseDevices(PROFILES, options.devices);
  const devices = profiles.map(({ name, category }) => ({ name, category }));
  const trace = createTraceBuilder(devices, undefined, Math.min(Math.ceil(hours * 100_000), 4_000_000));
  const sink: Sink = { trace, from: start, to: end, onTalk };
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
