import type { Attack, Cut } from '../learning/attack.js';
import { type Mix, missingSights, type WindowOptions } from '../learning/build-windows.js';
import { SIGHT_NAMES, type Sight } from '../learning/windows.js';
import type { ResolvedPlugin, ResolvedSpec } from '../result/result.js';
import { InputError } from '../shared/errors.js';
import type { ColumnName } from '../trace/seen.js';
import type { Trace } from '../trace/trace.js';
import type { AppliedView } from '../view/observe.js';
import { attackOf, builtIns, type Registry, viewOf } from './plugins/registry.js';

export function appliedView({ view }: Pick<ResolvedSpec, 'view'>, registry: Registry = builtIns): AppliedView {
  return { view: viewOf(view, registry), parameters: view.parameters };
}

/** How packets become windows: what training, testing and later use of a model must have in common. */
export interface Windowing extends Pick<WindowOptions, 'size' | 'mix' | 'port' | 'separateFiles' | 'unit' | 'sees'> {
  /** From one window of a prediction to the next, in `unit`; `size` by default. */
  readonly step?: number;
  /** Whether all answers about a flow are averaged. */
  readonly joinsFlows?: boolean;
  /** The unit that the attack answers about; packets by default. */
  readonly answers?: Attack['answers'];
}

/** The same, and how far apart the windows of the training are, in `unit`. */
export interface TrainWindowing extends Windowing {
  readonly stride: number;
}

type Setting = Pick<ResolvedSpec, 'window' | 'stride' | 'mix' | 'port' | 'split'>;

/** The windows of a run as it asks for them, for attacks that leave it to the run. */
export function windowing({ window, stride, mix, port, split }: Setting, { view }: AppliedView): TrainWindowing {
  return {
    size: window,
    // An observer who sees MAC addresses never has the packets of two devices in one window.
    mix: view.perDevice && mix === 'home' ? 'single' : mix,
    port,
    separateFiles: split.by !== 'time',
    stride,
  };
}

/**
 * The windows that an attack of a run gets.
 * @throws InputError where the observer cannot see what the attack needs
 */
export function windowingOf(
  spec: Setting & Pick<ResolvedSpec, 'observer'>,
  view: AppliedView,
  attack: ResolvedPlugin,
  registry: Registry = builtIns,
): TrainWindowing {
  const plugin = attackOf(attack, registry);
  const base = windowing(spec, view);
  const reason = whyUnfit(plugin, attack.parameters, spec, view);
  if (reason !== null) throw new InputError(`attack ${attack.name}: ${reason}`);
  const { streams, size = base.size, unit = 'packets', stride, step, joinsFlows } = cutOf(plugin, attack.parameters);
  const mix = streams?.find((one) => tellsApart(one, spec, view)) ?? base.mix;
  return {
    ...base,
    ...(plugin.sees && { sees: readBy(plugin, spec) }),
    ...(unit !== 'packets' && { unit }),
    ...(plugin.answers && { answers: plugin.answers }),
    ...(step !== undefined && { step }),
    ...(joinsFlows && mix === 'flow' && { joinsFlows }),
    mix,
    size,
    stride: stride ?? (size === base.size && unit === 'packets' ? base.stride : quarterOf(size, unit)),
  };
}

/** Says what an attack needs that the observer does not have; null where it has everything. */
export function whyUnfit(
  attack: Attack,
  parameters: ResolvedPlugin['parameters'],
  spec: Pick<ResolvedSpec, 'mix' | 'observer'>,
  view: AppliedView,
): string | null {
  const { name } = view.view;
  const { streams } = cutOf(attack, parameters);
  if (streams && !streams.some((mix) => tellsApart(mix, spec, view))) {
    return `needs ${streams.map((mix) => STREAM_NAMES[mix]).join(' or ')}, which the view ${name} does not tell apart`;
  }
  const needed = attack.sees?.find((sight) => sight !== 'names');
  if (needed && !showsFlows(view)) return `needs ${SIGHT_NAMES[needed]}, which the view ${name} does not show`;
  if (spec.observer !== 'paper' || !attack.sees?.includes('remote')) return null;
  return `needs ${SIGHT_NAMES.remote}, which the observer "paper" does not read`;
}

/** Those sights that an attack asks for and is shown: the observer "paper" reads no names, as no addresses. */
function readBy({ sees = [] }: Attack, { observer }: Pick<ResolvedSpec, 'observer'>): Sight[] {
  return sees.filter((sight) => sight !== 'names' || observer !== 'paper');
}

/** The columns that captures are read for, by the name of the attack of the run that sees them; only of attacks that see some. */
export function columnsByAttack(
  spec: Pick<ResolvedSpec, 'attacks' | 'observer'>,
  registry: Registry = builtIns,
): Readonly<Record<string, readonly ColumnName[]>> {
  const columns = spec.attacks.map(({ name }): [string, ColumnName[]] => [
    name,
    readBy(attackOf({ name }, registry), spec).filter((sight) => sight !== 'remote'),
  ]);
  return Object.fromEntries(columns.filter(([, asked]) => asked.length > 0));
}

/**
 * @param why ends the message: which ... does not have
 * @throws InputError where traffic lacks what the attack asks for
 */
export function checkSights({ name, sees = [] }: Attack, trace: Trace, why: string): void {
  const [missing] = missingSights(trace, sees);
  if (missing) throw new InputError(`attack ${name}: needs ${SIGHT_NAMES[missing]}, which ${why}`);
}

const STREAM_NAMES: Readonly<Record<Mix, string>> = {
  single: 'devices',
  flow: 'flows',
  remote: 'remote hosts',
  home: 'the home',
};

function cutOf(attack: Attack, parameters: ResolvedPlugin['parameters']): Cut {
  return attack.cut?.(parameters as never) ?? {};
}

function quarterOf(size: number, unit: 'packets' | 'seconds'): number {
  return unit === 'packets' ? Math.ceil(size / 4) : size / 4;
}

/** Whether the observer can cut traffic into such streams. A view within a tunnel shows one flow. */
function tellsApart(mix: Mix, spec: Pick<ResolvedSpec, 'mix'>, view: AppliedView): boolean {
  if (mix === 'home') return true;
  // A run may take it as given that each capture is of one device, as Dong et al. did.
  if (mix === 'single') return view.view.perDevice || spec.mix === 'single';
  return showsFlows(view);
}

function showsFlows({ view, parameters }: AppliedView): boolean {
  return !view.carry?.(parameters as never)?.defense.tunnel;
}
