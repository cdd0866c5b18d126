import type { Attack } from '../../learning/attack.js';
import type { PluginFile, ResolvedDefense, ResolvedPlugin } from '../../result/result.js';
import { type AppliedDefense, type Defense, prepareDefense, type Training } from '../../shaping/shaper.js';
import { suggestion, UsageError } from '../../shared/errors.js';
import { type ParameterSchema, parseRequest, resolveParameters } from '../../shared/parameters.js';
import type { View } from '../../view/view.js';
import { attacks, defenses, views } from './built-ins.js';

export { attacks, defenses, views };

/** The plug-ins that a run may name: those built in and those added. */
export interface Registry {
  readonly attacks: readonly Attack[];
  readonly defenses: readonly Defense[];
  readonly views: readonly View[];
  /** Files and packages of the added plug-ins. */
  readonly files: readonly PluginFile[];
}

export const builtIns: Registry = { attacks, defenses, views, files: [] };

/**
 * Returns `registry` with more plug-ins; see loadPlugins for those in files.
 * @throws UsageError if two of a kind have one name
 */
export function addPlugins(added: Partial<Registry>, registry: Registry = builtIns): Registry {
  const merged = {
    attacks: [...registry.attacks, ...(added.attacks ?? [])],
    defenses: [...registry.defenses, ...(added.defenses ?? [])],
    views: [...registry.views, ...(added.views ?? [])],
    files: [...registry.files, ...(added.files ?? [])],
  };
  checkDistinct('attack', merged.attacks, attacks);
  checkDistinct('defense', merged.defenses, defenses);
  checkDistinct('view', merged.views, views);
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

/** @throws UsageError that suggests the nearest name if none has this one */
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

/** Resolves `random-forest` or `random-forest:trees=50`. */
export function resolveAttack(text: string, registry: Registry = builtIns): ResolvedPlugin {
  return resolvePlugin('attack', registry.attacks, text);
}

/** Resolves `napt`, `vpn` or `vpn:tunnel=openvpn`. */
export function resolveView(text: string, registry: Registry = builtIns): ResolvedPlugin {
  return resolvePlugin('view', registry.views, text);
}

/** Lists the parts of a defense that are tunnels. */
export function tunnelsAmong(parts: readonly ResolvedPlugin[], registry: Registry): ResolvedPlugin[] {
  return parts.filter((part) => defenseOf(part, registry).tunnel);
}

/**
 * Resolves `pad:rule=mtu`, or several defenses applied in order: `pad:rule=mtu+jitter`. A plus sign inside a number (1e+3) joins nothing.
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

export const attackOf = (plugin: Pick<ResolvedPlugin, 'name'>, registry: Registry): Attack =>
  findPlugin('attack', registry.attacks, plugin.name);
export const defenseOf = (plugin: ResolvedPlugin, registry: Registry): Defense =>
  findPlugin('defense', registry.defenses, plugin.name);
export const viewOf = (plugin: ResolvedPlugin, registry: Registry): View =>
  findPlugin('view', registry.views, plugin.name);

/** Prepares the parts of a defense in their order, each from the same training traffic. */
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
