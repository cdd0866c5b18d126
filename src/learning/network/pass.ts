import type { Rng } from '../../shared/rng.js';
import { createGraph, floats, type GraphBuilder, type Value } from '../onnx/graph.js';
import { type Layer, type Pass, placesOf, type Shape, type Start } from './layer.js';

/** One tensor, and the place of its values in a flat vector. */
export interface Slot {
  readonly name: string;
  readonly dims: readonly number[];
  readonly offset: number;
  readonly size: number;
  readonly start: Start;
}

/** The tensors of a flat vector. */
export interface Slots {
  readonly slots: readonly Slot[];
  readonly size: number;
}

/** Everything that a network keeps, in the order of its layers. */
export interface Layout {
  readonly parameters: Slots;
  readonly statistics: Slots;
  /** Values that each dropout of the network drops, and their share. */
  readonly drops: readonly { readonly shape: Shape; readonly share: number }[];
  readonly output: Shape;
}

/** The numbers of a network: vectors as its layout says. */
export interface Weights {
  readonly parameters: Float32Array;
  readonly statistics: Float32Array;
}

/** A pass, with what its layers asked of it. */
interface RecordedPass {
  readonly pass: Pass;
  readonly parameters: readonly Slot[];
  readonly statistics: readonly Slot[];
  readonly drops: readonly { readonly shape: Shape; readonly share: number }[];
  /** The gradient of each parameter, and the batch's own value of each statistic. */
  readonly gradients: ReadonlyMap<Value, Value>;
  readonly observed: ReadonlyMap<Value, Value>;
}

/** @param value gives a tensor as a value of the graph */
export function createPass(g: GraphBuilder, training: boolean, value: (slot: Slot) => Value): RecordedPass {
  const parameters: Slot[] = [];
  const statistics: Slot[] = [];
  const drops: { shape: Shape; share: number }[] = [];
  const gradients = new Map<Value, Value>();
  const observed = new Map<Value, Value>();
  const add = (slots: Slot[], kind: string, dims: readonly number[], start: Start) => {
    const size = dims.reduce((product, dim) => product * dim, 1);
    const last = slots.at(-1);
    const offset = last === undefined ? 0 : last.offset + last.size;
    const slot = { name: `${kind}${slots.length}`, dims, offset, size, start };
    slots.push(slot);
    return value(slot);
  };
  const pass: Pass = {
    g,
    training,
    parameter: (dims, start) => add(parameters, 'parameter', dims, start),
    learn(parameter, gradient) {
      gradients.set(parameter, gradient);
    },
    statistic: (size, start) => add(statistics, 'statistic', [size], { constant: start }),
    observe(statistic, seen) {
      observed.set(statistic, seen);
    },
    keep(shape, share) {
      drops.push({ shape, share });
      return g.input(`keep${drops.length - 1}`, 'uint8', ['batch', placesOf(shape), shape.channels]);
    },
  };
  return { pass, parameters, statistics, drops, gradients, observed };
}

export function layoutOf(network: Layer, input: Shape): Layout {
  const { pass, parameters, statistics, drops } = createPass(createGraph('layout'), true, ({ name }) => name);
  const { shape } = network(pass, { value: 'inputs', shape: input });
  return { parameters: slotsOf(parameters), statistics: slotsOf(statistics), drops, output: shape };
}

const slotsOf = (slots: readonly Slot[]): Slots => ({
  slots,
  size: slots.reduce((sum, { size }) => sum + size, 0),
});

/** The tensors of a network as inputs of the graph, under the names of their slots. */
export function asInputs(g: GraphBuilder, { parameters, statistics }: Layout): (slot: Slot) => Value {
  for (const { name, dims } of [...parameters.slots, ...statistics.slots]) g.input(name, 'float32', dims);
  return ({ name }) => name;
}

/** The same tensors as constants. */
export function asConstants(g: GraphBuilder, layout: Layout, weights: Weights): (slot: Slot) => Value {
  const constants = new Map<Slot['name'], Value>();
  for (const part of ['parameters', 'statistics'] as const) {
    for (const { name, dims, offset, size } of layout[part].slots) {
      constants.set(name, g.constant(floats(weights[part].subarray(offset, offset + size), dims), name));
    }
  }
  return ({ name }) => constants.get(name)!;
}

/** The first values of the tensors. */
export function startOf({ slots, size }: Slots, rng: Rng): Float32Array {
  const values = new Float32Array(size);
  for (const { offset, size: count, start } of slots) {
    for (let i = offset; i < offset + count; i++) {
      values[i] = 'constant' in start ? start.constant : start.reach * (2 * rng.uniform() - 1);
    }
  }
  return values;
}
