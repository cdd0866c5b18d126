import type { InferenceSession, Tensor } from 'onnxruntime-common';
import { createSession, loadRuntime, type OnWarning, runInto } from '../onnx/runtime.js';
import { createOptimiser, type OptimiserName } from '../training/optimiser.js';
import { inferenceModel, type Network, trainingModel } from './graphs.js';
import { placesOf, sizeOf } from './layer.js';
import type { Layout, Weights } from './pass.js';

/** Input of a step. */
export interface Batch {
  /** batch x places x channels */
  readonly inputs: Float32Array;
  readonly label: Int32Array;
  /** Weight of each example in the loss, 1 in total. */
  readonly weight: Float32Array;
  /** For each dropout of the network, 1 to keep a number and 0 to drop it; batch x places x channels. */
  readonly keep: readonly Uint8Array[];
}

export interface TrainerOptions {
  readonly optimiser: OptimiserName;
  readonly threads: number;
  readonly onWarning?: OnWarning;
}

/** Holds the numbers of a network and the optimiser's state. */
export interface Trainer {
  /** One step of the optimiser; returns the loss before it. */
  step(batch: Batch, rate: number): Promise<number>;
  /** A copy of the numbers. */
  weights(): Weights;
  /** Probabilities, examples x classes. */
  predict(inputs: Float32Array): Promise<Float32Array>;
  dispose(): Promise<void>;
}

export function emptyBatch({ input }: Network, { drops }: Layout, size: number): Batch {
  return {
    inputs: new Float32Array(size * sizeOf(input)),
    label: new Int32Array(size),
    weight: new Float32Array(size),
    keep: drops.map(({ shape }) => new Uint8Array(size * sizeOf(shape))),
  };
}

/** Weight of the newest batch in the statistics, once there have been enough of them; as in the papers' code. */
const SHARE = 0.1;

/**
 * Trains a network on ONNX Runtime. The tensors that a step reads and writes are parts of vectors that are there from the start, so
 * nothing is copied or allocated between steps.
 */
export async function createTrainer(
  network: Network,
  layout: Layout,
  start: Weights,
  { optimiser: name, threads, onWarning }: TrainerOptions,
): Promise<Trainer> {
  const runtime = await loadRuntime(threads, onWarning);
  const open = (model: Uint8Array) => createSession(runtime, model, { threads, device: 'cpu' });
  const training = await open(trainingModel(network, layout));
  let inference: InferenceSession | undefined;

  const { input } = network;
  const floats = (data: Float32Array, dims: readonly number[]): Tensor => new runtime.Tensor('float32', data, dims);
  const copy = ({ parameters, statistics }: Weights): Weights => ({
    parameters: parameters.slice(),
    statistics: statistics.slice(),
  });
  /** The tensors of a layout as parts of its vectors. */
  const tensorsOf = (weights: Weights, prefix = '') =>
    Object.fromEntries(
      (['parameters', 'statistics'] as const).flatMap((part) =>
        layout[part].slots.map(({ name, dims, offset, size }) => [
          `${prefix}${name}`,
          floats(weights[part].subarray(offset, offset + size), dims),
        ]),
      ),
    );
  const current = copy(start);
  const next = copy(start);
  const loss = Float32Array.of(0);
  const tensors = tensorsOf(current);
  const outputs = { loss: floats(loss, []), ...tensorsOf(next, 'next_') };
  const optimiser = createOptimiser(name, layout.parameters.size);
  let steps = 0;

  return {
    async step({ inputs, label, weight, keep }, rate) {
      const examples = label.length;
      const feeds: Record<string, Tensor> = {
        ...tensors,
        inputs: floats(inputs, [examples, placesOf(input), input.channels]),
        label: new runtime.Tensor('int32', label, [examples]),
        weight: floats(weight, [examples, 1]),
      };
      for (const [i, { shape }] of layout.drops.entries()) {
        feeds[`keep${i}`] = new runtime.Tensor('uint8', keep[i]!, [examples, placesOf(shape), shape.channels]);
      }
      await runInto(runtime, training, feeds, outputs);
      optimiser(current.parameters, next.parameters, rate);
      // The first batches weigh alike; the values that statistics begin with weigh nothing.
      const share = Math.max(SHARE, 1 / ++steps);
      const { statistics } = current;
      for (let i = 0; i < statistics.length; i++) statistics[i]! += share * (next.statistics[i]! - statistics[i]!);
      return loss[0]!;
    },
    weights: () => copy(current),
    async predict(inputs) {
      inference ??= await open(inferenceModel(network, layout));
      const examples = inputs.length / sizeOf(input);
      const feeds = { ...tensors, inputs: floats(inputs, [examples, placesOf(input), input.channels]) };
      const { probabilities } = await inference.run(feeds);
      return probabilities!.data as Float32Array;
    },
    async dispose() {
      await training.release();
      await inference?.release();
    },
  };
}
