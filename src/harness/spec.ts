import { MIXES } from '../learning/build-windows.js';
import type { Adversary, ResolvedDefense, ResolvedPlugin, ResolvedSpec } from '../result/result.js';
import { anyOf, suggestion, UsageError } from '../shared/errors.js';
import { LABEL_WORDS, labellingOf } from '../trace/labels/label-file.js';
import { DUPLICATES, type Duplicates } from '../trace/read/duplicates.js';
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

/** What a run may be asked for. Everything has a default; with no `data` it runs on the synthetic home. */
export interface BenchRequest {
  /** Capture files and folders. */
  data?: readonly string[];
  /** Captures to train and to test on, in place of splitting `data`. */
  train?: readonly string[];
  test?: readonly string[];
  /** A CSV or YAML file of addresses and devices, or a word of labellingOf: 'file', 'folder', 'folder=2', 'folder=top'. */
  labels?: string;
  /** Whether packets that the captures hold twice are counted; dropped by default. */
  duplicates?: Duplicates;
  split?: 'auto' | 'time' | 'file';
  /** Share of the packets (or of each device's files) to train on. */
  trainShare?: number;
  /** Of the synthetic home. */
  hours?: number;
  /** A file of device profiles (`homeveil home fit`) to generate it from, in place of the invented devices. */
  profiles?: string;
  view?: string;
  mix?: string;
  attacks?: readonly string[];
  defenses?: readonly string[];
  adversaries?: readonly string[];
  /** Devices held out from training: names, or how many of them (also as one name that is a number). */
  unknown?: number | readonly string[];
  seeds?: number;
  seed?: number;
  window?: number;
  stride?: number;
  port?: string;
  minimumPackets?: number;
  /** Mbit/s of the link behind the shaper. */
  capacity?: number;
  /** An attack trains on evenly spaced windows that hold at most so many packets. */
  maximumTrainPackets?: number;
  /** Traffic is made over real sockets in network namespaces, and defended and captured there, in place of simulated. */
  live?: boolean;
  /** Of live traffic: seconds of the home's clock in one of the world's. */
  speed?: number;
  /** Less data, for a first look: fewer hours of the synthetic home, at most 60,000 packets to train on. */
  quick?: boolean;
}

const ADVERSARIES: readonly Adversary[] = ['static', 'adaptive'];
/** Trained on one defense, tested on each other. */
const TRANSFER = 'transfer';

/** What runs when no defense is named: enough to see what padding and jitter change, and at what price. */
const DEFAULT_DEFENSES = ['none', 'pad:rule=mtu', 'pad:rule=random', 'jitter'];

/** What a training may be asked for: a run of one attack that knows its one defense. */
export interface TrainRequest extends Omit<BenchRequest, 'attacks' | 'defenses' | 'adversaries' | 'seeds' | 'unknown'> {
  attack?: string;
  /** Of the traffic to train on; none by default. */
  defense?: string;
}

/**
 * Checks a request for a training and writes out every default. A `trainShare` of 1 trains on all data, without a test part.
 * @throws as {@link resolveSpec}; UsageError for an attack whose models cannot be saved
 */
export function resolveTraining(
  { attack, defense = 'none', ...request }: TrainRequest,
  registry: Registry = builtIns,
): ResolvedSpec {
  const attacks = attack === undefined ? undefined : [attack];
  const spec = resolve({ ...request, attacks, defenses: [defense], adversaries: ['adaptive'] }, registry, true);
  const { name, open } = attackOf(spec.attacks[0]!, registry);
  if (!open) throw new UsageError(`attack ${name}: its models cannot be saved`);
  return spec;
}

/**
 * Checks a request and writes out every default.
 * @throws UsageError for what does not exist, does not fit together or is out of range.
 */
export function resolveSpec(request: BenchRequest, registry: Registry = builtIns): ResolvedSpec {
  return resolve(request, registry, false);
}

