import { setImmediate } from 'node:timers/promises';
import { InputError } from '../../shared/errors.js';
import type { OnProgress } from '../../shared/progress.js';
import { type Rng, shuffle } from '../../shared/rng.js';
import type { OnWarning } from '../onnx/runtime.js';
import { sample } from '../sample.js';
import { mostProbable, scoreIdentification } from '../scores.js';
import { createDropout } from '../training/dropout.js';
import type { TrainingFigures } from '../training/figures.js';
import type { OptimiserName } from '../training/optimiser.js';
import { type Length, lengthOf, rateAt } from '../training/schedule.js';
import type { Network } from './graphs.js';
import { sizeOf } from './layer.js';
import { layoutOf, startOf, type Weights } from './pass.js';
import { createTrainer, emptyBatch, type Trainer } from './trainer.js';

/** Examples that a network can ask for. */
export interface Examples {
  /** Class of each; a number beyond the classes where it has none: those are left out. */
  readonly labels: Uint16Array;
  /** Writes the inputs of the examples `which` into `into`, one after another: examples x places x channels. */
  inputs(which: Uint32Array, into: Float32Array): void;
}

export interface TrainingOptions extends Length {
  readonly optimiser: OptimiserName;
  /** Highest learning rate. */
  readonly learningRate: number;
  /** Examples in a step. */
  readonly batch: number;
  /** 0: every example weighs the same in the loss; 1: every class does. */
  readonly balance: number;
  /** Most examples of the training and of the validation each; of more, evenly spaced ones are drawn. */
  readonly maximum: number;
}

export interface TrainingContext {
  readonly rng: Rng;
  readonly threads: number;
  /** Once aborted, training ends with the best numbers so far. */
  readonly signal?: AbortSignal;
  /** Name of the task in progress and errors: 'fit df'. */
  readonly task: string;
  readonly onProgress?: OnProgress;
  readonly onWarning?: OnWarning;
}

interface TrainingResult extends TrainingFigures {
  readonly weights: Weights;
}

/** Examples in one call of the runtime: many for its threads, few enough for memory to stay flat. */
export const EXAMPLES_AT_ONCE = 32;

/**
 * Trains a network on the weighted cross-entropy. The rate rises over the first steps and falls along a cosine to zero (Loshchilov and
 * Hutter, ICLR 2017); after each epoch the validation examples decide if its numbers are the best so far. Examples that do not fill the
 * last step of an epoch wait for the next one. The result is the same for the same examples, options, generator and runtime.
 * @param classes names of the classes, as many as the network has outputs
 * @throws InputError where there is nothing to learn from; the signal's reason where it is aborted before the first step.
 */
