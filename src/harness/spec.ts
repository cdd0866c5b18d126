import {
  type BenchRequest,
  benchRequest,
  checkRequest,
  countOrNames,
  type TrainRequest,
  trainRequest,
  type WindowsRequest,
  windowsRequest,
} from '../result/request.js';
import type { ResolvedDefense, ResolvedPlugin, ResolvedSpec } from '../result/result.js';
import { settingsOf } from '../result/spec.js';
import { anyOf, UsageError } from '../shared/errors.js';
import { LABEL_WORDS, labellingOf } from '../trace/labels/label-file.js';
import { expectFiles } from '../trace/read/paths.js';
import {
  attackOf,
  builtIns,
  type Registry,
  resolveAttack,
  resolveDefense,
  resolveView,
  tunnelsAmong,
  viewOf,
} from './plugins/registry.js';
import { appliedView, whyUnfit } from './setting.js';

export type { BenchRequest, TrainRequest };

/** A request that fits its schema. */
type Checked = ReturnType<typeof checkRequest<typeof benchRequest>>;

/**
 * Checks a request for a training and fills in every default. A `trainShare` of 1 trains on all data, without a test part.
 * @throws as {@link resolveSpec}; UsageError for an attack whose models cannot be saved
 */
export function resolveTraining(request: TrainRequest, registry: Registry = builtIns): ResolvedSpec {
  const spec = resolveOne(checkRequest(trainRequest, request), registry);
  const { name, open } = attackOf(spec.attacks[0]!, registry);
  if (!open) throw new UsageError(`attack ${name}: its models cannot be saved`);
  return spec;
}

/**
 * Checks a request for the windows of an attack and fills in every default. A `trainShare` of 1 takes all data for training.
 * @throws as {@link resolveSpec}
 */
export function resolveWindows(request: WindowsRequest, registry: Registry = builtIns): ResolvedSpec {
  return resolveOne(checkRequest(windowsRequest, request), registry);
}

function resolveOne(request: ReturnType<typeof checkRequest<typeof trainRequest>>, registry: Registry): ResolvedSpec {
  const { attack, defense, trainShare, ...rest } = request;
  const one = checkRequest(benchRequest, {
    ...rest,
    attacks: [attack],
    defenses: [defense],
    adversaries: ['adaptive'],
  });
  return resolve({ ...one, trainShare }, registry);
}

/**
 * Checks a request and fills in every default.
 * @throws UsageError for values that do not exist, do not fit together or are out of range
 */
export function resolveSpec(request: BenchRequest, registry: Registry = builtIns): ResolvedSpec {
  return resolve(checkRequest(benchRequest, request), registry);
}

function resolve(request: Checked, registry: Registry): ResolvedSpec {
  const { unknown, capacity } = request;
  const data = resolveData(request);
  const view = resolveView(request.view, registry);
  const adversaries = new Set(request.adversaries);
  const transfer = adversaries.delete('transfer');
  if (adversaries.size === 0) throw new UsageError('--adversary: expected static or adaptive beside transfer');
  const defenses = distinct(
    'defense',
    request.defenses.map((text) => resolveDefense(text, registry)),
  );
  checkTunnels(view, defenses, registry);
  const live = resolveLive(request, view, registry);
  return {
    plugins: registry.files,
    data,
    split: resolveSplit(request, data),
    view,
    attacks: distinct('attack', resolveAttacks(request, view, registry)),
    defenses,
    adversaries: [...adversaries] as ResolvedSpec['adversaries'],
    ...(transfer && { transfer }),
    ...(unknown !== undefined && { unknown: countOrNames(unknown) }),
    ...settingsOf(request),
    capacity: capacity && capacity * 1e6,
    ...(live && { live }),
  };
}

/** The name that stands for all attacks that are among the strongest, as far as the observer sees what they need. */
const STRONGEST = 'strongest';

function resolveAttacks(request: Checked, view: ResolvedPlugin, registry: Registry): ResolvedPlugin[] {
  const applied = appliedView({ view }, registry);
  const strongest = registry.attacks
    .filter((attack) => attack.isAmongStrongest)
    .map(({ name }) => resolveAttack(name, registry))
    .filter(({ name, parameters }) => whyUnfit(attackOf({ name }, registry), parameters, request, applied) === null);
  return request.attacks.flatMap((text) => (text.trim() === STRONGEST ? strongest : [resolveAttack(text, registry)]));
}

