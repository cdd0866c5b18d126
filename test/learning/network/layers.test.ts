import tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { elu, relu } from '../../../src/learning/network/activation.js';
import { attention, positions, presentMean } from '../../../src/learning/network/attention.js';
import { convolution } from '../../../src/learning/network/convolution.js';
import { dense, dropout, flatten } from '../../../src/learning/network/dense.js';
import { type Layer, placesOf, residual, type Shape, sequence } from '../../../src/learning/network/layer.js';
import { batchNorm, layerNorm } from '../../../src/learning/network/normalisation.js';
import { layoutOf } from '../../../src/learning/network/pass.js';
import { maxPool, meanPool } from '../../../src/learning/network/pooling.js';
import { floats } from '../../../src/learning/onnx/graph.js';
import { type LayerInputs, layerInputs, prepareLayer } from '../../support/apply-layer.js';

const EXAMPLES = 3;
const grid: Shape = { rows: 3, steps: 7, channels: 2 };
const line: Shape = { rows: 1, steps: 11, channels: 2 };

/** The same layer in TensorFlow.js: x is examples x rows x steps x channels. */
type Oracle = (x: tf.Tensor4D, parameters: readonly tf.Tensor[], keep: readonly Uint8Array[]) => tf.Tensor;

const convolve =
  (...kernel: [number, number, number, number]): Oracle =>
  (x, [weight]) =>
    tf.conv2d(x, weight!.reshape(kernel) as tf.Tensor4D, 1, 'same');
const pool =
  (size: [number, number], stride: [number, number]): Oracle =>
  (x) =>
    tf.maxPool(x, size, stride, 'same');
const normalise: Oracle = (x, [scale, shift]) => {
  const { mean, variance } = tf.moments(x, [0, 1, 2]);
  return x.sub(mean).div(variance.add(1e-5).sqrt()).mul(scale!).add(shift!);
};

// The last places of the second and third example are padding.
const presence = Float32Array.from({ length: EXAMPLES * 5 }, (_, i) => Number(i % 5 < 5 - Math.floor(i / 5)));
const few: Shape = { rows: 1, steps: 5, channels: 12 };

/** A layer that is told which places are there. */
const withPresence =
  (layer: (present: string) => Layer): Layer =>
  (pass, input) =>
    layer(pass.g.constant(floats(presence, [EXAMPLES, 5, 1])))(pass, input);

const attend: Oracle = (x) => {
  const heads = 2;
  const parts = tf.split(x.reshape([EXAMPLES, 5, 12]), 3, 2);
  const apart = (part: tf.Tensor) => part.reshape([EXAMPLES, 5, heads, 2]).transpose([0, 2, 1, 3]);
  const [query, key, own] = parts.map(apart) as [tf.Tensor, tf.Tensor, tf.Tensor];
  const open = tf.tensor(presence, [EXAMPLES, 1, 1, 5]);
  const power = query.matMul(key, false, true).div(Math.sqrt(2)).exp().mul(open);
  return power.div(power.sum(3, true)).matMul(own).transpose([0, 2, 1, 3]);
};

