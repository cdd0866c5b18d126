import { labelOf } from '../result/label.js';
import type { ResolvedDefense, ResolvedPlugin, ResolvedSpec } from '../result/result.js';
import { TooManyFrames } from '../shaping/shaper.js';
import { mostFrames } from '../shaping/simulate.js';
import { isContained } from '../shared/errors.js';
import { formatBytes, formatCount } from '../shared/quantities.js';
import { createRng } from '../shared/rng.js';
import { observedSeconds } from '../trace/clock.js';
import { countCover, type Trace, takePackets } from '../trace/trace.js';
import { observe } from '../view/observe.js';
import { createLoader } from './dataset.js';
import { openRun } from './jobs/open-run.js';
import { countCells, isCell } from './jobs/plan.js';
import type { SettingData } from './jobs/run-job.js';
import { measure } from './measure.js';
import { scoreModel } from './observer/evaluate.js';
import { builtIns, prepareAll } from './plugins/registry.js';
import { createSeedRun, type RunOptions, type SeedRun, secondsSince, UNDEFENDED } from './seed-run.js';

/** Time, memory and disk space that running a setting would take. */
export interface Estimate {
  readonly cells: number;
  /** How many of these are kept from an earlier run. */
  readonly kept: number;
  /** Seconds of one thread, without reading; 0 if all cells are kept. */
  readonly seconds: number;
  /** Seconds that live traffic takes to play, however many threads there are; 0 for simulated. */
  readonly playing: number;
  /** Warnings to read before it is run, one line each. */
  readonly warnings: readonly string[];
  /** The reason why no cell can be run; null if they can. */
  readonly failure: string | null;
}

/** Windows in the smaller of two trainings. The other has all windows; from both follows the time of one more packet. */
const TRIAL_WINDOWS = 64;

/** Seconds after which a trial is cut short. Its whole time is then estimated from its progress. */
const TRIAL_SECONDS = 2;

/** Packets on which a defense and a model are tried. */
const TRIAL_PACKETS = 20_000;

/** Stretches of time from which these packets come: where packets are rare, there is more cover to each. */
const TRIAL_STRETCHES = 4;

/** Frames after which the trial of a defense ends. */
const TRIAL_FRAMES = 2_000_000;

/**
 * Reads the data of each spec, tries each attack and defense on a little of it, and estimates how long all of it would take. It assumes
 * that time grows with the number of frames, and cover with the observed time. This is rough for trees, whose time grows a little faster,
 * and for networks that stop early.
 */
export async function estimateAll(specs: readonly ResolvedSpec[], options: RunOptions): Promise<Estimate[]> {
  const load = createLoader(specs, options);
  // An attack takes about the same time for a packet in every setting, so the first setting is enough.
  const tryAttack = once(({ attack, setting }: { attack: ResolvedPlugin; setting: SettingData }) => [
    `${attack.label} ${setting.spec.window}`,
    () => timeAttack(setting, attack, options),
  ]);
  const tryMeasure = once((setting: SettingData) => ['', () => timeMeasure(setting, options)]);
  const estimates: Estimate[] = [];
  for (const spec of specs) {
    const opened = await openRun(spec, load, options).catch((error: unknown) => {
      if (options.signal?.aborted || !isContained(error)) throw error;
      return error;
    });
    if (opened instanceof Error) {
      estimates.push({ cells: 0, kept: 0, seconds: 0, playing: 0, warnings: [], failure: opened.message });
      continue;
    }
    const { setting, jobs } = opened;
    const warnings = new Set(opened.run.warnings);
    const left = jobs.reduce((sum, { items }) => sum + items.filter(isCell).length, 0);
    options.onProgress?.({
      task: 'trial',
      detail: labelOf(spec),
      done: estimates.length,
      total: specs.length,
      unit: 'settings',
    });
    let seconds = 0;
    if (setting) {
      const { parts } = setting;
      const tryDefense = once((defense: ResolvedDefense) => [
        defense.label,
        () => timeDefense(setting, defense, options),
      ]);
      const most = spec.maximumTrainPackets ?? Number.POSITIVE_INFINITY;
      for (const { model, items } of jobs) {
        if (!model) {
          const defended = await tryDefense(items[0]!.defense);
          seconds += defended(parts.train).seconds + defended(parts.test).seconds + (await tryMeasure(setting));
          continue;
        }
        const attack = await tryAttack({ attack: model.attack, setting });
        const train = (await tryDefense(model.trainedOn))(parts.train);
        seconds += train.seconds + attack.start + attack.perPacketFit * Math.min(train.frames, most);
        for (const { defense } of items) {
          const test = (await tryDefense(defense))(parts.test);
          seconds += test.seconds + test.frames * attack.perPacketPredict;
        }
      }
      for (const defense of new Set(jobs.flatMap(({ items }) => items.map((item) => item.defense)))) {
        const defended = await tryDefense(defense);
        const larger = [parts.train, parts.test].map(defended).find(({ frames }) => frames > mostFrames());
        if (!larger) continue;
        warnings.add(
          `${defense.label} would send about ${formatCount(larger.frames)} frames, ${formatBytes(larger.bytes)}, more than memory here has room for: its cells will be refused`,
        );
      }
    }
    // Undefended traffic is always played: it decides where traffic is cut into training and test part.
    const played = new Set([UNDEFENDED, ...spec.defenses].map(({ label }) => label));
    const playing = (setting?.recording?.seconds ?? 0) * played.size * spec.seeds;
    const cells = countCells(spec);
    estimates.push({ cells, kept: cells - left, seconds, playing, warnings: [...warnings], failure: null });
  }
  return estimates;
}

