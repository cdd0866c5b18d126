import type { Rng } from '../../shared/rng.js';

/** Numbers per packet beside the port, as captured: seven protocol bits, direction, length, interval. */
export const rawFeatures = 10;

/** Periods, in bytes, of the waves that encode a length: see encodePackets. */
export const lengthPeriods: readonly number[] = Array.from({ length: 11 }, (_, i) => 4 * 2 ** i);

/** Numbers per packet beside the port, as the network's input. */
export const packetFeatures = rawFeatures + 2 * lengthPeriods.length;

/**
 * The network of Dong et al., arXiv 1909.00104, section 5: per packet a port embedding joined with the other features, a
 * stack of LSTM or bidirectional LSTM layers with dropout, one dense layer, softmax.
 */
export interface NetworkShape {
  /** Rows of the port embedding: known ports, and row 0 for all others. */
  readonly ports: number;
  readonly embedding: number;
  readonly hidden: number;
  readonly layers: number;
  readonly bidirectional: boolean;
  readonly classes: number;
}

/** One parameter tensor, and the place of its values in the flat vector of all parameters. */
export interface ParameterSlot {
  readonly name: string;
  readonly dims: readonly number[];
  readonly offset: number;
  readonly size: number;
}

/** Parameters of one direction of one layer; gates in ONNX order: input, output, forget, cell. */
interface CellSlots {
  /** 4 hidden x inputs */
  readonly input: ParameterSlot;
  /** 4 hidden x hidden */
  readonly recurrent: ParameterSlot;
  /** 4 hidden; one bias, where ONNX and PyTorch have two that occur only as their sum */
  readonly bias: ParameterSlot;
}

/** The map of the flat vector of all parameters, the same for every engine. */
export interface ParameterLayout {
  readonly slots: readonly ParameterSlot[];
  readonly size: number;
  /** ports x embedding */
  readonly embedding: ParameterSlot;
  /** Per layer: one cell, or two where bidirectional (forward, reverse). */
  readonly layers: readonly (readonly CellSlots[])[];
  /** classes x directions * hidden */
  readonly denseWeight: ParameterSlot;
  readonly denseBias: ParameterSlot;
}

export const directions = (shape: NetworkShape): number => (shape.bidirectional ? 2 : 1);

/** Numbers per packet in the first layer's input. */
export const inputWidth = (shape: NetworkShape): number => shape.embedding + packetFeatures;

export function parameterLayout(shape: NetworkShape): ParameterLayout {
  const slots: ParameterSlot[] = [];
  let offset = 0;
  const slot = (name: string, ...dims: number[]): ParameterSlot => {
    const size = dims.reduce((product, dim) => product * dim, 1);
    const made = { name, dims, offset, size };
    slots.push(made);
    offset += size;
    return made;
  };
  const gates = 4 * shape.hidden;
  const embedding = slot('embedding', shape.ports, shape.embedding);
  const layers = Array.from({ length: shape.layers }, (_, layer) => {
    const inputs = layer === 0 ? inputWidth(shape) : directions(shape) * shape.hidden;
    return Array.from({ length: directions(shape) }, (_, direction) => {
      const name = `layer${layer}.${direction === 0 ? 'forward' : 'reverse'}`;
      return {
        input: slot(`${name}.input`, gates, inputs),
        recurrent: slot(`${name}.recurrent`, gates, shape.hidden),
        bias: slot(`${name}.bias`, gates),
      };
    });
  });
  const denseWeight = slot('dense.weight', shape.classes, directions(shape) * shape.hidden);
  const denseBias = slot('dense.bias', shape.classes);
  return { slots, size: offset, embedding, layers, denseWeight, denseBias };
}

/**
 * Initial parameters: uniform within 1 / sqrt(hidden), as in PyTorch's LSTM, except for the forget gate's bias of 1, so that cells
 * remember from the start (Jozefowicz et al., ICML 2015), and a normal embedding.
 */
export function initialParameters(shape: NetworkShape, rng: Rng): Float32Array {
  const layout = parameterLayout(shape);
  const values = new Float32Array(layout.size);
  const fill = ({ offset, size }: ParameterSlot, draw: () => number) => {
    for (let i = offset; i < offset + size; i++) values[i] = draw();
  };
  const uniform = (reach: number) => () => reach * (2 * rng.uniform() - 1);
  fill(layout.embedding, () => rng.normal(0, 0.5));
  // Ports without a row share row 0, which training may never see, so it starts in the middle of the others.
  values.fill(0, layout.embedding.offset, layout.embedding.offset + shape.embedding);
  const reach = 1 / Math.sqrt(shape.hidden);
  for (const { input, recurrent, bias } of layout.layers.flat()) {
    fill(input, uniform(reach));
    fill(recurrent, uniform(reach));
    values.fill(1, bias.offset + 2 * shape.hidden, bias.offset + 3 * shape.hidden);
  }
  fill(layout.denseWeight, uniform(1 / Math.sqrt(directions(shape) * shape.hidden)));
  return values;
}
