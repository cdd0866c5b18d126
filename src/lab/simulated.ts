import { prepareAll, type Registry } from '../harness/plugins/registry.js';
import { OUTER_HEADERS, OVERHEAD } from '../live/tunnel/frame.js';
import { lengthOffset } from '../live/tunnel/planned.js';
import type { ResolvedPlugin } from '../result/result.js';
import { composeAccounts, type Observed, settle } from '../shaping/account.js';
import { IP_HEADER } from '../shaping/kit/parts.js';
import { tunnelDefense } from '../shaping/kit/tunnel.js';
import type { AppliedDefense } from '../shaping/shaper.js';
import { shapeAll } from '../shaping/simulate.js';
import type { Rng } from '../shared/rng.js';
import type { Trace } from '../trace/trace.js';
import type { Plan } from './plan.js';
import { PLAIN_VPN_MTU, TUNNELLED_VPN_MTU } from './run.js';

/** Simulates the lab's WireGuard, whose gateway clamps TCP segments to fit. @param mtu 0 for the usual one */
export function labVpn(mtu: number): AppliedDefense {
  return { defense: tunnelDefense, parameters: { tunnel: 'wireguard', mtu, clamp: true } };
}

/**
 * Simulates on a virtual clock what the lab does to `home`: it mixes in noise, wraps packets in WireGuard, and runs the shapers of the
 * tunnel's ends. As in the lab, these treat each datagram of WireGuard as a packet of its length plus their own headers.
 * @param home traffic that crosses the gateway
 * @param training traffic that a defense learns from
 */
export async function simulateLab(
  home: Trace,
  { vpn, shaping, noise }: Plan,
  training: Trace,
  plugins: Registry,
  rng: Rng,
): Promise<Observed> {
  const prepare = (parts: readonly ResolvedPlugin[], name: string): Promise<readonly AppliedDefense[]> =>
    parts.length === 0
      ? Promise.resolve([])
      : prepareAll(
          { label: parts.map(({ label }) => label).join('+'), parts: [...parts] },
          { trace: training, rng: rng.stream('prepare', name) },
          plugins,
        );
  const before = [...(await prepare(noise ? [noise.defense] : [], 'noise'))];
  const mtu = shaping ? TUNNELLED_VPN_MTU : PLAIN_VPN_MTU;
  if (vpn) before.push(labVpn(mtu));
  const entered = shapeAll(home, before, { rng: rng.stream('home') });
  if (!shaping) return entered;

  const applied = await prepare(shaping.parts, 'tunnel');
  const added = OVERHEAD - OUTER_HEADERS;
  const { trace } = entered;
  const datagrams: Trace = {
    ...trace,
    length: trace.length.map((length) => length + added),
    flows: { ...trace.flows, header: trace.flows.header.map(() => OVERHEAD - IP_HEADER) },
  };
  const sent = shapeAll(datagrams, applied, { rng: rng.stream('tunnel') });
  const offset = lengthOffset(applied, 4);
  const account = composeAccounts({ trace: datagrams, account: entered.account }, sent.account);
  const onWire =
    offset === 0 ? sent.trace : { ...sent.trace, length: sent.trace.length.map((length) => length + offset) };
  return settle(home, { trace: onWire, account });
}
