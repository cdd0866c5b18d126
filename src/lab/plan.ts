import { defenseOf, type Registry, viewOf } from '../harness/plugins/registry.js';
import { UNDEFENDED } from '../harness/seed-run.js';
import { whyNotLive } from '../live/tunnel/planned.js';
import type { ResolvedDefense, ResolvedPlugin, ResolvedSpec } from '../result/result.js';
import { tunnelDefense } from '../shaping/kit/tunnel.js';
import type { Browsing } from '../shaping/shaper.js';
import { UsageError } from '../shared/errors.js';

/** Parts of the lab that play one defense. */
export interface Plan {
  /** Whether all traffic goes through the lab's VPN. */
  readonly vpn: boolean;
  /** Defense at the ends of a live tunnel around the VPN; left out where there is no such tunnel. */
  readonly shaping?: ResolvedDefense;
  /** Browsing in the home; left out where there is none. */
  readonly noise?: Noise;
}

export interface Noise {
  readonly defense: ResolvedPlugin;
  readonly browsing: Browsing;
}

/** @throws UsageError for a view or a defense that the lab cannot play */
export function planOf(defense: ResolvedDefense, { view }: Pick<ResolvedSpec, 'view'>, plugins: Registry): Plan {
  const refuse = (why: string) => new UsageError(`defense ${defense.label}: cannot run live: ${why}`);
  const known = (part: ResolvedPlugin) => defenseOf(part, plugins);
  const parts = defense.parts.filter(({ name }) => name !== UNDEFENDED.label);
  const [noise, ...others] = parts.filter((part) => known(part).browsing);
  if (others.length > 0 || (noise && parts[0] !== noise))
    throw refuse('noise is made in the home, once, before all else');
  const rest = parts.filter((part) => part !== noise);
  const obstacle = whyNotLive(rest.map((part) => ({ defense: known(part) })));
  if (obstacle !== null) throw new UsageError(obstacle);
  const isPlainVpn = rest.length === 1 && known(rest[0]!) === tunnelDefense;
  if (isPlainVpn && rest[0]!.parameters.tunnel !== 'wireguard') throw refuse('the lab has WireGuard');
  const shaping = rest.length === 0 || isPlainVpn ? undefined : { label: labelOf(rest), parts: rest };
  const vpn = isInVpn(view, plugins) || rest.some((part) => known(part).tunnel);
  if (shaping && !vpn) {
    throw refuse(
      'outside a tunnel nobody takes off what it adds; expected --view vpn, where it runs at the ends of a tunnel',
    );
  }
  return { vpn, shaping, noise: noise && { defense: noise, browsing: known(noise).browsing!(noise.parameters) } };
}

/** Whether a view shows the home's traffic in a VPN. @throws UsageError for a view that the lab cannot play */
function isInVpn(view: ResolvedPlugin, plugins: Registry): boolean {
  const live = viewOf(view, plugins).live?.(view.parameters);
  if (!live) throw new UsageError(`--view ${view.label}: cannot be played live; expected napt or vpn`);
  return live === 'tunnel';
}

const labelOf = (parts: readonly ResolvedPlugin[]): string => parts.map(({ label }) => label).join('+');
