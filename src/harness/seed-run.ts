import type { Identifier } from '../learning/attack.js';
import { buildWindows, thinWindows, type WindowOptions } from '../learning/build-windows.js';
import { packetRange, splitAt, splitValidation } from '../learning/split.js';
import type { Windows } from '../learning/windows.js';
import type { ResolvedDefense, ResolvedPlugin, ResolvedSpec } from '../result/result.js';
import type { Observed } from '../shaping/account.js';
import type { AppliedDefense } from '../shaping/shaper.js';
import type { OnProgress } from '../shared/progress.js';
import { createRng } from '../shared/rng.js';
import { hasCover, type Trace } from '../trace/trace.js';
import { type AppliedView, observe } from '../view/observe.js';
import type { Cache } from './cache.js';
import type { TrainTest } from './dataset.js';
import { findThreshold, holdOut } from './observer/open-world.js';
import { attackOf, builtIns, prepareAll, type Registry } from './plugins/registry.js';
import type { Recording, RecordTraffic } from './recording.js';
import { checkSights, type TrainWindowing, windowingOf } from './setting.js';

/** Options of a run besides its spec. */
export interface RunOptions {
  /** The plug-ins that the spec was resolved with; by default those that are built in. */
  readonly plugins?: Registry;
  /** The cache of finished cells; by default none. */
  readonly cache?: Cache;
  /** Threads, at least 1: of an attack, or of all workers together if there are several. */
  readonly threads: number;
  /**
   * Cells at a time, each in a thread of its own; 1 by default. For more, plug-ins have to be built in or of files, as loadPlugins
   * gives them: what a program has added itself stays in its own thread.
   */
  readonly workers?: number;
  /** Bytes that the process may take; beyond, fewer jobs run at a time. By default 70 % of the machine's memory. */
  readonly memory?: number;
  readonly onProgress?: OnProgress;
  /** Receives warnings, which the user should know but need not act on: one line, without a full stop. */
  readonly onWarning?: (message: string) => void;
  /** Once aborted, an attack that learns in rounds ends with the best model it has. */
  readonly signal?: AbortSignal;
  /** Records live traffic, for specs that ask for it. */
  readonly record?: RecordTraffic;
}

/** Share of the training part, at its end, on which attacks with early stopping validate and an open world sets its threshold. */
const VALIDATION_SHARE = 0.2;

interface Shaped {
  readonly defended: Observed;
  readonly seconds: number;
}

export interface Model {
  readonly identifier: Identifier;
  /** Columns of its probabilities: the devices, then 'cover' if there was cover to learn. */
  readonly classes: readonly string[];
  /** The device with most training packets, which is the answer for packets that the identifier gives no device. */
  readonly commonest: number;
  /** The certainty below which a packet is called unknown, in an open world; else null. */
  readonly threshold: number | null;
  /** The windows that it was trained on, and has to be asked with. */
  readonly windowing: TrainWindowing;
  readonly seconds: number;
}

/** Traffic of one seed, and the models trained on it. */
export interface SeedRun {
  /** Training and test part; in an open world the training part lacks the devices that this seed holds out. */
  readonly parts: TrainTest;
  /** Returns a part under a defense. Keeps it until another defense is asked for, and always keeps the part without defense. */
  defend(defense: ResolvedDefense, part: 'train' | 'test'): Promise<Shaped>;
  /** Returns the same, for an attack. @throws InputError where it lacks what the attack asks for */
  show(attack: ResolvedPlugin, defense: ResolvedDefense, part: 'train' | 'test'): Promise<Shaped>;
  /** Trains on traffic under `defense`. */
  fit(attack: ResolvedPlugin, defense: ResolvedDefense, options: FitOptions): Promise<Model>;
}

type FitOptions = Pick<RunOptions, 'threads' | 'onProgress' | 'onWarning' | 'signal'>;

export const UNDEFENDED: ResolvedDefense = { label: 'none', parts: [] };

/**
 * @param whole of all devices
 * @param recording of traffic that takes the place of simulated
 * @throws as holdOut
 */