export async function trainNetwork(
  network: Network,
  classes: readonly string[],
  train: Examples,
  validation: Examples,
  options: TrainingOptions,
  context: TrainingContext,
): Promise<TrainingResult> {
  const { rng, signal, task, threads, onProgress, onWarning } = context;
  const order = labelled(train, classes, options.maximum, rng.stream('train'));
  const later = labelled(validation, classes, options.maximum, rng.stream('validation'));
  const classWeight = classWeights(train.labels, order, classes, options.balance, task);
  const layout = layoutOf(network.layers, network.input);
  const start = {
    parameters: startOf(layout.parameters, rng.stream('parameters')),
    statistics: startOf(layout.statistics, rng.stream('statistics')),
  };
  const size = Math.min(options.batch, order.length);
  const steps = Math.floor(order.length / size);
  const { epochs, patience } = lengthOf(options, steps);
  const batch = emptyBatch(network, layout, size);
  const drops = layout.drops.map(({ share }, i) => createDropout(rng.stream('dropout', i), share));
  const orderRng = rng.stream('order');

  const trainer = await createTrainer(network, layout, start, { optimiser: options.optimiser, threads, onWarning });
  try {
    let best: Weights | undefined;
    let bestScore = Number.NEGATIVE_INFINITY;
    let bestEpoch = 0;
    let epoch = 0;
    let loss = Number.NaN;
    let hasLearnt = false;
    let figures: Record<string, number> | undefined;
    while (epoch < epochs && epoch - bestEpoch < patience && !signal?.aborted) {
      shuffle(order, orderRng);
      let sum = 0;
      for (let step = 0; step < steps && !signal?.aborted; step++) {
        const which = order.subarray(step * size, (step + 1) * size);
        train.inputs(which, batch.inputs);
        setTargets(batch, train.labels, which, classWeight);
        drops.forEach((drop, i) => {
          drop(batch.keep[i]!);
        });
        sum += await trainer.step(batch, rateAt(epoch * steps + step, epochs * steps, options.learningRate));
        hasLearnt = true;
        // Not every runtime yields the thread between steps; without this no signal would ever arrive.
        await setImmediate();
        const done = epoch * steps + step + 1;
        onProgress?.({ task, done, total: epochs * steps, unit: 'steps', figures });
      }
      if (signal?.aborted) break;
      epoch++;
      loss = sum / steps;
      if (!Number.isFinite(loss)) {
        throw new InputError(
          `${task}: epoch ${epoch}: the loss is ${loss}; expected a number, try a lower learning rate`,
        );
      }
      const score = await scoreOf(trainer, network, classes, validation, later);
      if (score === null || score > bestScore) {
        best = trainer.weights();
        bestScore = score ?? bestScore;
        bestEpoch = epoch;
      }
      figures = { epoch, loss, ...(score === null ? {} : { 'validation F1': score }) };
    }
    if (!hasLearnt) signal?.throwIfAborted();
    const validationScore = bestScore === Number.NEGATIVE_INFINITY ? null : bestScore;
    // Interrupted before the first validation: the present numbers are better than the first ones.
    return { weights: best ?? trainer.weights(), epochs: epoch, bestEpoch, loss, validationScore };
  } finally {
    await trainer.dispose();
  }
}

/** The examples that have a class, at most `maximum`. */
function labelled({ labels }: Examples, classes: readonly string[], maximum: number, rng: Rng): Uint32Array {
  const known = Uint32Array.from(labels.keys()).filter((example) => labels[example]! < classes.length);
  // A copy, since training shuffles it.
  return sample(known, maximum, rng).slice();
}

/**
 * Weight in the loss of an example of each class: (mean examples of a class / examples of its class) ^ `balance`, 0 for a class
 * without examples.
 */
function classWeights(
  labels: Uint16Array,
  which: Uint32Array,
  classes: readonly string[],
  balance: number,
  task: string,
): Float32Array {
  if (which.length === 0) throw new InputError(`${task}: expected windows with a class to train on, found none`);
  const examples = new Float64Array(classes.length);
  for (const example of which) examples[labels[example]!]!++;
  const present = classes.filter((_, c) => examples[c]! > 0);
  if (present.length < 2) {
    throw new InputError(`${task}: expected windows of at least two classes to tell apart, found only "${present[0]}"`);
  }
  const mean = which.length / present.length;
  return Float32Array.from(examples, (n) => (n === 0 ? 0 : (mean / n) ** balance));
}

function setTargets(
  { label, weight }: { readonly label: Int32Array; readonly weight: Float32Array },
  labels: Uint16Array,
  which: Uint32Array,
  classWeight: Float32Array,
): void {
  let sum = 0;
  for (let i = 0; i < which.length; i++) {
    label[i] = labels[which[i]!]!;
    weight[i] = classWeight[label[i]!]!;
    sum += weight[i]!;
  }
  for (let i = 0; i < which.length; i++) weight[i]! /= sum;
}

/** Macro-F1 on the examples `which`; null where there are none. */
async function scoreOf(
  trainer: Trainer,
  { input }: Network,
  classes: readonly string[],
  examples: Examples,
  which: Uint32Array,
): Promise<number | null> {
  if (which.length === 0) return null;
  const predicted = new Uint16Array(which.length);
  for (let from = 0; from < which.length; from += EXAMPLES_AT_ONCE) {
    const some = which.subarray(from, from + EXAMPLES_AT_ONCE);
    const inputs = new Float32Array(some.length * sizeOf(input));
    examples.inputs(some, inputs);
    predicted.set(mostProbable(await trainer.predict(inputs), classes.length), from);
  }
  const truth = Uint16Array.from(which, (example) => examples.labels[example]!);
  return scoreIdentification({ devices: classes, classes, truth, predicted }).macroF1;
}
