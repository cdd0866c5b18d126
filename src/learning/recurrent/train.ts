import { setImmediate } from 'node:timers/promises';
import { InputError } from '../../shared/errors.js';
import type { OnProgress } from '../../shared/progress.js';
import { type Rng, shuffle } from '../../shared/rng.js';
import { rowsInWindows } from '../build-windows.js';
import { checkPackets } from '../check-packets.js';
import { mostProbable, scoreIdentification } from '../scores.js';
import { createDropout, droppedShare } from '../training/dropout.js';
import type { TrainingFigures } from '../training/figures.js';
import { type Length, lengthOf, rateAt } from '../training/schedule.js';
import { NO_CLASS, type Windows } from '../windows.js';
import { emptyTrainingBatch, fillBatch, fillTargets } from './batch.js';
import { encodePackets, learnEncoding } from './encoding.js';
import type { Engine, EngineOptions } from './engine.js';
import { predictPackets, type RecurrentModel } from './model.js';
import { directions, initialParameters, type NetworkShape } from './network.js';

export interface TrainingOptions extends Length {
  readonly bidirectional: boolean;
  readonly hidden: number;
  readonly layers: number;
  readonly embedding: number;
  /** Number of the most frequent ports with their own embedding. */
  readonly ports: number;
  readonly dropout: number;
  readonly batch: number;
  readonly learningRate: number;
  readonly clipNorm: number;
  /** 0: every packet weighs the same in the loss; 1: every class does. */
  readonly balance: number;
}

export interface TrainingContext {
  readonly rng: Rng;
  readonly createEngine: (options: Omit<EngineOptions, 'threads' | 'device' | 'onWarning'>) => Promise<Engine>;
  /** Once aborted, training ends with the best parameters so far. */
  readonly signal?: AbortSignal;
  /** Name of the task in progress and errors: 'fit lstm'. */
  readonly task: string;
  readonly onProgress?: OnProgress;
}

interface TrainingResult extends TrainingFigures {
  readonly model: RecurrentModel;
}

/**
 * Trains by Adam on the weighted cross-entropy of all packets in windows. The rate rises over the first steps and falls along a
 * cosine to zero (Loshchilov and Hutter, ICLR 2017); after each epoch the validation windows decide if its parameters are the best
 * so far. The model is the same for the same windows, options, generator and runtime.
 * @throws InputError where there is nothing to learn from; the signal's reason where it is aborted before the first step.
 */
