import { type Layer, placesOf, type Shape } from '../../src/learning/network/layer.js';
import { createPass, layoutOf, startOf } from '../../src/learning/network/pass.js';
import { createGraph } from '../../src/learning/onnx/graph.js';
import { encodeModel } from '../../src/learning/onnx/model.js';
import { createSession, loadRuntime } from '../../src/learning/onnx/runtime.js';
import { createRng, shuffle } from '../../src/shared/rng.js';

/** A layer in training, at one input, with the gradient of the sum of its outputs' products with `weight`. */
export interface AppliedLayer {
  readonly y: Float32Array;
  readonly outputShape: Shape;
  readonly inputGradient: Float32Array;
  /** One for each parameter of the layer, in their order; and what it observed for each statistic. */
  readonly gradients: readonly Float32Array[];
  readonly observed: readonly Float32Array[];
}

export interface LayerInputs {
  /** examples x places x channels */
  readonly x: Float32Array;
  readonly parameters: readonly Float32Array[];
  /** examples x output places x channels */
  readonly weight: Float32Array;
  readonly keep: readonly Uint8Array[];
}

/** Numbers in random order, all at least 0.05 apart and from zero, so that small steps change no comparison. */
function distinct(size: number, seed: number): Float32Array {
  const rng = createRng(seed, 'distinct');
  const numbers = Float32Array.from({ length: size }, (_, i) => 0.05 * (i - size / 2) + 0.025);
  return shuffle(numbers, rng);
}

/** Random inputs for `examples` examples of a layer: parameters near their start. */
export function layerInputs(layer: Layer, shape: Shape, examples: number): LayerInputs {
  const layout = layoutOf(layer, shape);
  const rng = createRng(1, 'layer');
  const start = startOf(layout.parameters, rng).map((value) => value + rng.normal(0, 0.2));
  return {
    x: distinct(examples * placesOf(shape) * shape.channels, 2),
    parameters: layout.parameters.slots.map(({ offset, size }) => start.slice(offset, offset + size)),
    weight: Float32Array.from({ length: examples * placesOf(layout.output) * layout.output.channels }, () =>
      rng.normal(0, 1),
    ),
    keep: layout.drops.map(({ shape: dropped, share }) =>
      Uint8Array.from({ length: examples * placesOf(dropped) * dropped.channels }, () =>
        Number(rng.uniform() >= share),
      ),
    ),
  };
}

/** Runs a layer on ONNX Runtime; it may be called again with other inputs of the same sizes. */
export async function prepareLayer(layer: Layer, shape: Shape) {
  const runtime = await loadRuntime(1);
  const g = createGraph('layer');
  const { parameters, statistics, output } = layoutOf(layer, shape);
  const x = g.input('x', 'float32', ['examples', placesOf(shape), shape.channels]);
  const weight = g.input('weight', 'float32', ['examples', placesOf(output), output.channels]);
  const names = new Map<string, string>();
  const { pass, gradients, observed } = createPass(g, true, ({ name, dims }) => {
    if (!names.has(name)) names.set(name, g.input(name, 'float32', dims));
    return name;
  });
  const applied = layer(pass, { value: x, shape });
  g.output(applied.value, 'float32', ['examples', placesOf(output), output.channels], 'y');
  g.output(applied.backward(weight)(), 'float32', ['examples', placesOf(shape), shape.channels], 'inputGradient');
  for (const { name, dims } of parameters.slots) g.output(gradients.get(name)!, 'float32', dims, `d_${name}`);
  for (const { name, dims } of statistics.slots) g.output(observed.get(name)!, 'float32', dims, `o_${name}`);
  const session = await createSession(runtime, encodeModel(g), { threads: 1, device: 'cpu' });
  return async (inputs: LayerInputs): Promise<AppliedLayer> => {
    const examples = inputs.x.length / (placesOf(shape) * shape.channels);
    const float = (data: Float32Array, dims: readonly number[]) => new runtime.Tensor('float32', data, dims);
    const feeds = {
      x: float(inputs.x, [examples, placesOf(shape), shape.channels]),
      weight: float(inputs.weight, [examples, placesOf(output), output.channels]),
      ...Object.fromEntries(parameters.slots.map(({ name, dims }, i) => [name, float(inputs.parameters[i]!, dims)])),
      ...Object.fromEntries(
        statistics.slots.map(({ name, dims, size }) => [name, float(new Float32Array(size), dims)]),
      ),
      ...Object.fromEntries(
        layoutOf(layer, shape).drops.map(({ shape: dropped }, i) => [
          `keep${i}`,
          new runtime.Tensor('uint8', inputs.keep[i]!, [examples, placesOf(dropped), dropped.channels]),
        ]),
      ),
    };
    const found = await session.run(feeds);
    const data = (name: string) => found[name]!.data as Float32Array;
    return {
      y: data('y'),
      outputShape: output,
      inputGradient: data('inputGradient'),
      gradients: parameters.slots.map(({ name }) => data(`d_${name}`)),
      observed: statistics.slots.map(({ name }) => data(`o_${name}`)),
    };
  };
}
