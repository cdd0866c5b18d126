import { floats, type GraphBuilder, int64s, type Value } from '../onnx/graph.js';
import type { CellValues } from './cell-graph.js';
import { type NetworkShape, type ParameterSlot, parameterLayout } from './network.js';

/** The parameters of a network as values of a graph. */
export interface ParameterValues {
  readonly embedding: Value;
  readonly layers: readonly (readonly CellValues[])[];
  readonly denseWeight: Value;
  readonly denseBias: Value;
}

/** The parameters as parts of one vector, an input of the graph. */
export function parametersFromVector(g: GraphBuilder, shape: NetworkShape, vector: Value): ParameterValues {
  const { slots } = parameterLayout(shape);
  const parts = g.ops('Split', slots.length, [vector, g.constant(int64s(slots.map(({ size }) => size)))], { axis: 0 });
  const values = slots.map(({ dims }, i) => g.op('Reshape', [parts[i]!, g.constant(int64s(dims))]));
  return arrange(shape, ({ name }) => values[slots.findIndex((slot) => slot.name === name)]!);
}

/** The parameters as constants, under the names of their slots. */
export function parametersAsConstants(g: GraphBuilder, shape: NetworkShape, vector: Float32Array): ParameterValues {
  return arrange(shape, ({ name, dims, offset, size }) =>
    g.constant(floats(vector.subarray(offset, offset + size), dims), name),
  );
}

function arrange(shape: NetworkShape, value: (slot: ParameterSlot) => Value): ParameterValues {
  const layout = parameterLayout(shape);
  return {
    embedding: value(layout.embedding),
    layers: layout.layers.map((cells) =>
      cells.map(({ input, recurrent, bias }) => ({
        input: value(input),
        recurrent: value(recurrent),
        bias: value(bias),
      })),
    ),
    denseWeight: value(layout.denseWeight),
    denseBias: value(layout.denseBias),
  };
}