export async function trainModel(
  train: Windows,
  validation: Windows,
  options: TrainingOptions,
  context: TrainingContext,
): Promise<TrainingResult> {
  const { rng, signal, task, onProgress } = context;
  const classWeight = checkTraining(train, options.balance, task);
  checkPackets(validation.packets, `${task}: validation`);
  const encoding = learnEncoding(train, options.ports);
  const shape: NetworkShape = {
    ports: encoding.ports.length + 1,
    embedding: options.embedding,
    hidden: options.hidden,
    layers: options.layers,
    bidirectional: options.bidirectional,
    classes: train.classes.length,
  };
  const windows = train.start.length;
  const time = train.count.reduce((longest, count) => Math.max(longest, count), 0);
  const size = Math.min(options.batch, windows);
  const dropout = droppedShare(options.dropout);
  const engine = await context.createEngine({ shape, time, batch: size, dropout, clipNorm: options.clipNorm });
  try {
    let best = initialParameters(shape, rng.stream('parameters'));
    let bestScore = Number.NEGATIVE_INFINITY;
    let bestEpoch = 0;
    let epoch = 0;
    let loss = Number.NaN;
    let figures: Record<string, number> | undefined;
    let hasLearnt = false;
    engine.setParameters(best);

    const encoded = encodePackets(train.packets, encoding);
    const batch = emptyTrainingBatch(time, size, dropout > 0 ? shape.layers : 0, directions(shape) * shape.hidden);
    const drop = createDropout(rng.stream('dropout'), dropout);
    const order = Uint32Array.from({ length: windows }, (_, window) => window);
    const orderRng = rng.stream('order');
    const steps = Math.ceil(windows / size);
    const { epochs, patience } = lengthOf(options, steps);
    while (epoch < epochs && epoch - bestEpoch < patience && !signal?.aborted) {
      const began = performance.now();
      shuffle(order, orderRng);
      let packets = 0;
      let lossSum = 0;
      for (let step = 0; step < steps && !signal?.aborted; step++) {
        const which = order.subarray(step * size, (step + 1) * size);
        fillBatch(batch, train, encoded, which);
        fillTargets(batch, train, which, classWeight);
        batch.keep.forEach(drop);
        const rate = rateAt(epoch * steps + step, epochs * steps, options.learningRate);
        lossSum += (await engine.step(batch, rate)).loss;
        hasLearnt = true;
        // Not every runtime yields the thread between steps; without this no signal would ever arrive.
        await setImmediate();
        packets += batch.count.reduce((sum, count) => sum + count, 0);
        const done = epoch * steps + step + 1;
        onProgress?.({ task, done, total: epochs * steps, unit: 'steps', figures });
      }
      const seconds = (performance.now() - began) / 1000;
      if (signal?.aborted) break;
      epoch++;
      loss = lossSum / steps;
      if (!Number.isFinite(loss)) {
        throw new InputError(
          `${task}: epoch ${epoch}: the loss is ${loss}; expected a number, try a lower learning rate`,
        );
      }
      const score = await validationScore(engine, { shape, encoding }, validation);
      if (score === null || score > bestScore) {
        best = engine.getParameters();
        bestScore = score ?? bestScore;
        bestEpoch = epoch;
      }
      figures = { epoch, loss, 'packets/s': Math.round(packets / seconds) };
      if (score !== null) figures['validation F1'] = score;
      onProgress?.({ task, done: epoch * steps, total: epochs * steps, unit: 'steps', figures });
    }
    if (!hasLearnt) signal?.throwIfAborted();
    // Interrupted before the first validation: the current parameters are better than the initial ones.
    if (bestEpoch === 0) best = engine.getParameters();
    const model = { shape, classes: train.classes, size: train.size, encoding, parameters: best };
    const score = bestScore === Number.NEGATIVE_INFINITY ? null : bestScore;
    return { model, epochs: epoch, bestEpoch, loss, validationScore: score };
  } finally {
    await engine.dispose();
  }
}

/** Checks that there is something to learn, and returns {@link classWeights}. */
function checkTraining(train: Windows, balance: number, task: string): Float32Array {
  const rows = rowsInWindows(train);
  if (rows.length === 0) throw new InputError(`${task}: expected windows to train on, found none`);
  checkPackets(train.packets, task);
  const weights = classWeights(train, balance);
  const present = train.classes.filter((_, c) => weights[c]! > 0);
  if (present.length < 2) {
    const found = present.length === 0 ? 'none' : `only "${present[0]}"`;
    throw new InputError(`${task}: expected packets of at least two classes to tell apart, found ${found}`);
  }
  return weights;
}

/**
 * Weight in the loss of a packet of each class: (mean packets of a class / packets of its class) ^ `balance`, 0 for a class without
 * packets.
 */
export function classWeights(train: Windows, balance: number): Float32Array {
  const packets = new Float64Array(train.classes.length);
  for (const row of rowsInWindows(train)) if (train.label[row]! < packets.length) packets[train.label[row]!]!++;
  const present = packets.filter((n) => n > 0);
  const mean = present.reduce((sum, n) => sum + n, 0) / present.length;
  return Float32Array.from(packets, (n) => (n === 0 ? 0 : (mean / n) ** balance));
}

/** Macro-F1 on the packets of `windows` that have a class; null where there are none. */
async function validationScore(
  engine: Engine,
  model: Pick<RecurrentModel, 'shape' | 'encoding'>,
  windows: Windows,
): Promise<number | null> {
  const { classes } = model.shape;
  const truth = new Uint16Array(windows.packets.rows).fill(NO_CLASS);
  let known = 0;
  for (const row of rowsInWindows(windows)) {
    if (windows.label[row]! >= classes) continue;
    truth[row] = windows.label[row]!;
    known++;
  }
  if (known === 0) return null;
  const predicted = mostProbable(await predictPackets(engine, model, windows), classes);
  const names = windows.classes;
  return scoreIdentification({
    devices: names,
    classes: names,
    truth,
    predicted,
  }).macroF1;
}
