import blstm from '../../../attacks/blstm.js';
import lstm from '../../../attacks/lstm.js';
import randomForest from '../../../attacks/random-forest.js';
import buflo from '../../../defenses/buflo.js';
import constantRate from '../../../defenses/constant-rate.js';
import dummy from '../../../defenses/dummy.js';
import front from '../../../defenses/front.js';
import jitter from '../../../defenses/jitter.js';
import maybenot from '../../../defenses/maybenot.js';
import morph from '../../../defenses/morph.js';
import netshaper from '../../../defenses/netshaper.js';
import noise from '../../../defenses/noise.js';
import none from '../../../defenses/none.js';
import pad from '../../../defenses/pad.js';
import regulator from '../../../defenses/regulator.js';
import split from '../../../defenses/split.js';
import spoof from '../../../defenses/spoof.js';
import stp from '../../../defenses/stp.js';
import tamaraw from '../../../defenses/tamaraw.js';
import vpn from '../../../defenses/vpn.js';
import vpnShaping from '../../../defenses/vpn-shaping.js';
import wtfPad from '../../../defenses/wtf-pad.js';
import type { Attack } from '../../learning/attack.js';
import type { PluginFile, ResolvedDefense, ResolvedPlugin } from '../../result/result.js';
import { type AppliedDefense, type Defense, prepareDefense, type Training } from '../../shaping/shaper.js';
import { suggestion, UsageError } from '../../shared/errors.js';
import { type ParameterSchema, parseRequest, resolveParameters } from '../../shared/parameters.js';
import { type View, views } from '../../view/views.js';

/** The built-in plug-ins, by kind, in the order in which they are listed. */
export const attacks: readonly Attack[] = [randomForest, lstm, blstm];
export const defenses: readonly Defense[] = [
  none,
  pad,
  split,
  morph,
  jitter,
  noise,
  dummy,
  spoof,
  vpn,
  vpnShaping,
  netshaper,
  constantRate,
  buflo,
  tamaraw,
  stp,
  wtfPad,
  front,
  regulator,
  maybenot,
];
export { views };

/** The attacks and defenses that a run may name. Made once, of what there is and what is added, and then passed along. */
export interface Registry {
  readonly attacks: readonly Attack[];
  readonly defenses: readonly Defense[];
  /** Where those come from that are not built in. */
  readonly files: readonly PluginFile[];
}

export const builtIns: Registry = { attacks, defenses, files: [] };

/**
 * `registry` and what is added to it; see loadPlugins for plug-ins in files.
 * @throws UsageError where two bear one name
 */
export function addPlugins(added: Partial<Registry>, registry: Registry = builtIns): Registry {
  const merged = {
    attacks: [...registry.attacks, ...(added.attacks ?? [])],
    defenses: [...registry.defenses, ...(added.defenses ?? [])],
    files: [...registry.files, ...(added.files ?? [])],
  };
  checkDistinct('attack', merged.attacks, attacks);
  checkDistinct('defense', merged.defenses, defenses);
  return merged;
}

function checkDistinct(kind: string, all: readonly Named[], builtIn: readonly Named[]): void {
  const names = new Set<string>();
  for (const { name } of all) {
    if (names.has(name)) {
      const whose = builtIn.some((one) => one.name === name) ? 'a built-in one' : 'another plug-in';
      throw new UsageError(`${kind} "${name}": ${whose} has this name; expected another`);
    }
    names.add(name);
  }
}

interface Named {
  readonly name: string;
  readonly parameters: ParameterSchema;
}

/** @throws UsageError with the nearest name where there is none of that name. */
export function findPlugin<T extends Named>(kind: string, known: readonly T[], name: string): T {
  const plugin = known.find((candidate) => candidate.name === name);
  if (plugin) return plugin;
  const names = known.map((candidate) => candidate.name);
  throw new UsageError(`no ${kind} is called "${name}"${suggestion(name, names)}; there is ${names.join(', ')}`);
}

function resolvePlugin(kind: string, known: readonly Named[], text: string): ResolvedPlugin {
  const request = parseRequest(text);
  const plugin = findPlugin(kind, known, request.name);
  const parameters = resolveParameters(plugin.parameters, request.given, `${kind} ${plugin.name}`);
  return { name: plugin.name, label: text.trim(), parameters };
}

/** `random-forest` or `random-forest:trees=50`. */
export function resolveAttack(text: string, registry: Registry = builtIns): ResolvedPlugin {
  return resolvePlugin('attack', registry.attacks, text);
}

/** `napt`, `vpn` or `vpn:tunnel=openvpn`. */
export function resolveView(text: string): ResolvedPlugin {
  return resolvePlugin('view', views, text);
}

/** Those of the parts of a defense that are tunnels themselves. */
export function tunnelsAmong(parts: readonly ResolvedPlugin[], registry: Registry): ResolvedPlugin[] {
  return parts.filter((part) => defenseOf(part, registry).tunnel);
}

/**
 * `pad:rule=mtu`, or several applied in order: `pad:rule=mtu+jitter`. A plus sign inside a number (1e+3) joins nothing.
 */
export function resolveDefense(text: string, registry: Registry = builtIns): ResolvedDefense {
  const parts = text.split(/\+(?=\s*[a-z])/i).map((part) => resolvePlugin('defense', registry.defenses, part));
  const tunnels = tunnelsAmong(parts, registry);
  if (tunnels.length > 1) {
    throw new UsageError(
      `defense "${text}": ${tunnels[0]!.name} and ${tunnels[1]!.name} are both tunnels; expected one`,
    );
  }
  return { label: parts.map((part) => part.label).join('+'), parts };
}

export const attackOf = (plugin: ResolvedPlugin, registry: Registry): Attack =>
  findPlugin('attack', registry.attacks, plugin.name);
export const defenseOf = (plugin: ResolvedPlugin, registry: Registry): Defense =>
  findPlugin('defense', registry.defenses, plugin.name);
export const viewOf = (plugin: ResolvedPlugin): View => findPlugin('view', views, plugin.name);

/** The parts of a defense in their order, each prepared from the same training traffic. */
export function prepareAll(
  { parts }: ResolvedDefense,
  { trace, rng }: Training,
  registry: Registry,
): Promise<AppliedDefense[]> {
  return Promise.all(
    parts.map((part, stage) =>
      prepareDefense(defenseOf(part, registry), part.parameters, { trace, rng: rng.stream(stage, part.name) }),
    ),
  );
}