const cases: { name: string; layer: Layer; shape: Shape; oracle: Oracle }[] = [
  {
    name: 'a convolution in one dimension, with an even kernel',
    layer: convolution(3, { rows: 1, steps: 4 }),
    shape: line,
    oracle: convolve(1, 4, 2, 3),
  },
  {
    name: 'a convolution in one dimension, with a kernel longer than its input',
    layer: convolution(3, { rows: 1, steps: 8 }),
    shape: { ...line, steps: 5 },
    oracle: convolve(1, 8, 2, 3),
  },
  {
    name: 'a convolution in two dimensions',
    layer: convolution(4, { rows: 3, steps: 6 }),
    shape: grid,
    oracle: convolve(3, 6, 2, 4),
  },
  {
    name: 'a convolution with a kernel of one place',
    layer: convolution(4, { rows: 1, steps: 1 }),
    shape: grid,
    oracle: convolve(1, 1, 2, 4),
  },
  { name: 'batch normalisation', layer: batchNorm, shape: grid, oracle: normalise },
  { name: 'relu', layer: relu, shape: grid, oracle: (x) => tf.relu(x) },
  { name: 'elu', layer: elu, shape: grid, oracle: (x) => tf.elu(x) },
  {
    name: 'a pool whose windows overlap',
    layer: maxPool({ rows: 1, steps: 8 }, { rows: 1, steps: 4 }),
    shape: line,
    oracle: pool([1, 8], [1, 4]),
  },
  {
    name: 'a pool in two dimensions that leaves a margin',
    layer: maxPool({ rows: 2, steps: 2 }, { rows: 2, steps: 2 }),
    shape: grid,
    oracle: pool([2, 2], [2, 2]),
  },
  { name: 'a mean over places', layer: meanPool, shape: grid, oracle: (x) => x.mean([1, 2]) },
  {
    name: 'a dense layer',
    layer: dense(5),
    shape: grid,
    oracle: (x, [weight, bias]) =>
      x
        .reshape([-1, 2])
        .matMul(weight as tf.Tensor2D)
        .add(bias!),
  },
  {
    name: 'a dense layer over all places',
    layer: sequence(flatten, dense(5)),
    shape: grid,
    oracle: (x, [weight, bias]) =>
      x
        .reshape([EXAMPLES, -1])
        .matMul(weight as tf.Tensor2D)
        .add(bias!),
  },
  {
    name: 'dropout',
    layer: dropout(0.25),
    shape: grid,
    oracle: (x, _, [keep]) => x.mul(tf.tensor(Float32Array.from(keep!), x.shape)).div(0.75),
  },
  {
    name: 'attention in two heads, with padding',
    layer: withPresence((present) => attention(2, present)),
    shape: few,
    oracle: attend,
  },
  {
    name: 'a mean over the places that are there',
    layer: withPresence(presentMean),
    shape: few,
    oracle: (x) => {
      const open = tf.tensor(presence, [EXAMPLES, 5, 1]);
      return x.reshape([EXAMPLES, 5, 12]).mul(open).sum(1).div(open.sum(1));
    },
  },
  {
    name: 'positions',
    layer: positions,
    shape: grid,
    oracle: (x, [position]) => x.add(position!.reshape([1, 3, 7, 2])),
  },
  {
    name: 'layer normalisation',
    layer: layerNorm,
    shape: few,
    oracle: (x, [scale, shift]) => {
      const { mean, variance } = tf.moments(x, 3, true);
      return x.sub(mean).div(variance.add(1e-5).sqrt()).mul(scale!).add(shift!);
    },
  },
  {
    name: 'a residual',
    layer: residual(sequence(elu, dense(2))),
    shape: grid,
    oracle: (x, [weight, bias]) =>
      x.add(
        tf
          .elu(x)
          .reshape([-1, 2])
          .matMul(weight as tf.Tensor2D)
          .add(bias!)
          .reshape(x.shape),
      ),
  },
  {
    name: 'layers one after another',
    layer: sequence(
      convolution(3, { rows: 1, steps: 3 }),
      batchNorm,
      elu,
      maxPool({ rows: 1, steps: 2 }, { rows: 1, steps: 2 }),
      meanPool,
    ),
    shape: line,
    oracle: (x, [weight, scale, shift]) => {
      const convolved = convolve(1, 3, 2, 3)(x, [weight!], []) as tf.Tensor4D;
      const active = tf.elu(normalise(convolved, [scale!, shift!], [])) as tf.Tensor4D;
      return tf.maxPool(active, [1, 2], [1, 2], 'same').mean([1, 2]);
    },
  },
];

