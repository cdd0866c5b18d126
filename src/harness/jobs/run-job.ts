import type { Cell, Metrics, ResolvedSpec, TransferCell } from '../../result/result.js';
import { costOf } from '../../shaping/cost.js';
import { isContained } from '../../shared/errors.js';
import type { OnProgress } from '../../shared/progress.js';
import type { AppliedView } from '../../view/observe.js';
import { type Cache, noCache } from '../cache.js';
import type { TrainTest } from '../dataset.js';
import { measure } from '../measure.js';
import { scoreAges } from '../observer/ages.js';
import { scoreModel } from '../observer/evaluate.js';
import { scorePresence } from '../observer/presence.js';
import { scoreWholeHome } from '../observer/whole-home.js';
import { attackOf, builtIns } from '../plugins/registry.js';
import type { Recording } from '../recording.js';
import { type Model, type RunOptions, type SeedRun, UNDEFENDED } from '../seed-run.js';
import type { ScoredCell } from '../summary.js';
import { itemKey, modelKey, type TrafficHashes } from './keys.js';
import { type CellItem, type Item, isCell, type Job, type TransferItem } from './plan.js';

/** The data that all jobs of a setting share. */
export interface SettingData {
  readonly spec: ResolvedSpec;
  readonly view: AppliedView;
  readonly parts: TrainTest;
  /** Hashes of the traffic. */
  readonly hashes: TrafficHashes;
  /** Recorded live traffic, which replaces simulated traffic. */
  readonly recording?: Recording;
}

/** A scored cell in JSON. */
export interface KeptCell {
  readonly cell: Cell;
  readonly correct: readonly number[];
  readonly total: readonly number[];
}

/** The value that an item comes to. */
export type ItemValue = KeptCell | TransferCell | Metrics;
export type Outcome = { readonly value: ItemValue } | { readonly failure: string };

/**
 * Runs the items of a job one after another, and keeps each value in the cache as soon as it is there. A failure becomes the item's
 * outcome, unless the request itself is at fault.
 * @param onProgress is told how many cells of the job are done
 */
export async function runJob(
  setting: SettingData,
  seedRun: SeedRun,
  job: Job,
  options: RunOptions,
): Promise<Outcome[]> {
  // No two recordings are the same, so their cells are not kept.
  const { cache = noCache, signal } = setting.recording ? { ...options, cache: noCache } : options;
  const outcomes: Outcome[] = [];
  let model: Promise<Model> | undefined;
  let done = 0;
  for (const item of job.items) {
    signal?.throwIfAborted();
    const report = (what: string, fraction: number, figures?: Readonly<Record<string, number>>) =>
      options.onProgress?.({
        task: 'bench',
        detail: `${what} ${describeItem(item)}`,
        done: done + fraction,
        unit: 'cells',
        figures,
      });
    const onFit: OnProgress = ({ done: part, total, figures }) =>
      report('fit', total ? 0.8 * (part / total) : 0, figures);
    const make = (): Promise<ItemValue> => {
      if (item.kind === 'metrics') {
        report('measure', 0);
        return measure(setting.spec, setting.view, seedRun.parts, seedRun, item.defense, item.seed, options.threads);
      }
      model ??= obtainModel(setting, seedRun, job, cache, { ...options, onProgress: onFit });
      return evaluate(setting, seedRun, item, model, () => report('predict', 0.8));
    };
    try {
      outcomes.push({ value: await cache.remember(itemKey(setting.spec, setting.hashes, item), make) });
    } catch (error) {
      if (signal?.aborted || !isContained(error)) throw error;
      outcomes.push({ failure: error.message });
    }
    if (isCell(item)) done++;
  }
  return outcomes;
}

function describeItem(item: Item): string {
  const { defense } = item;
  if (item.kind === 'metrics') return defense.label;
  const { attack } = item;
  return item.kind === 'cell'
    ? `${attack.label}, ${defense.label}, ${item.adversary}`
    : `${attack.label}, from ${item.trainedOn.label} to ${defense.label}`;
}

/** The part of a trained model that the attack's own file does not hold, as JSON. */
interface KeptModel extends Omit<Model, 'identifier'> {
  /** Base 64. */
  readonly onnx: string;
  readonly insight: Readonly<Record<string, number>> | null;
}