function resolve(request: BenchRequest, registry: Registry, mayTrainOnAll: boolean): ResolvedSpec {
  const quick = request.quick ?? false;
  const window = integer('--window', request.window ?? 100, 2, 65_535);
  const seed = integer('--seed', request.seed ?? 1, 0, Number.MAX_SAFE_INTEGER);
  const data = resolveData(request, seed, quick);
  const view = resolveView(request.view ?? 'napt', registry);
  const asked = request.adversaries ?? ADVERSARIES;
  const adversaries = asked.filter((name) => name !== TRANSFER);
  if (adversaries.length === 0) throw new UsageError('--adversary: expected static or adaptive beside transfer');
  const defenses = distinct(
    'defense',
    (request.defenses ?? DEFAULT_DEFENSES).map((text) => resolveDefense(text, registry)),
  );
  checkTunnels(view, defenses, registry);
  const live = resolveLive(request, view, registry);
  return {
    plugins: registry.files,
    data,
    split: resolveSplit(request, data, mayTrainOnAll),
    view,
    mix: oneOf('--mix', request.mix ?? 'home', MIXES),
    attacks: distinct(
      'attack',
      (request.attacks ?? ['random-forest']).map((text) => resolveAttack(text, registry)),
    ),
    defenses,
    adversaries: [
      ...new Set(adversaries.map((name) => oneOf('--adversary', name, [...ADVERSARIES, TRANSFER]))),
    ] as Adversary[],
    ...(asked.includes(TRANSFER) ? { transfer: true } : {}),
    ...(request.unknown === undefined ? {} : { unknown: resolveUnknown(request.unknown) }),
    seeds: integer('--seeds', request.seeds ?? 1, 1, 1000),
    seed,
    window,
    stride: integer('--stride', request.stride ?? Math.ceil(window / 4), 1, 65_535),
    port: oneOf('--port', request.port ?? 'service', ['service', 'destination'] as const),
    minimumPackets: integer('--minimum-packets', request.minimumPackets ?? window, 1, Number.MAX_SAFE_INTEGER),
    maximumTrainPackets: resolveMaximum(request.maximumTrainPackets, quick),
    capacity: request.capacity === undefined ? null : positive('--capacity', request.capacity) * 1e6,
    ...(live && { live }),
  };
}

/** Faster than that, what processes and timers take is more of the home's time than what its devices do. */
const FASTEST = 100;

function resolveLive(request: BenchRequest, view: ResolvedPlugin, registry: Registry): ResolvedSpec['live'] {
  const { live = false, speed, capacity, unknown, train, split, labels } = request;
  if (!live) {
    if (speed !== undefined) throw new UsageError('--speed is for live traffic: it needs --live');
    return undefined;
  }
  const refuse = (option: string, why: string) => new UsageError(`${option} does not go with --live: ${why}`);
  if (capacity !== undefined) throw refuse('--capacity', 'the network of the lab has no bound');
  if (unknown !== undefined) throw refuse('--unknown', 'no device can be taken out of what was captured');
  if (train !== undefined || split === 'file' || (labels !== undefined && labellingOf(labels) !== null)) {
    throw refuse('a split by files', 'a home is played from its beginning to its end');
  }
  if (!viewOf(view, registry).live?.(view.parameters)) {
    const playable = registry.views.filter((one) => one.live).map(({ name }) => name);
    throw refuse(`--view ${view.label}`, `the lab has nothing like it; expected ${anyOf(playable)}`);
  }
  if (speed === undefined) return { speed: null };
  if (positive('--speed', speed) > FASTEST)
    throw new UsageError(`--speed: expected at most ${FASTEST}, found ${speed}`);
  return { speed };
}

