import type * as tfjs from '@tensorflow/tfjs';
import { UsageError } from '../../shared/errors.js';
import { adam, momentScales } from '../training/optimiser.js';
import { type Batch, mask, type TrainingBatch } from './batch.js';
import type { Engine, EngineOptions } from './engine.js';
import { type ParameterSlot, packetFeatures, parameterLayout } from './network.js';

type Tf = typeof tfjs;
type Tensor = tfjs.Tensor;

/**
 * The network on TensorFlow.js: with native code where the user has installed `@tensorflow/tfjs-node`, else in plain
 * JavaScript. It uses the library's own differentiation, so it also checks our gradient graph.
 * @throws UsageError where neither package is installed.
 */
export async function createTfjsEngine(options: EngineOptions): Promise<Engine> {
  const { shape, dropout, clipNorm } = options;
  const { tf, runtime } = await loadTfjs();
  const layout = parameterLayout(shape);

  let parameters: Tensor = tf.zeros([layout.size]);
  let mean: Tensor = tf.zeros([layout.size]);
  let variance: Tensor = tf.zeros([layout.size]);
  let steps = 0;
  const replace = (nextParameters: Tensor, nextMean: Tensor, nextVariance: Tensor) => {
    tf.dispose([parameters, mean, variance]);
    [parameters, mean, variance] = [nextParameters, nextMean, nextVariance];
  };

  const split = (): Tensor[] =>
    layout.slots.map(({ offset, size, dims }) => parameters.slice([offset], [size]).reshape([...dims]));

  const logits = (values: readonly Tensor[], batch: Batch, keep: readonly Uint8Array[]): Tensor => {
    const { time, batch: windows } = batch;
    const value = (slot: ParameterSlot) => values[layout.slots.indexOf(slot)]!;
    const port = tf.tensor1d(batch.port, 'int32');
    const features = tf.tensor3d(batch.features, [time, windows, packetFeatures]);
    const embedded = tf.gather(value(layout.embedding), port).reshape([time, windows, shape.embedding]);
    let x = tf.concat([embedded, features], 2);
    const open = tf.unstack(tf.tensor3d(mask(batch), [time, windows, 1]));
    layout.layers.forEach((cells, layer) => {
      const outputs = cells.map((cell, direction) =>
        runCell(tf, x, value(cell.input), value(cell.recurrent), value(cell.bias), direction === 1 ? open : undefined),
      );
      x = tf.concat(outputs, 2);
      if (keep[layer] !== undefined) {
        x = x.mul(tf.tensor(Float32Array.from(keep[layer]), x.shape).mul(1 / (1 - dropout)));
      }
    });
    const flat = x.reshape([time * windows, -1]);
    return flat.matMul(value(layout.denseWeight), false, true).add(value(layout.denseBias));
  };

  /** Loss and gradient as tensors that the caller disposes of. */
  const differentiate = (batch: TrainingBatch): { loss: Tensor; gradient: Tensor } =>
    tf.tidy(() => {
      const target = tf.oneHot(tf.tensor1d(batch.label, 'int32'), shape.classes);
      const weight = tf.tensor2d(batch.weight, [batch.weight.length, 1]);
      const lossOf = (...values: Tensor[]) =>
        tf
          .logSoftmax(logits(values, batch, batch.keep))
          .mul(target)
          .mul(weight)
          .sum()
          .neg() as tfjs.Scalar;
      const { value, grads } = tf.valueAndGrads(lossOf)(split());
      return { loss: value, gradient: tf.concat(grads.map((gradient) => gradient.flatten())) };
    });

  return {
    runtime,
    setParameters(values) {
      replace(tf.tensor1d(values.slice()), tf.zeros([layout.size]), tf.zeros([layout.size]));
      steps = 0;
    },
    getParameters: () => (parameters.dataSync() as Float32Array).slice(),
    async step(batch, rate) {
      steps += 1;
      const scales = momentScales(steps);
      const { loss, gradient } = differentiate(batch);
      const norm = tf.tidy(() => gradient.norm());
      const length = (await norm.data())[0]!;
      const next = tf.tidy(() => {
        const clipped = gradient.mul(clipNorm / Math.max(length, clipNorm));
        const nextMean = mean.mul(adam.beta1).add(clipped.mul(1 - adam.beta1));
        const nextVariance = variance.mul(adam.beta2).add(clipped.square().mul(1 - adam.beta2));
        const spread = nextVariance.mul(scales.variance).sqrt().add(adam.epsilon);
        return [parameters.sub(nextMean.mul(rate * scales.mean).div(spread)), nextMean, nextVariance] as const;
      });
      replace(...(next as [Tensor, Tensor, Tensor]));
      const result = { loss: (await loss.data())[0]!, norm: length };
      tf.dispose([loss, gradient, norm]);
      return result;
    },
    async gradient(batch) {
      const { loss, gradient } = differentiate(batch);
      const result = { loss: (await loss.data())[0]!, gradient: ((await gradient.data()) as Float32Array).slice() };
      tf.dispose([loss, gradient]);
      return result;
    },
    async predict(batch) {
      const probabilities = tf.tidy(() => tf.softmax(logits(split(), batch, [])));
      const values = ((await probabilities.data()) as Float32Array).slice();
      probabilities.dispose();
      return values;
    },
    async dispose() {
      tf.dispose([parameters, mean, variance]);
    },
  };
}

/**
 * One direction of one layer: time x batch x inputs to time x batch x hidden.
 * @param open for the reverse direction: batch x 1 for each step, 0 on padding, which shuts the gates there
 */
function runCell(tf: Tf, x: Tensor, input: Tensor, recurrent: Tensor, bias: Tensor, open?: Tensor[]): Tensor {
  const [time, batch, inputs] = x.shape as [number, number, number];
  const hidden = recurrent.shape[1]!;
  const fromInput = tf.unstack(
    x
      .reshape([time * batch, inputs])
      .matMul(input, false, true)
      .add(bias)
      .reshape([time, batch, 4 * hidden]),
  );
  let h: Tensor = tf.zeros([batch, hidden]);
  let c: Tensor = tf.zeros([batch, hidden]);
  const outputs: Tensor[] = [];
  for (let step = 0; step < time; step++) {
    const t = open === undefined ? step : time - 1 - step;
    const [zi, zo, zf, zg] = tf.split(fromInput[t]!.add(h.matMul(recurrent, false, true)), 4, 1);
    const gate = (z: Tensor) => (open === undefined ? z.sigmoid() : z.sigmoid().mul(open[t]!));
    c = zf!.sigmoid().mul(c).add(gate(zi!).mul(zg!.tanh()));
    h = gate(zo!).mul(c.tanh());
    outputs[t] = h;
  }
  return tf.stack(outputs);
}

async function loadTfjs(): Promise<{ tf: Tf; runtime: string }> {
  for (const name of ['@tensorflow/tfjs-node', '@tensorflow/tfjs']) {
    try {
      const { default: tf } = (await import(name)) as { default: Tf };
      // Stops the library from printing advice about itself.
      tf.enableProdMode();
      await tf.ready();
      return { tf, runtime: name };
    } catch {
      // The package is not installed, or not built for this Node: try the next one.
    }
  }
  throw new UsageError(
    'engine tfjs: expected the package @tensorflow/tfjs-node or @tensorflow/tfjs, found neither installed',
  );
}
