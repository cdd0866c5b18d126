import { createGraph, type Dimension, type GraphBuilder, int64s, type Value, zeros } from '../onnx/graph.js';
import { encodeModel } from '../onnx/model.js';
import type { CellValues } from './cell-graph.js';
import { type NetworkShape, packetFeatures, parameterLayout } from './network.js';
import { type ParameterValues, parametersFromVector } from './parameter-graph.js';

/**
 * The network without dropout, time-major, with parameters as an input, for the engine during training.
 * Inputs: `parameters`, `port` (time x batch), `features` (time x batch x packetFeatures), `count` (batch).
 * Output: `probabilities` (time x batch x classes).
 */
export function inferenceModel(shape: NetworkShape): Uint8Array {
  const g = createGraph('inference');
  const sizes: Dimension[] = ['time', 'batch'];
  const parameters = g.input('parameters', 'float32', [parameterLayout(shape).size]);
  const port = g.input('port', 'int32', sizes);
  const features = g.input('features', 'float32', [...sizes, packetFeatures]);
  const count = g.input('count', 'int32', ['batch']);
  const probabilities = network(g, shape, parametersFromVector(g, shape, parameters), port, features, count);
  g.output(probabilities, 'float32', [...sizes, shape.classes], 'probabilities');
  return encodeModel(g);
}

/** Embedding, layers, dense layer and softmax; arguments and result as in {@link inferenceModel}. */
export function network(
  g: GraphBuilder,
  shape: NetworkShape,
  values: ParameterValues,
  port: Value,
  features: Value,
  count: Value,
): Value {
  let x = g.op('Concat', [g.op('Gather', [values.embedding, port]), features], { axis: 2 });
  for (const cells of values.layers) x = layer(g, shape, x, cells, count);
  const weightT = g.op('Transpose', [values.denseWeight], { perm: [1, 0] });
  return g.op('Softmax', [g.op('Add', [g.op('MatMul', [x, weightT]), values.denseBias])], { axis: 2 });
}

/** One layer by the fused operator: time x batch x inputs to time x batch x directions * hidden. */
function layer(g: GraphBuilder, { hidden }: NetworkShape, x: Value, cells: readonly CellValues[], count: Value): Value {
  const first = g.constant(int64s([0]));
  const stack = (value: (cell: CellValues) => Value) => {
    const each = cells.map((cell) => g.op('Unsqueeze', [value(cell), first]));
    return each.length === 1 ? each[0]! : g.op('Concat', each, { axis: 0 });
  };
  // The operator takes a second bias for the recurrent product; ours is one.
  const bias = g.op('Concat', [stack((cell) => cell.bias), zeros(g, cells.length, 4 * hidden)], { axis: 1 });
  const y = g.op('LSTM', [x, stack((cell) => cell.input), stack((cell) => cell.recurrent), bias, count], {
    hidden_size: hidden,
    direction: cells.length === 1 ? 'forward' : 'bidirectional',
  });
  // time x directions x batch x hidden
  const byPacket = g.op('Transpose', [y], { perm: [0, 2, 1, 3] });
  return g.op('Reshape', [byPacket, g.constant(int64s([0, 0, cells.length * hidden]))]);
}