/** Opens the model of a job from the cache, or trains it, and keeps it if its attack says that this is worth it. */
async function obtainModel(
  { spec, hashes }: SettingData,
  seedRun: SeedRun,
  { seed, model: wanted }: Job,
  cache: Cache,
  options: RunOptions,
): Promise<Model> {
  const { attack, trainedOn } = wanted!;
  const { signal, threads, plugins = builtIns } = options;
  // An interrupted model is thrown away, so how far it got is no warning.
  const onWarning = (warning: string) => signal?.aborted || options.onWarning?.(warning);
  const train = () => untilAborted(seedRun.fit(attack, trainedOn, { ...options, onWarning }), signal);
  const plugin = attackOf(attack, plugins);
  const isKept = cache.folder !== null && plugin.open && plugin.keepsModels?.(attack.parameters as never);
  if (!isKept) return train();
  const key = modelKey(spec, hashes, wanted!, seed);
  const kept = cache.find<KeptModel>(key);
  if (kept) {
    const { onnx, insight, ...model } = kept;
    const where = `${cache.folder}: model of ${attack.label}`;
    const opened = await plugin.open!(Buffer.from(onnx, 'base64'), where, {
      classes: model.classes,
      threads,
      onWarning,
    });
    const predict: Model['identifier']['predict'] = (windows) => opened.predict(windows);
    return { ...model, identifier: { predict, ...(insight && { insight }) } };
  }
  const model = await train();
  const { identifier, ...rest } = model;
  if (identifier.save) {
    const onnx = Buffer.from(identifier.save().onnx).toString('base64');
    cache.keep<KeptModel>(key, { ...rest, onnx, insight: identifier.insight ?? null });
  }
  return model;
}

/** Throws if training was cut short: the attack then gives what it has, which must be neither scored nor kept. */
async function untilAborted(model: Promise<Model>, signal: AbortSignal | undefined): Promise<Model> {
  const trained = await model;
  signal?.throwIfAborted();
  return trained;
}

async function evaluate(
  { spec, parts, recording }: SettingData,
  seedRun: SeedRun,
  item: CellItem | TransferItem,
  trained: Promise<Model>,
  onFitted: () => void,
): Promise<KeptCell | TransferCell> {
  const { attack, defense, seed } = item;
  const model = await trained;
  onFitted();
  const { defended, seconds } = await seedRun.show(attack, defense, 'test');
  const { classes } = seedRun.parts;
  const scored = await scoreModel(model, defended.trace, classes, seed);
  const { predictions, truth, judged, identification, blocks, openWorld, inWindows } = scored;
  if (item.kind === 'transfer') {
    const { accuracy, balancedAccuracy, macroF1 } = identification;
    const [trainedOn, testedOn] = [item.trainedOn.label, defense.label];
    return { attack: attack.label, trainedOn, testedOn, seed, accuracy, balancedAccuracy, macroF1 };
  }
  const base = (await seedRun.defend(UNDEFENDED, 'test')).defended.trace;
  // Each seed of an open world trains on fewer devices, but all know the home until the same time.
  const training = recording ? (await seedRun.defend(UNDEFENDED, 'train')).defended.trace : parts.train;
  const cell: Cell = {
    attack: attack.label,
    defense: defense.label,
    params: defense.parts.map((part) => part.parameters),
    view: spec.view.label,
    mix: spec.mix,
    adversary: item.adversary,
    seed,
    identification,
    shown: shownTo(model.windowing),
    ...(inWindows && { inWindows }),
    presence: scorePresence(defended.trace, truth, predictions, classes, model.classes),
    ages: scoreAges(defended.trace.time, judged, base, training.time[training.packets - 1]!, seed),
    wholeHome: scoreWholeHome(defended.trace, truth, predictions, base, classes.length, model.classes.length),
    ...(openWorld && { openWorld }),
    cost: costOf(defended, base),
    ...(recording && { live: recording.figures(seed, defense) }),
    insight: model.identifier.insight ?? null,
    seconds: { fit: model.seconds, predict: scored.seconds, defend: seconds },
  };
  return { cell, correct: [...blocks.correct], total: [...blocks.total] };
}

function shownTo({ mix, size, unit = 'packets', sees = [] }: Model['windowing']): Cell['shown'] {
  return { streams: mix, size, unit, sees: [...sees] };
}

export const scoredCell = ({ cell, correct, total }: KeptCell): ScoredCell => ({
  cell,
  blocks: { correct: Float64Array.from(correct), total: Float64Array.from(total) },
});
