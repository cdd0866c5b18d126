import type { Cell, ResolvedSpec, SummaryRow } from '../result/result.js';
import { ETHERNET_HEADER, encapsulationOf, tunnelParameters } from '../shaping/kit/tunnel.js';
import { builtIns, defenseOf, type Registry, viewOf } from './plugins/registry.js';

/** Finds padding to one size that the view's own tunnel has to cut in two: returns that size, and the largest that fits. */
function paddedBeyond(
  { view, defenses, live }: ResolvedSpec,
  label: string,
  registry: Registry,
): { size: number; fits: number } | null {
  // Live, frames are padded behind the VPN.
  const carrier = live ? null : viewOf(view, registry).carry?.(view.parameters);
  if (!carrier?.defense.tunnel) return null;
  const parts = defenses.find((defense) => defense.label === label)?.parts ?? [];
  const sizes = parts.map((part) => defenseOf(part, registry).padsTo?.(part.parameters) ?? 0);
  const size = Math.max(0, ...sizes);
  const fits = encapsulationOf(tunnelParameters.parse(carrier.parameters)).mtu + ETHERNET_HEADER;
  return size > fits ? { size, fits } : null;
}

/** Ways in which a run may fail to prove anything (design: the method, sanity gates); one line each. */
export function sanityWarnings(
  spec: ResolvedSpec,
  summary: readonly SummaryRow[],
  cells: readonly Cell[],
  registry: Registry = builtIns,
): string[] {
  const warnings: string[] = [];
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const undefended = summary.find((row) => row.defense === 'none');
  if (undefended) {
    const { mean, low } = undefended.accuracy;
    if ((low ?? mean) <= undefended.majority) {
      warnings.push(
        `without defense ${undefended.bestAttack} names ${percent(mean)} of packets right, not clearly more than always naming the commonest device (${percent(undefended.majority)}): this run proves nothing about defenses`,
      );
    }
  } else {
    warnings.push('the run has no defense "none", so no drop can be stated');
  }
  for (const row of summary) {
    const added = paddedBeyond(spec, row.defense, registry);
    if (added !== null) {
      warnings.push(
        `${row.defense} pads frames to ${added.size} bytes, more than fit a packet of the tunnel, so that most become two; ${added.fits} bytes fill one`,
      );
    }
  }
  const lossy = new Set(cells.filter((cell) => cell.cost.dropped > 0).map((cell) => cell.defense));
  for (const defense of lossy) warnings.push(`${defense} loses real packets`);
  warnings.push(...liveWarnings(cells));
  if (spec.seeds === 1 && spec.defenses.some(({ label }) => label !== 'none')) {
    warnings.push(
      'one seed: intervals cover the choice of test time, not the chance in defense and training (--seeds 3)',
    );
  }
  const known = new Set(cells.flatMap((cell) => Object.keys(cell.presence?.perDevice ?? {})));
  const heldOut = new Set(cells.flatMap((cell) => Object.keys(cell.openWorld?.perUnknown ?? {})));
  if (typeof spec.unknown === 'number' && known.size > 0) {
    const all = new Set([...known, ...heldOut]);
    const needed = Math.ceil(all.size / spec.unknown);
    if (spec.seeds < needed) {
      warnings.push(
        `open world: ${heldOut.size} of ${all.size} devices were held out, and how well a device is noticed differs much (--seeds ${needed} holds out each)`,
      );
    }
  }
  const classes = Object.keys(cells[0]?.identification.perDevice ?? {});
  const absent = classes.filter((device) => cells.some((cell) => cell.identification.perDevice[device]?.support === 0));
  if (absent.length > 0) warnings.push(`no packet of ${absent.join(', ')} is scored in some cells`);
  return warnings;
}

/** Seconds: a message that is later than that by the home's clock is out of its place. */
const LATE = 1;

/** Seconds: frames of a tunnel that are later than that, by the home's clock, show what the machine does. */
const LATE_FRAME = 0.1;

/** Warns if live traffic is less than it should be: packets lost, connections failed, messages or frames late. */
function liveWarnings(cells: readonly Cell[]): string[] {
  const warnings = new Set<string>();
  for (const { defense, seed, live } of cells) {
    if (!live) continue;
    const where = `live, ${defense}, seed ${seed}`;
    const { lost, connections, late, tunnel, problems, speed } = live;
    if (lost > 0) warnings.add(`${where}: the captures lost ${lost} packets`);
    if (connections.failed > 0) {
      warnings.add(
        `${where}: ${connections.failed} of ${connections.opened} connections failed: ${problems.join('; ')}`,
      );
    }
    if ((late.p95 ?? 0) > LATE) {
      warnings.add(
        `${where}: one message in twenty was sent more than ${late.p95!.toFixed(1)} s late; a --speed of less than ${speed} helps`,
      );
    }
    if (tunnel && (tunnel.late.p95 ?? 0) > LATE_FRAME) {
      const late = `${Math.round(tunnel.late.p95! * 1000)} ms`;
      warnings.add(
        `${where}: one frame of the tunnel in twenty left more than ${late} late, which an observer may use; a --speed of less than ${speed} helps`,
      );
    }
    if (tunnel && tunnel.stalls > 0) {
      warnings.add(
        `${where}: the tunnel's plan had to be moved ${tunnel.stalls} times; a --speed of less than ${speed} helps`,
      );
    }
  }
  return [...warnings];
}