/** Makes the value of each name on the first call only. */
function once<A, T>(describe: (given: A) => [name: string, make: () => Promise<T>]): (given: A) => Promise<T> {
  const made = new Map<string, Promise<T>>();
  return (given) => {
    const [name, make] = describe(given);
    const value = made.get(name) ?? make();
    made.set(name, value);
    return value;
  };
}

/** Time and frames that simulating one part would come to. */
interface Simulation {
  readonly frames: number;
  readonly bytes: number;
  readonly seconds: number;
}

/** Tries a defense on stretches of the test part. The function returned estimates what the defense makes of any part. */
async function timeDefense(
  { spec, view, parts }: SettingData,
  defense: ResolvedDefense,
  { plugins = builtIns }: RunOptions,
): Promise<(part: Trace) => Simulation> {
  const few = stretchesOf(parts.test);
  const rng = createRng(spec.seed, 'estimate', defense.label);
  const applied = await prepareAll(defense, { trace: parts.train, rng }, plugins);
  const started = performance.now();
  const tried = tryFrames(
    () => observe(few, view, applied, { rng, capacity: spec.capacity, maximumFrames: TRIAL_FRAMES }).trace,
  );
  const perFrame = secondsSince(started) / Math.min(tried.frames, TRIAL_FRAMES);
  const observed = observedSeconds(few);
  return (part) => {
    const byPackets = part.packets / few.packets;
    const byTime = observed > 0 ? observedSeconds(part) / observed : byPackets;
    const frames = (tried.frames - tried.cover) * byPackets + tried.cover * byTime;
    return { frames, bytes: (tried.bytes / tried.frames) * frames, seconds: perFrame * Math.min(frames, mostFrames()) };
  };
}

/** Counts the frames of a simulation; if it was stopped, those that it would have had. */
function tryFrames(simulate: () => Trace): { frames: number; bytes: number; cover: number } {
  try {
    const trace = simulate();
    const bytes = trace.length.reduce((sum, length) => sum + length, 0);
    return { frames: trace.packets, bytes, cover: countCover(trace) };
  } catch (error) {
    if (!(error instanceof TooManyFrames)) throw error;
    return { ...error.expected, cover: error.expected.frames };
  }
}

/** Takes {@link TRIAL_PACKETS} packets in stretches, as a capture that was paused between them has them. */
function stretchesOf(trace: Trace): Trace {
  if (trace.packets <= TRIAL_PACKETS) return trace;
  const size = Math.floor(TRIAL_PACKETS / TRIAL_STRETCHES);
  const starts = Array.from({ length: TRIAL_STRETCHES }, (_, i) =>
    Math.floor((i * (trace.packets - size)) / (TRIAL_STRETCHES - 1)),
  );
  const rows = Uint32Array.from(
    { length: size * TRIAL_STRETCHES },
    (_, i) => starts[Math.floor(i / size)]! + (i % size),
  );
  const pauses = starts.slice(1).map((start, i) => {
    const before = starts[i]! + size;
    return { from: trace.time[before - 1]!, to: trace.time[start]!, before };
  });
  const gaps = [...(trace.gaps ?? []), ...pauses].sort((a, b) => a.to - b.to);
  return { ...takePackets(trace, rows), gaps };
}

async function timeAttack(setting: SettingData, attack: ResolvedPlugin, { plugins, threads }: RunOptions) {
  const { spec, view, parts } = setting;
  const few = takePackets(parts.test, firstRows(parts.test.packets));
  const trials = [];
  const all = Math.min(parts.train.packets, spec.maximumTrainPackets ?? Number.POSITIVE_INFINITY);
  // If there are no more packets than that, one trial is enough.
  for (const packets of new Set([Math.min(TRIAL_WINDOWS * spec.window, all), all])) {
    const seedRun = createSeedRun({ ...closed(spec), maximumTrainPackets: packets }, view, parts, spec.seed, plugins);
    // Loading code and starting threads happens once only, so it is not timed.
    if (trials.length === 0) await tryFit(seedRun, attack, threads);
    const { model, fit } = await tryFit(seedRun, attack, threads);
    const { seconds } = await scoreModel(model, few, parts.classes, spec.seed);
    trials.push({ packets, fit, predict: seconds });
  }
  const [a, b] = [trials[0]!, trials.at(-1)!];
  const perPacketFit = b.packets > a.packets ? Math.max(0, (b.fit - a.fit) / (b.packets - a.packets)) : 0;
  return {
    perPacketFit,
    start: Math.max(0, a.fit - perPacketFit * a.packets),
    perPacketPredict: b.predict / few.packets,
  };
}

/** Trains for a while; `fit` is the number of seconds that all of it would take. */
async function tryFit(seedRun: SeedRun, attack: ResolvedPlugin, threads: number) {
  const started = performance.now();
  const controller = new AbortController();
  let share = 1;
  const model = await seedRun.fit(attack, UNDEFENDED, {
    threads,
    signal: controller.signal,
    onProgress({ done, total }) {
      if (!total || done === 0 || controller.signal.aborted || secondsSince(started) < TRIAL_SECONDS) return;
      share = done / total;
      controller.abort();
    },
  });
  return { model, fit: model.seconds / share };
}

async function timeMeasure({ spec, view, parts }: SettingData, { plugins, threads }: RunOptions): Promise<number> {
  const seedRun = createSeedRun(closed(spec), view, parts, spec.seed, plugins);
  const started = performance.now();
  await measure(spec, view, parts, seedRun, UNDEFENDED, spec.seed, threads);
  return secondsSince(started);
}

/** An open world takes as long as a closed one, but a few packets may all be of devices that are held out. */
const closed = ({ unknown: _, ...spec }: ResolvedSpec): ResolvedSpec => spec;

const firstRows = (packets: number): Uint32Array =>
  Uint32Array.from({ length: Math.min(packets, TRIAL_PACKETS) }, (_, row) => row);
