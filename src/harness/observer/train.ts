import type { Identifier } from '../../learning/attack.js';
import { FEATURE_COLUMNS } from '../../learning/model-input.js';
import { COVER, FEATURE_VERSION } from '../../learning/windows.js';
import { CARD_VERSION, type ModelCard } from '../../result/model-card.js';
import type { DatasetSummary, ResolvedSpec } from '../../result/result.js';
import { sha256 } from '../../shared/hash.js';
import { hashTrace } from '../../trace/hash-trace.js';
import type { Trace } from '../../trace/trace.js';
import { createLoader, nameOfPaths, openData, spanOf, type TrainTest } from '../dataset.js';
import { describeTool } from '../environment.js';
import { checkThreads } from '../run.js';
import { createSeedRun, type Model, type RunOptions } from '../seed-run.js';
import { appliedView } from '../setting.js';
import { countMistaken } from './conclude.js';
import { scoreModel } from './evaluate.js';
import type { SavedModel } from './model-folder.js';

/** A training's outcome; see saveModel. */
export interface TrainedModel extends SavedModel {
  readonly identifier: Identifier;
  readonly dataset: DatasetSummary;
  readonly warnings: readonly string[];
}

/**
 * Trains the one attack of `spec` under its one defense, exactly as {@link runBench} trains its adaptive adversary, and scores it
 * on the test part, if there is one. Nothing is printed or written. A signal that is aborted before anything was learnt makes it
 * reject with the signal's reason; later, the model is the best that there was.
 * @param spec of resolveTraining
 * @throws UsageError, InputError
 */
export async function runTraining(spec: ResolvedSpec, options: RunOptions): Promise<TrainedModel> {
  checkThreads(options);
  const view = appliedView(spec, options.plugins);
  const { parts, summary, warnings } = await openData(spec, view, createLoader([spec], options));
  const seedRun = createSeedRun(spec, view, parts, spec.seed, options.plugins);
  const [attack, defense] = [spec.attacks[0]!, spec.defenses[0]!];
  options.signal?.throwIfAborted();
  const model = await seedRun.fit(attack, defense, options);
  const interrupted = options.signal?.aborted ?? false;
  const test = parts.test.packets === 0 ? null : (await seedRun.defend(defense, 'test')).defended.trace;
  const train = (await seedRun.defend(defense, 'train')).defended.trace;
  const { onnx, encoding } = model.identifier.save!();
  const categories = new Map(summary.devices.map(({ name, category }) => [name, category]));
  const card: ModelCard = {
    schemaVersion: CARD_VERSION,
    tool: describeTool(),
    plugins: [...spec.plugins],
    attack,
    classes: model.classes.map((name) => ({ name, category: name === COVER ? null : categories.get(name)! })),
    features: { version: FEATURE_VERSION, port: spec.port, columns: [...FEATURE_COLUMNS], encoding },
    view: spec.view,
    mix: model.windowing.mix,
    window: model.windowing.size,
    stride: model.windowing.stride,
    defense: { label: defense.label, parts: [...defense.parts] },
    split: spec.split,
    seed: spec.seed,
    data: dataOf(spec, summary, parts, train, test),
    scores: test && (await scoresOf(spec, parts, model, test)),
    insight: model.identifier.insight ?? null,
    interrupted,
    seconds: { fit: model.seconds },
    model: { sha256: sha256(onnx), bytes: onnx.length },
  };
  return { card, onnx, identifier: model.identifier, dataset: summary, warnings };
}

/** Describes the data of a model. If training and test captures are given apart, these are the training captures. */
function dataOf(
  { data }: ResolvedSpec,
  { name, sha256, synthetic }: DatasetSummary,
  parts: TrainTest,
  train: Trace,
  test: Trace | null,
): ModelCard['data'] {
  const spans = {
    train: { packets: train.packets, ...spanOf(train) },
    test: test && { packets: test.packets, ...spanOf(test) },
  };
  if (data.kind === 'synthetic' || data.train === null || data.test === null) {
    return { name, sha256, synthetic, ...spans };
  }
  return {
    name: nameOfPaths(data.train),
    sha256: hashPart(parts.train),
    synthetic,
    train: spans.train,
    test: spans.test && { name: nameOfPaths(data.test), sha256: hashPart(parts.test), ...spans.test },
  };
}

/** Removes the ports of the home's side: those that a gateway hands out depend on the flows of the other part. */
function hashPart(part: Trace): string {
  return hashTrace({ ...part, flows: { ...part.flows, localPort: new Uint16Array(part.flows.count) } });
}

async function scoresOf(
  spec: ResolvedSpec,
  parts: TrainTest,
  model: Model,
  test: TrainTest['test'],
): Promise<NonNullable<ModelCard['scores']>> {
  const scored = await scoreModel(model, test, parts.classes, spec.seed);
  const { predictions, truth, identification } = scored;
  const { perDevice, confusion } = identification;
  return {
    ...identification,
    perDevice: { ...perDevice },
    classes: [...model.classes],
    confusion: confusion.map((row) => [...row]),
    mistaken: countMistaken(truth, predictions, model.classes.length),
  };
}