describe.each(cases)('$name', ({ layer, shape, oracle }) => {
  const inputs = layerInputs(layer, shape, EXAMPLES);

  it('has the output and the gradients that TensorFlow.js has', async () => {
    const ours = await (await prepareLayer(layer, shape))(inputs);
    const slots = layoutOf(layer, shape).parameters.slots;
    const theirs = tf.tidy(() => {
      const x = tf.tensor4d(inputs.x, [EXAMPLES, shape.rows, shape.steps, shape.channels]);
      const parameters = slots.map(({ dims }, i) => tf.tensor(inputs.parameters[i]!, [...dims]));
      const apply = (...[at, ...rest]: tf.Tensor[]) => oracle(at as tf.Tensor4D, rest, inputs.keep);
      const y = apply(x, ...parameters);
      const weight = tf.tensor(inputs.weight, y.shape);
      const gradients = tf.grads((...at: tf.Tensor[]) =>
        apply(...at)
          .mul(weight)
          .sum(),
      )([x, ...parameters]);
      return { y: y.dataSync(), gradients: gradients.map((gradient) => gradient.dataSync()) };
    });
    expect(ours.y.length).toBe(EXAMPLES * placesOf(ours.outputShape) * ours.outputShape.channels);
    expectClose(ours.y, theirs.y as Float32Array, 1e-5);
    [ours.inputGradient, ...ours.gradients].forEach((gradient, i) => {
      expectClose(gradient, theirs.gradients[i] as Float32Array, 1e-4);
    });
  });

  it('has the gradients that finite differences have', async () => {
    const run = await prepareLayer(layer, shape);
    const { inputGradient, gradients } = await run(inputs);
    const lossAt = async (moved: LayerInputs) => {
      const { y } = await run(moved);
      return y.reduce((sum, value, i) => sum + value * inputs.weight[i]!, 0);
    };
    const differences = async (values: Float32Array, move: (moved: Float32Array) => LayerInputs) => {
      // Half of the least distance between two numbers of `x`; the loss is exact to about 1e-6, the quotient to 1e-4.
      const step = 0.02;
      const found: number[] = [];
      for (let i = 0; i < values.length; i++) {
        const losses: number[] = [];
        for (const sign of [1, -1]) {
          const moved = values.slice();
          moved[i]! += sign * step;
          losses.push(await lossAt(move(moved)));
        }
        found.push((losses[0]! - losses[1]!) / (2 * step));
      }
      return Float32Array.from(found);
    };
    expectClose(inputGradient, await differences(inputs.x, (x) => ({ ...inputs, x })), 3e-3);
    for (const [p, gradient] of gradients.entries()) {
      const moved = await differences(inputs.parameters[p]!, (values) => ({
        ...inputs,
        parameters: inputs.parameters.map((value, i) => (i === p ? values : value)),
      }));
      expectClose(gradient, moved, 3e-3);
    }
  });
});

describe('a pool', () => {
  it('shares the gradient of a maximum among the places that have it', async () => {
    const pool = maxPool({ rows: 1, steps: 2 }, { rows: 1, steps: 2 });
    const run = await prepareLayer(pool, { rows: 1, steps: 4, channels: 1 });
    const { y, inputGradient } = await run({
      x: Float32Array.of(5, 5, -2, -3),
      parameters: [],
      weight: Float32Array.of(8, 3),
      keep: [],
    });
    expect([...y]).toEqual([5, -2]);
    expect([...inputGradient]).toEqual([4, 4, 3, 0]);
  });
});

/** The norm of the difference is at most `tolerance` of the norm. */
function expectClose(found: Float32Array, expected: Float32Array, tolerance: number): void {
  expect(found.length).toBe(expected.length);
  const norm = (values: Iterable<number>) => Math.sqrt([...values].reduce((sum, value) => sum + value * value, 0));
  expect(norm(expected)).toBeGreaterThan(0);
  expect(norm(found.map((value, i) => value - expected[i]!)) / norm(expected)).toBeLessThan(tolerance);
}
