import type { Identifier } from '../learning/attack.js';
import { buildWindows, labelPackets, thinWindows } from '../learning/build-windows.js';
import { accuracyInterval, type BlockCounts, countBlocks } from '../learning/interval.js';
import { mostProbable, scoreIdentification } from '../learning/scores.js';
import { splitAt, splitValidation } from '../learning/split.js';
import { NO_CLASS, type Windows } from '../learning/windows.js';
import type { DefendedTrace } from '../shaping/account.js';
import { costOf } from '../shaping/cost.js';
import { UsageError } from '../shared/errors.js';
import type { OnProgress } from '../shared/progress.js';
import { createRng } from '../shared/rng.js';
import type { Trace } from '../trace/trace.js';
import { type AppliedView, observe } from '../view/observe.js';
import { hashTrace, loadDataset, type Parts, splitDataset } from './dataset.js';
import { describeEnvironment, describeTool } from './environment.js';
import { attackOf, defenseOf, viewOf } from './plugins.js';
import type { Adversary, Cell, ResolvedDefense, ResolvedPlugin, ResolvedSpec, Result } from './result.js';
import { type ScoredCell, summarize } from './summary.js';
import { sanityWarnings } from './warnings.js';

export interface RunOptions {
  /** Worker threads an attack may use, at least 1. */
  readonly threads: number;
  readonly onProgress?: OnProgress;
}

/** Share of the training part, at its end, that attacks with early stopping validate on. */
const VALIDATION_SHARE = 0.2;

/**
 * Runs every cell of `spec` (attack x defense x adversary x seed) and returns the result. Nothing is printed or written.
 * Same spec, same data, same machine: the same result but for `seconds`.
 * @throws UsageError, InputError
 */
export async function runBench(spec: ResolvedSpec, options: RunOptions): Promise<Result> {
  const { threads } = options;
  if (!Number.isInteger(threads) || threads < 1) {
    throw new UsageError(`--threads: expected a whole number, at least 1, found ${threads}`);
  }
  const view: AppliedView = { view: viewOf(spec.view), parameters: spec.view.parameters };
  const dataset = await loadDataset(spec, options.onProgress);
  // A stream that is neither a training nor a test one: which ports the gateway hands out changes no split.
  const seen = view.view.select(dataset.trace, createRng(spec.seed, 'split'));
  const parts = splitDataset(seen, spec);

  const scored = await runCells(spec, view, parts, options);
  const estimate = (runs: readonly BlockCounts[]) => accuracyInterval(runs, createRng(spec.seed, 'interval'));
  const summary = summarize(spec, scored, estimate);
  const cells = scored.map(({ cell }) => cell);
  const unseen = dataset.trace.packets - seen.packets;
  const { read, kept, dropped } = dataset.ingest;
  return {
    schemaVersion: 1,
    tool: describeTool(),
    environment: describeEnvironment(),
    spec,
    dataset: {
      name: dataset.name,
      sha256: hashTrace(seen),
      synthetic: dataset.synthetic,
      packets: seen.packets,
      devices: parts.devices,
      from: seen.packets > 0 ? seen.time[0]! : null,
      to: seen.packets > 0 ? seen.time[seen.packets - 1]! : null,
      ingest: {
        read,
        kept: kept - unseen,
        dropped: unseen > 0 ? { ...dropped, [`not seen in the ${spec.view.name} view`]: unseen } : dropped,
      },
    },
    cells,
    summary,
    warnings: [...dataset.warnings, ...parts.warnings, ...sanityWarnings(spec, summary, cells)],
  };
}

/** All cells, in the order seed, defense, attack, adversary. */
async function runCells(
  spec: ResolvedSpec,
  view: AppliedView,
  parts: Parts,
  { threads, onProgress }: RunOptions,
): Promise<ScoredCell[]> {
  const scored: ScoredCell[] = [];
  const total = spec.seeds * spec.defenses.length * spec.attacks.length * spec.adversaries.length;
  for (let seed = spec.seed; seed < spec.seed + spec.seeds; seed++) {
    const world = createWorld(spec, view, parts, seed);
    for (const defense of spec.defenses) {
      const shaped = world.defend(defense, 'test');
      const base = world.defend(UNDEFENDED, 'test').defended.trace;
      for (const attack of spec.attacks) {
        for (const adversary of spec.adversaries) {
          const detail = (what: string) => `${what} ${attack.label}, ${defense.label}, ${adversary}`;
          const report = (what: string, fraction: number) =>
            onProgress?.({ task: 'bench', detail: detail(what), done: scored.length + fraction, total, unit: 'cells' });
          report('defend', 0);
          const model = await world.fit(attack, adversary === 'static' ? null : defense, threads, (progress) =>
            report('fit', progress.total ? 0.8 * (progress.done / progress.total) : 0),
          );
          report('predict', 0.8);
          scored.push(await evaluate(spec, parts, shaped, base, { model, attack, defense, adversary, seed }));
        }
      }
    }
  }
  return scored;
}

interface Shaped {
  readonly defended: DefendedTrace;
  readonly seconds: number;
}

interface Model {
  readonly identifier: Identifier;
  readonly seconds: number;
  readonly windows: Pick<Windows, 'classes'>;
}

/** One seed's traffic and models; each is made once, when it is first asked for. */
interface World {
  defend(defense: ResolvedDefense, part: 'train' | 'test'): Shaped;
  /** Trains on traffic under `defense`, or on undefended traffic for null. */
  fit(attack: ResolvedPlugin, defense: ResolvedDefense | null, threads: number, onProgress: OnProgress): Promise<Model>;
}