export function createSeedRun(
  spec: ResolvedSpec,
  view: AppliedView,
  whole: TrainTest,
  seed: number,
  registry: Registry = builtIns,
  recording: Omit<Recording, 'seconds'> | null = null,
): SeedRun {
  const parts = holdOut(whole, spec, seed);
  const prepared = new Map<string, Promise<readonly AppliedDefense[]>>();
  const shaped = { train: new Map<string, Promise<Shaped>>(), test: new Map<string, Promise<Shaped>>() };

  // A defense learns from undefended traffic of the training part, whichever part it is then applied to. The home that it protects has
  // all devices, also those that the observer has never met.
  const prepare = (defense: ResolvedDefense) =>
    remember(prepared, defense.label, () =>
      prepareAll(defense, { trace: whole.train, rng: createRng(seed, 'prepare', defense.label) }, registry),
    );

  const defend: SeedRun['defend'] = (defense, part) => {
    for (const label of shaped[part].keys()) {
      if (label !== UNDEFENDED.label && label !== defense.label) shaped[part].delete(label);
    }
    return remember(shaped[part], defense.label, async () => {
      if (recording) {
        const defended = await recording.observe(seed, defense, part);
        return { defended, seconds: recording.figures(seed, defense).seconds };
      }
      const defenses = await prepare(defense);
      const started = performance.now();
      // Each part has a random stream of its own: the adaptive adversary knows the defense, but not its random numbers.
      const rng = createRng(seed, part, defense.label);
      const defended = observe(parts[part], view, defenses, { rng, capacity: spec.capacity });
      return { defended, seconds: secondsSince(started) };
    });
  };

  const show: SeedRun['show'] = async (attack, defense, part) => {
    const plugin = attackOf(attack, registry);
    const source = spec.data.kind === 'synthetic' ? 'the synthetic home does' : 'the captures do';
    checkSights(plugin, parts[part], `${source} not have`);
    const shaped = await defend(defense, part);
    const lost = recording ? 'recorded traffic does not have' : `the defense ${defense.label} hides`;
    checkSights(plugin, shaped.defended.trace, lost);
    return shaped;
  };

  return {
    parts,
    defend,
    show,
    async fit(attack, defense, options) {
      const plugin = attackOf(attack, registry);
      const cut = windowingOf(spec, view, attack, registry);
      const { trace } = (await show(attack, defense, 'train')).defended;
      const isOpen = parts.unknown !== undefined;
      const { train, test: end } =
        plugin.validates || isOpen
          ? splitValidation(trace, VALIDATION_SHARE, spec.split.by === 'file' ? 'file' : 'time')
          : splitAt(trace, Number.POSITIVE_INFINITY);
      const validation = plugin.validates ? end : packetRange(end, 0, 0);
      const coverClass = hasCover(trace);
      const windowsOf = (part: Trace, stride: number) =>
        trainingWindows(part, { ...cut, stride, classes: parts.classes, coverClass }, spec);
      const started = performance.now();
      const windows = windowsOf(train, cut.stride);
      const identifier = await plugin.fit(windows, windowsOf(validation, cut.step ?? cut.size), {
        parameters: attack.parameters as never,
        rng: createRng(seed, 'attack', attack.label, defense.label),
        ...options,
      });
      const joinsFlows = cut.joinsFlows && areOfOneDevice(windows, parts.classes.length);
      const commonest = commonestOf(windows.label, parts.classes.length);
      const { classes } = windows;
      const asked = { identifier, classes, windowing: { ...cut, joinsFlows } };
      const threshold = isOpen ? await findThreshold(asked, end) : null;
      return { ...asked, commonest, threshold, seconds: secondsSince(started) };
    },
  };
}

/** Share of the packets that must be of the device that has most of their stream. A capture may give a device two names for a while. */
const PURE = 0.99;

/** Tells whether streams are of one device each, cover aside. @param devices number of classes that are devices */
function areOfOneDevice({ streamEnds, label }: Windows, devices: number): boolean {
  const counts = new Uint32Array(devices);
  let [all, most, from] = [0, 0, 0];
  for (const to of streamEnds) {
    counts.fill(0);
    for (let row = from; row < to; row++) if (label[row]! < devices) counts[label[row]!]!++;
    for (const count of counts) all += count;
    most += Math.max(...counts);
    from = to;
  }
  return most >= PURE * all;
}

/** The windows that an attack learns from: fewer than there are where the run says so. */
export function trainingWindows(
  part: Trace,
  options: WindowOptions,
  { maximumTrainPackets }: Pick<ResolvedSpec, 'maximumTrainPackets'>,
): Windows {
  const { windows } = buildWindows(part, options);
  return maximumTrainPackets === null ? windows : thinWindows(windows, maximumTrainPackets);
}

function commonestOf(label: Uint16Array, devices: number): number {
  const counts = new Array<number>(devices).fill(0);
  for (const c of label) if (c < devices) counts[c]!++;
  return counts.indexOf(Math.max(...counts));
}

/** Returns the value of `key`, which the first call makes. */
function remember<T>(values: Map<string, T>, key: string, make: () => T): T {
  let value = values.get(key);
  if (value === undefined) {
    value = make();
    values.set(key, value);
  }
  return value;
}

export function secondsSince(started: number): number {
  return (performance.now() - started) / 1000;
}
