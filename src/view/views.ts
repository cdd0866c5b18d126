import { z } from 'zod';
import { tunnelDefense, tunnelParameters } from '../shaping/kit/tunnel.js';
import type { AppliedDefense } from '../shaping/shaper.js';
import type { ParameterSchema } from '../shared/parameters.js';
import type { Rng } from '../shared/rng.js';
import { filterPackets, type Trace } from '../trace/trace.js';
import { translateAddresses } from './nat.js';

/** Where the observer sits, and so what there is to see of the home before any defense. */
export interface View<S extends ParameterSchema = ParameterSchema> {
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  readonly source: string;
  readonly parameters: S;
  /** True where the observer tells the packets of one device from those of another, by MAC address: one stream per device. */
  readonly perDevice: boolean;
  /** The packets that come past the observer, with the addresses that they bear there; the columns are those of `trace`. */
  select(trace: Trace, rng: Rng): Trace;
  /** The tunnel in which they come past; null for none. */
  tunnel(parameters: z.output<S>): AppliedDefense | null;
}

function defineView<S extends ParameterSchema>(view: View<S>): View<S> {
  return view;
}

/** What crosses the gateway, from one address. */
function outsideGateway(trace: Trace, rng: Rng): Trace {
  const { wan } = trace.flows;
  const crossing = filterPackets(trace, (row) => wan[trace.flow[row]!] === 1);
  return { ...crossing, flows: translateAddresses(trace.flows, rng) };
}

const lan = defineView({
  name: 'lan',
  summary: 'Inside the home: all frames, with the MAC address of each device.',
  source: 'the observer next door, e.g. Acar et al., arXiv 1808.02741',
  parameters: z.object({}),
  perDevice: true,
  select: (trace) => trace,
  tunnel: () => null,
});

const napt = defineView({
  name: 'napt',
  summary: 'Outside the gateway: only what crosses it, all from one address, source ports rewritten.',
  source: 'Dong et al., arXiv 1909.00104',
  parameters: z.object({}),
  perDevice: false,
  select: outsideGateway,
  tunnel: () => null,
});

const vpn = defineView({
  name: 'vpn',
  summary:
    'Outside the gateway, which sends all through one tunnel: only direction, time and length after encapsulation.',
  source: 'Dong et al., arXiv 1909.00104',
  parameters: tunnelParameters,
  perDevice: false,
  select: outsideGateway,
  tunnel: (parameters) => ({ defense: tunnelDefense, parameters }),
});

export const views: readonly View[] = [lan, napt, vpn];