/**
 * A tunnel starts at the gateway, so an observer who sits before it never meets one.
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

function resolveData(request: BenchRequest, seed: number, quick: boolean): ResolvedSpec['data'] {
  const { data, train, test, labels, duplicates, profiles } = request;
  if ((train === undefined) !== (test === undefined)) {
    throw new UsageError(`--${train ? 'train' : 'test'} needs --${train ? 'test' : 'train'} beside it`);
  }
  if (data && train) throw new UsageError('--data and --train/--test exclude each other');
  const paths = train && test ? [...train, ...test] : data;
  if (!paths) {
    if (labels !== undefined) throw new UsageError('--labels needs captures: --data, or --train and --test');
    if (duplicates !== undefined) throw new UsageError('--duplicates needs captures: --data, or --train and --test');
    const hours = positive('--hours', request.hours ?? (request.live ? 1 : quick ? 6 : 24));
    return { kind: 'synthetic', hours, seed, ...(profiles !== undefined && { profiles }) };
  }
  if (request.hours !== undefined)
    throw new UsageError('--hours is for the synthetic home, it does not go with captures');
  if (profiles !== undefined)
    throw new UsageError('--profiles is for the synthetic home, it does not go with captures');
  if (labels === undefined) {
    throw new UsageError(`captures need --labels: ${LABEL_WORDS}`);
  }
  // A mistake in the word is told before anything is read.
  labellingOf(labels);
  expectFiles(paths);
  const kept = duplicates !== undefined && oneOf('--duplicates', duplicates, DUPLICATES) === 'keep';
  return {
    ...{ kind: 'captures', paths, labels, train: train ?? null, test: test ?? null },
    ...(kept && { duplicates: 'keep' }),
  };
}

/** Where each file or folder is a device's own capture, a split in time of all together would make no sense. */
function resolveSplit(
  request: BenchRequest,
  data: ResolvedSpec['data'],
  mayTrainOnAll: boolean,
): ResolvedSpec['split'] {
  const share = request.trainShare ?? 0.6;
  if (!(share > 0 && (share < 1 || (mayTrainOnAll && share === 1)))) {
    const bound = mayTrainOnAll ? 'at most 1' : 'less than 1';
    throw new UsageError(`--train-share: expected more than 0 and ${bound}, found ${share}`);
  }
  const split = oneOf('--split', request.split ?? 'auto', ['auto', 'time', 'file'] as const);
  if (data.kind === 'captures' && data.train) {
    if (split !== 'auto') throw new UsageError('--split does not go with --train and --test: they are the split');
    return { by: 'paths', train: null };
  }
  if (split === 'file' && data.kind === 'synthetic') throw new UsageError('--split file needs captures');
  const isOfFolders = data.kind === 'captures' && labellingOf(data.labels)?.by === 'folder';
  const byFile = split === 'file' || (split === 'auto' && isOfFolders);
  return { by: byFile ? 'file' : 'time', train: share };
}

/** Whether there are such devices is known once the data is read. */
function resolveUnknown(asked: number | readonly string[]): number | readonly string[] {
  const [first, second] = typeof asked === 'number' ? [String(asked)] : asked;
  if (first === undefined)
    throw new UsageError('--unknown: expected names of devices, or how many of them, found none');
  if (second === undefined && Number.isFinite(Number(first))) {
    return integer('--unknown', Number(first), 1, Number.MAX_SAFE_INTEGER);
  }
  const names = asked as readonly string[];
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw new UsageError(`--unknown: "${twice}" is given twice`);
  return names;
}

function resolveMaximum(asked: number | undefined, quick: boolean): number | null {
  if (asked === undefined) return quick ? 60_000 : null;
  return integer('--maximum-train-packets', asked, 1, Number.MAX_SAFE_INTEGER);
}

export function integer(option: string, value: number, low: number, high: number): number {
  if (!Number.isInteger(value) || value < low || value > high) {
    const bound = high === Number.MAX_SAFE_INTEGER ? `at least ${low}` : `from ${low} to ${high}`;
    throw new UsageError(`${option}: expected a whole number, ${bound}, found ${value}`);
  }
  return value;
}

export function positive(option: string, value: number): number {
  if (!(Number.isFinite(value) && value > 0)) {
    throw new UsageError(`${option}: expected a number greater than 0, found ${value}`);
  }
  return value;
}

function oneOf<T extends string>(option: string, value: string, choices: readonly T[]): T {
  if ((choices as readonly string[]).includes(value)) return value as T;
  throw new UsageError(`${option}: expected ${anyOf(choices)}, found "${value}"${suggestion(value, choices)}`);
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
