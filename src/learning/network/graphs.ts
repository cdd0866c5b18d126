import { createGraph, type GraphBuilder, int64s, type Value } from '../onnx/graph.js';
import { encodeModel } from '../onnx/model.js';
import { crossEntropy } from '../training/cross-entropy.js';
import { type Layer, placesOf, type Shape } from './layer.js';
import { asInputs, createPass, type Layout, type Slot } from './pass.js';

/** A network with the shape of its input. The channels of its only place are the logits of the classes. */
export interface Network {
  readonly layers: Layer;
  readonly input: Shape;
}

/**
 * The loss and its gradient as an ONNX model.
 * Inputs: `inputs` (batch x places x channels), `label` (int32, batch), `weight` (batch x 1, 1 in total), `keep0`, `keep1`... (uint8,
 * for each dropout), and every tensor of the layout by its name.
 * Outputs: `loss`, and for every tensor its name with `next_` before it: the gradient of a parameter, what the batch has in place of a
 * statistic.
 */
export function trainingModel({ layers, input }: Network, layout: Layout): Uint8Array {
  const g = createGraph('training');
  const classes = layout.output.channels;
  const reshape = (value: Value, ...dims: number[]) => g.op('Reshape', [value, g.constant(int64s(dims))]);
  const inputs = g.input('inputs', 'float32', ['batch', placesOf(input), input.channels]);
  const label = g.input('label', 'int32', ['batch']);
  const weight = g.input('weight', 'float32', ['batch', 1]);
  const value = asInputs(g, layout);
  const { pass, gradients, observed } = createPass(g, true, value);
  const top = layers(pass, { value: inputs, shape: input });
  const { loss, gradient } = crossEntropy(g, reshape(top.value, -1, classes), label, weight, classes);
  top.backward(reshape(gradient, -1, 1, classes));
  g.output(loss, 'float32', [], 'loss');
  for (const slot of layout.parameters.slots) {
    g.output(gradients.get(value(slot))!, 'float32', slot.dims, `next_${slot.name}`);
  }
  for (const slot of layout.statistics.slots) {
    g.output(observed.get(value(slot))!, 'float32', slot.dims, `next_${slot.name}`);
  }
  return encodeModel(g);
}

/** The network with its tensors as inputs: `inputs`, and every tensor of the layout by its name. Output: `probabilities` (examples x classes). */
export function inferenceModel(network: Network, layout: Layout): Uint8Array {
  const g = createGraph('inference');
  addAnswers(g, network, asInputs(g, layout));
  return encodeModel(g);
}

/** The network for answers: the input `inputs` (examples x places x channels), the output `probabilities` (examples x classes). */
export function addAnswers(g: GraphBuilder, { layers, input }: Network, value: (slot: Slot) => Value): void {
  const inputs = g.input('inputs', 'float32', ['examples', placesOf(input), input.channels]);
  const top = layers(createPass(g, false, value).pass, { value: inputs, shape: input });
  const classes = top.shape.channels;
  const logits = g.op('Reshape', [top.value, g.constant(int64s([-1, classes]))]);
  g.output(g.op('Softmax', [logits], { axis: 1 }), 'float32', ['examples', classes], 'probabilities');
}
