import type { DefendedTrace } from '../shaping/account.js';
import type { AppliedDefense } from '../shaping/shaper.js';
import { type ShapeOptions, shapeAll } from '../shaping/simulate.js';
import { InputError, UsageError } from '../shared/errors.js';
import type { Trace } from '../trace/trace.js';
import type { View } from './views.js';

/** A view and its parameters, as resolved. */
export interface AppliedView {
  readonly view: View;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/**
 * What an observer sees of `trace` from a view, with defenses in place (none: the base that costs are relative to): the
 * packets that reach the observer, through the defenses in their order, then through the view's own tunnel, then over the
 * link. A defense that is itself a tunnel takes the place of the view's. Ground truth stays in `device` and `cover`; delay
 * and loss are counted from where packets enter the first defense.
 * @throws InputError where no packet of `trace` reaches the observer.
 * @throws UsageError for a tunnel under a view that lies before it.
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
  if (seen.packets === 0) {
    const why = trace.packets === 0 ? 'there are no packets' : `none of ${trace.packets} packets crosses the gateway`;
    throw new InputError(`view ${view.name}: ${why}; use the view lan, or check the labels`);
  }
  const own = tunnel ? null : view.tunnel(parameters);
  return shapeAll(seen, own ? [...defenses, own] : defenses, options);
}