function resolveLive(request: Checked, view: ResolvedPlugin, registry: Registry): ResolvedSpec['live'] {
  const { live, speed, capacity, unknown, train, split, gap, labels } = request;
  if (!live) {
    if (speed !== undefined) throw new UsageError('--speed is for live traffic: it needs --live');
    return undefined;
  }
  const refuse = (option: string, why: string) => new UsageError(`${option} does not go with --live: ${why}`);
  if (capacity !== null) throw refuse('--capacity', 'the network of the lab has no bound');
  if (unknown !== undefined) throw refuse('--unknown', 'no device can be taken out of captured traffic');
  if (gap !== undefined) throw refuse('--gap', 'the parts of captured traffic meet at the cut');
  if (train !== undefined || split === 'file' || (labels !== undefined && labellingOf(labels) !== null)) {
    throw refuse('a split by files', 'a home is played from its beginning to its end');
  }
  if (!viewOf(view, registry).live?.(view.parameters)) {
    const playable = registry.views.filter((one) => one.live).map(({ name }) => name);
    throw refuse(`--view ${view.label}`, `the lab has nothing like it; expected ${anyOf(playable)}`);
  }
  return { speed: speed ?? null };
}

/**
 * Checks that no tunnel is in the way of an observer inside the home: a tunnel starts at the gateway.
 * @throws UsageError
 */
export function checkTunnels(view: ResolvedPlugin, defenses: readonly ResolvedDefense[], registry: Registry): void {
  if (!viewOf(view, registry).perDevice) return;
  const parts = defenses.flatMap((defense) => defense.parts);
  const [tunnel] = tunnelsAmong(parts, registry);
  if (tunnel) {
    throw new UsageError(
      `defense ${tunnel.name}: a tunnel starts at the gateway, where the ${view.name} view does not reach; expected --view napt or vpn`,
    );
  }
}

function resolveData(request: Checked): ResolvedSpec['data'] {
  const { data, train, test, labels, duplicates, hours, profiles, seed, live, quick } = request;
  if ((train === undefined) !== (test === undefined)) {
    throw new UsageError(`--${train ? 'train' : 'test'} needs --${train ? 'test' : 'train'} beside it`);
  }
  if (data && train) throw new UsageError('--data and --train/--test exclude each other');
  const paths = train && test ? [...train, ...test] : data;
  if (!paths) {
    if (labels !== undefined) throw new UsageError('--labels needs captures: --data, or --train and --test');
    if (duplicates !== undefined) throw new UsageError('--duplicates needs captures: --data, or --train and --test');
    return {
      kind: 'synthetic',
      hours: hours ?? (live ? 1 : quick ? 6 : 24),
      seed,
      ...(profiles !== undefined && { profiles }),
    };
  }
  if (hours !== undefined) throw new UsageError('--hours is for the synthetic home, it does not go with captures');
  if (profiles !== undefined)
    throw new UsageError('--profiles is for the synthetic home, it does not go with captures');
  if (labels === undefined) {
    throw new UsageError(`captures need --labels: ${LABEL_WORDS}`);
  }
  expectFiles(paths);
  return {
    ...{ kind: 'captures', paths, labels, train: train ?? null, test: test ?? null },
    ...(duplicates === 'keep' && { duplicates }),
  };
}

function resolveSplit({ split, trainShare, gap }: Checked, data: ResolvedSpec['data']): ResolvedSpec['split'] {
  if (data.kind === 'captures' && data.train) {
    if (split !== 'auto') throw new UsageError('--split does not go with --train and --test: they are the split');
    if (gap !== undefined) throw new UsageError('--gap does not go with --train and --test: they are the split');
    return { by: 'paths', train: null };
  }
  if (split === 'file' && data.kind === 'synthetic') throw new UsageError('--split file needs captures');
  // If each file is one device's own capture, a split by time makes no sense.
  const isOfFolders = data.kind === 'captures' && labellingOf(data.labels)?.by === 'folder';
  const byFile = split === 'file' || (split === 'auto' && isOfFolders);
  if (gap !== undefined && byFile) throw new UsageError('--gap is for a split by time: expected --split time');
  if (gap !== undefined && trainShare === 1) {
    throw new UsageError('--gap is before a test part: expected --train-share less than 1');
  }
  return { by: byFile ? 'file' : 'time', train: trainShare, ...(gap !== undefined && { gap }) };
}

function distinct<T extends { readonly label: string }>(kind: string, plugins: readonly T[]): T[] {
  if (plugins.length === 0) throw new UsageError(`expected at least one ${kind}`);
  const labels = new Set<string>();
  for (const { label } of plugins) {
    if (labels.has(label)) throw new UsageError(`${kind} "${label}" is given twice`);
    labels.add(label);
  }
  return [...plugins];
}
