import type { DefendedTrace } from '../shaping/account.js';
import type { AppliedDefense } from '../shaping/shaper.js';
import { type ShapeOptions, shapeAll } from '../shaping/simulate.js';
import { InputError, UsageError } from '../shared/errors.js';
import type { Trace } from '../trace/trace.js';
import type { View } from './view.js';

/** A view with its parameters as resolved. */
export interface AppliedView {
  readonly view: View;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/**
 * Simulates what an observer sees of `trace` from a view, with defenses in place. Without any, this is the base that costs are relative to.
 * Packets pass the view's selection, then the defenses in their order, then the view's carrier, then the link. A defense that is
 * a tunnel replaces a carrier that is one, never a link layer. Ground truth stays in `device` and `cover`; delay and loss count from
 * where packets enter the first defense.
 * @throws InputError if no packet of `trace` reaches the observer.
 * @throws UsageError for a tunnel in a view from before the gateway.
 */
export function observe(
  trace: Trace,
  { view, parameters }: AppliedView,
  defenses: readonly AppliedDefense[],
  options: ShapeOptions,
): DefendedTrace {
  const tunnel = defenses.find(({ defense }) => defense.tunnel);
  if (tunnel && view.perDevice) {
    const { name } = tunnel.defense;
    throw new UsageError(
      `defense ${name}: a tunnel starts at the gateway, which the view ${view.name} lies before; use the view napt or vpn`,
    );
  }
  const seen = view.select(trace, options.rng.stream('view', view.name));
  if (seen.packets === 0) throw nothingSeen(trace, view);
  const carrier = view.carry?.(parameters) ?? null;
  const isReplaced = tunnel !== undefined && carrier?.defense.tunnel !== undefined;
  return shapeAll(seen, carrier && !isReplaced ? [...defenses, carrier] : defenses, options);
}

/** Says why a view shows no packet of `trace`. */
export function nothingSeen({ packets, flow, flows }: Trace, view: View): InputError {
  if (packets > 0 && flow.every((row) => flows.transport[row] === 0)) {
    return new InputError(
      `view ${view.name}: none of ${packets} packets shows an IP address, as in encrypted Wi-Fi, so none is known to cross the gateway; use the view lan`,
    );
  }
  const why = packets === 0 ? 'there are no packets' : `none of ${packets} packets crosses the gateway`;
  return new InputError(`view ${view.name}: ${why}; use the view lan, or check the labels`);
}