const UNDEFENDED: ResolvedDefense = { label: 'none', parts: [] };

function createWorld(spec: ResolvedSpec, view: AppliedView, parts: Parts, seed: number): World {
  const shaped = new Map<string, Shaped>();
  const models = new Map<string, Promise<Model>>();

  const defend: World['defend'] = (defense, part) =>
    remember(shaped, `${part} ${defense.label}`, () => {
      const started = performance.now();
      const defenses = defense.parts.map((plugin) => ({ defense: defenseOf(plugin), parameters: plugin.parameters }));
      // A stream for each part: the adaptive adversary knows the defense, not its chance.
      const rng = createRng(seed, part, defense.label);
      const defended = observe(parts[part], view, defenses, { rng, capacity: spec.capacity });
      return { defended, seconds: secondsSince(started) };
    });

  const train = async (
    attack: ResolvedPlugin,
    defense: ResolvedDefense,
    threads: number,
    onProgress: OnProgress,
  ): Promise<Model> => {
    const { trace } = defend(defense, 'train').defended;
    const plugin = attackOf(attack);
    const { train, test: validation } = plugin.validates
      ? splitValidation(trace, VALIDATION_SHARE, spec.split.by === 'file' ? 'file' : 'time')
      : splitAt(trace, Number.POSITIVE_INFINITY);
    const coverClass = trace.cover.includes(1);
    const windowsOf = (part: Trace) => buildTraining(part, spec, view, parts.classes, coverClass);
    const started = performance.now();
    const windows = windowsOf(train);
    const identifier = await plugin.fit(windows, windowsOf(validation), {
      parameters: attack.parameters as never,
      rng: createRng(seed, 'attack', attack.label, defense.label),
      threads,
      onProgress,
    });
    return { identifier, seconds: secondsSince(started), windows };
  };

  return {
    defend,
    fit(attack, defense, threads, onProgress) {
      // `none` is no defense: both adversaries train on the same traffic, and are one.
      const known = defense === null || defense.parts.every((part) => part.name === 'none') ? UNDEFENDED : defense;
      return remember(models, `${attack.label} ${known.label}`, () => train(attack, known, threads, onProgress));
    },
  };
}

function buildTraining(
  trace: Trace,
  spec: ResolvedSpec,
  view: AppliedView,
  classes: readonly string[],
  coverClass: boolean,
): Windows {
  const { windows } = buildWindows(trace, {
    size: spec.window,
    stride: spec.stride,
    mix: mixOf(spec, view),
    port: spec.port,
    separateFiles: spec.split.by !== 'time',
    classes,
    coverClass,
  });
  return spec.maximumTrainPackets === null ? windows : thinWindows(windows, spec.maximumTrainPackets);
}

/** An observer who sees MAC addresses never has the packets of two devices in one window. */
function mixOf(spec: ResolvedSpec, { view }: AppliedView): ResolvedSpec['mix'] {
  return view.perDevice ? 'single' : spec.mix;
}

interface Trial {
  readonly model: Model;
  readonly attack: ResolvedPlugin;
  readonly defense: ResolvedDefense;
  readonly adversary: Adversary;
  readonly seed: number;
}

async function evaluate(
  spec: ResolvedSpec,
  parts: Parts,
  { defended, seconds }: Shaped,
  base: Trace,
  { model, attack, defense, adversary, seed }: Trial,
): Promise<ScoredCell> {
  const { trace } = defended;
  const view: AppliedView = { view: viewOf(spec.view), parameters: spec.view.parameters };
  const { windows, source } = buildWindows(trace, {
    size: spec.window,
    stride: spec.window,
    mix: mixOf(spec, view),
    port: spec.port,
    separateFiles: spec.split.by !== 'time',
  });
  const started = performance.now();
  const { classes } = model.windows;
  const predictions = mostProbable(await model.identifier.predict(windows), classes.length);
  const predictSeconds = secondsSince(started);

  const truthByRow = labelPackets(trace, source, parts.classes);
  // Back from streams to the order of time, which the blocks of the interval are cut in.
  const truth = new Uint16Array(trace.packets).fill(NO_CLASS);
  const predicted = new Uint16Array(trace.packets).fill(NO_CLASS);
  for (let row = 0; row < source.length; row++) {
    truth[source[row]!] = truthByRow[row]!;
    predicted[source[row]!] = predictions[row]!;
  }
  const identification = scoreIdentification({
    devices: parts.classes,
    classes,
    truth,
    predicted,
  });
  const blocks = countBlocks(truth, predicted);
  const { low, high } = accuracyInterval([blocks], createRng(seed, 'interval'));
  const cell: Cell = {
    attack: attack.label,
    defense: defense.label,
    params: defense.parts.map((part) => part.parameters),
    view: spec.view.label,
    mix: spec.mix,
    adversary,
    seed,
    identification: { ...identification, accuracyLow: low, accuracyHigh: high },
    cost: costOf(defended, base),
    insight: model.identifier.insight ?? null,
    seconds: { fit: model.seconds, predict: predictSeconds, defend: seconds },
  };
  return { cell, blocks };
}

/** The value of `key`, made on the first call. */
function remember<T>(values: Map<string, T>, key: string, make: () => T): T {
  let value = values.get(key);
  if (value === undefined) {
    value = make();
    values.set(key, value);
  }
  return value;
}

function secondsSince(started: number): number {
  return (performance.now() - started) / 1000;
}
