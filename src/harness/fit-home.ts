import { basename, resolve } from 'node:path';
import { fitDevices } from '../home/fitted/fit.js';
import { type Profiles, profilesOf } from '../home/fitted/profile.js';
import { InputError } from '../shared/errors.js';
import { hashTrace } from '../trace/hash-trace.js';
import type { Trace } from '../trace/trace.js';
import { describeTool } from './environment.js';

/**
 * Fits a profile to each device of a labelled trace that was read from `paths`; devices without packets have none.
 * @throws InputError where there is no packet, or no time passes
 */
export function fitHome(trace: Trace, paths: readonly string[]): { profiles: Profiles; silent: readonly string[] } {
  if (trace.packets === 0) throw new InputError(`${paths.join(', ')}: expected packets, found none`);
  const [fromSeconds, toSeconds] = [trace.time[0]!, trace.time[trace.packets - 1]!];
  const { devices, silent, capturedSeconds } = fitDevices(trace);
  const data = {
    name: paths.map((path) => basename(resolve(path))).join(', '),
    sha256: hashTrace(trace),
    packets: trace.packets,
    fromSeconds,
    toSeconds,
    capturedSeconds,
  };
  return { profiles: profilesOf({ tool: describeTool(), data, devices }), silent };
}
