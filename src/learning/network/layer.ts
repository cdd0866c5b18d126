import type { GraphBuilder, Value } from '../onnx/graph.js';

/** Numbers of an example: a grid of rows x steps, with `channels` numbers at each place. A vector is a grid of 1 x 1. */
export interface Shape {
  readonly rows: number;
  readonly steps: number;
  readonly channels: number;
}

export const placesOf = ({ rows, steps }: Shape): number => rows * steps;
export const sizeOf = (shape: Shape): number => placesOf(shape) * shape.channels;

/** Values that pass between layers: float32, examples x places x channels, row after row of places. */
interface Signal {
  readonly value: Value;
  readonly shape: Shape;
}

/** The output of a layer, and its gradient. */
interface Applied extends Signal {
  /**
   * Adds the gradients of the layer's parameters to the graph, and when the result is called, that of its input. The first layer's is
   * never asked for.
   * @param gradient of the loss in the output
   */
  backward(gradient: Value): () => Value;
}

/** Adds its operators to the graph of the pass. */
export type Layer = (pass: Pass, input: Signal) => Applied;

/** The values that a parameter begins with: one number, or uniform within the reach on both sides of zero. */
export type Start = { readonly constant: number } | { readonly reach: number };

/** One way through a network: in training, with gradients, or for answers. */
export interface Pass {
  readonly g: GraphBuilder;
  readonly training: boolean;
  /** A tensor of learnt numbers. */
  parameter(dims: readonly number[], start: Start): Value;
  /** Sets the gradient of a parameter. */
  learn(parameter: Value, gradient: Value): void;
  /** A vector of numbers that are observed in training and used for answers: means and variances. */
  statistic(size: number, start: number): Value;
  /** Sets what the batch has in place of a statistic. */
  observe(statistic: Value, observed: Value): void;
  /** In training: 1 to keep a number and 0 to drop it, uint8, examples x places x channels, drawn anew for each step. */
  keep(shape: Shape, share: number): Value;
}

/** Layers one after another. */
export function sequence(...layers: readonly Layer[]): Layer {
  return (pass, input) => {
    const applied: Applied[] = [];
    let signal = input;
    for (const layer of layers) {
      const next = layer(pass, signal);
      applied.push(next);
      signal = next;
    }
    return {
      ...signal,
      backward(gradient) {
        let input = () => gradient;
        for (const { backward } of applied.toReversed()) input = backward(input());
        return input;
      },
    };
  };
}

/** Adds what a layer gives to its input, which has the same shape (He et al., CVPR 2016). */
export function residual(layer: Layer): Layer {
  return (pass, input) => {
    const { g } = pass;
    const inner = layer(pass, input);
    return {
      value: g.op('Add', [input.value, inner.value]),
      shape: input.shape,
      backward(dy) {
        const inputGradient = inner.backward(dy);
        return () => g.op('Add', [dy, inputGradient()]);
      },
    };
  };
}
