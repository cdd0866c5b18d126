import { UsageError } from '../../shared/errors.js';
import { createTraceBuilder, type Trace } from '../../trace/trace.js';
import { chooseDevices, type HomeOptions, homeSpan } from '../options.js';
import { generateDevice } from './generate.js';
import type { Profiles } from './profile.js';

/**
 * Generates a home of the devices of `profiles`, each independent of the others: the same options give the same packets, a longer run
 * begins with the packets of a shorter one, and a device's packets do not depend on the other devices.
 * @throws UsageError as {@link generateHome}
 */
export function generateFittedHome(profiles: Pick<Profiles, 'devices'>, options: HomeOptions): Trace {
  const { from, to } = homeSpan(options);
  const chosen = chooseDevices(profiles.devices, options.devices);
  const perHour = chosen.reduce((sum, { channels }) => sum + channels.reduce((all, c) => all + c.packetsPerHour, 0), 0);
  const expected = perHour * options.hours;
  if (expected > MOST_PACKETS) {
    throw new UsageError(
      `hours: expected at most ${MOST_PACKETS} packets, found ${Math.round(expected)} in ${options.hours} h`,
    );
  }
  const devices = chosen.map(({ name, category }) => ({ name, category }));
  const trace = createTraceBuilder(devices, undefined, Math.max(1024, Math.ceil(expected * 1.1)));
  for (const [index, device] of chosen.entries())
    generateDevice(device, index, { trace, from, to, seed: options.seed });
  return trace.build();
}

/** Most packets that fit into memory: about 40 bytes a packet, twice that while sorting. */
const MOST_PACKETS = 2e8;
