import type { InferenceSession, Tensor } from 'onnxruntime-common';
import { createSession, loadRuntime, type RuntimeName, runInto } from '../onnx/runtime.js';
import { momentScales } from '../training/optimiser.js';
import { type Batch, mask, type TrainingBatch } from './batch.js';
import type { Engine, EngineOptions } from './engine.js';
import { inferenceModel } from './inference-graph.js';
import { directions, packetFeatures, parameterLayout } from './network.js';
import { gradientModel, trainingModel } from './training-graph.js';

/**
 * The network on ONNX Runtime. Parameters and optimiser state are two sets of tensors: a step reads one and writes the other, so
 * nothing is copied or allocated between steps.
 * @param runtimeName to load this package and no other
 */
export async function createOnnxEngine(options: EngineOptions, runtimeName?: RuntimeName): Promise<Engine> {
  const { shape } = options;
  const runtime = await loadRuntime(options.threads, options.onWarning, runtimeName);
  const layout = parameterLayout(shape);
  const floats = (data: Float32Array, dims: readonly number[]): Tensor => new runtime.Tensor('float32', data, dims);
  const ints = (data: Int32Array, dims: readonly number[]): Tensor => new runtime.Tensor('int32', data, dims);
  const vector = () => floats(new Float32Array(layout.size), [layout.size]);
  const state = () => ({ parameters: vector(), mean: vector(), variance: vector() });

  let [current, next] = [state(), state()];
  let steps = 0;
  const loss = floats(new Float32Array(1), []);
  const norm = floats(new Float32Array(1), []);

  // Building a session takes longer than a step, so each is built on first use.
  const sessions = new Map<string, Promise<InferenceSession>>();
  const session = (name: string, model: () => Uint8Array) => {
    let made = sessions.get(name);
    if (made === undefined) {
      made = createSession(runtime, model(), options);
      sessions.set(name, made);
    }
    return made;
  };

  const inputs = ({ time, batch, port, features }: Batch) => ({
    port: ints(port, [time, batch]),
    features: floats(features, [time, batch, packetFeatures]),
    parameters: current.parameters,
  });
  const trainingInputs = (batch: TrainingBatch) => {
    const { time, batch: windows, label, weight, keep } = batch;
    const feeds: Record<string, Tensor> = {
      ...inputs(batch),
      label: ints(label, [time * windows]),
      weight: floats(weight, [time * windows, 1]),
    };
    if (shape.bidirectional) feeds.mask = floats(mask(batch), [time, windows, 1]);
    keep.forEach((bytes, layer) => {
      feeds[`keep${layer}`] = new runtime.Tensor('uint8', bytes, [time, windows, directions(shape) * shape.hidden]);
    });
    return feeds;
  };

  return {
    runtime: runtime.name,
    setParameters(parameters) {
      (current.parameters.data as Float32Array).set(parameters);
      (current.mean.data as Float32Array).fill(0);
      (current.variance.data as Float32Array).fill(0);
      steps = 0;
    },
    getParameters: () => (current.parameters.data as Float32Array).slice(),
    async step(batch, rate) {
      const training = await session('training', () => trainingModel(shape, options, options.clipNorm));
      steps += 1;
      const scales = momentScales(steps);
      const scalar = (value: number) => floats(Float32Array.of(value), []);
      const feeds = {
        ...trainingInputs(batch),
        mean: current.mean,
        variance: current.variance,
        rate: scalar(rate),
        mean_scale: scalar(scales.mean),
        variance_scale: scalar(scales.variance),
      };
      await runInto(runtime, training, feeds, {
        loss,
        norm,
        next_parameters: next.parameters,
        next_mean: next.mean,
        next_variance: next.variance,
      });
      [current, next] = [next, current];
      return { loss: (loss.data as Float32Array)[0]!, norm: (norm.data as Float32Array)[0]! };
    },
    async gradient(batch) {
      const model = await session('gradient', () => gradientModel(shape, options));
      const gradient = vector();
      await runInto(runtime, model, trainingInputs(batch), { loss, gradient });
      return { loss: (loss.data as Float32Array)[0]!, gradient: gradient.data as Float32Array };
    },
    async predict(batch) {
      const model = await session('inference', () => inferenceModel(shape));
      const { time, batch: windows, count } = batch;
      const probabilities = floats(new Float32Array(time * windows * shape.classes), [time, windows, shape.classes]);
      await runInto(runtime, model, { ...inputs(batch), count: ints(count, [windows]) }, { probabilities });
      return probabilities.data as Float32Array;
    },
    async dispose() {
      for (const made of sessions.values()) await (await made).release();
      sessions.clear();
    },
  };
}
