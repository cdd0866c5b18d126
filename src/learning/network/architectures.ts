import { int64s, type Value } from '../onnx/graph.js';
import { elu, relu } from './activation.js';
import { attention, positions, presentMean } from './attention.js';
import { convolution } from './convolution.js';
import { dense, dropout, flatten } from './dense.js';
import { type Layer, residual, sequence } from './layer.js';
import { batchNorm, layerNorm } from './normalisation.js';
import { maxPool, meanPool } from './pooling.js';

/**
 * Deep Fingerprinting (Sirinam et al., CCS 2018): four blocks of two convolutions, a pool and dropout, then two dense layers; kernels,
 * activations and shares of dropout as in its public code. `filters` is 32 there; the blocks have 1, 2, 4 and 8 times as many.
 */
export function deepFingerprinting(classes: number, filters: number, units: number): Layer {
  const kernel = { rows: 1, steps: 8 };
  const block = (channels: number, activation: Layer) => [
    ...[1, 2].flatMap(() => [convolution(channels, kernel), batchNorm, activation]),
    maxPool(kernel, { rows: 1, steps: 4 }),
    dropout(0.1),
  ];
  return sequence(
    ...block(filters, elu),
    ...block(2 * filters, relu),
    ...block(4 * filters, relu),
    ...block(8 * filters, relu),
    flatten,
    ...[dense(units), batchNorm, relu, dropout(0.7)],
    ...[dense(units), batchNorm, relu, dropout(0.5)],
    dense(classes),
  );
}

/**
 * The network of Robust Fingerprinting (Shen et al., USENIX Security 2023) over two rows of slots of time: four convolutions in two
 * dimensions, five in one, one to the classes, and a mean over what is left of time; kernels, pools and shares of dropout as in its
 * public code. `filters` is 32 there. Convolutions are padded to the size of their input, where that code loses three slots at each of
 * the first four.
 */
export function robustFingerprinting(classes: number, filters: number): Layer {
  const convolutions = (kernel: { rows: number; steps: number }, ...channels: readonly number[]) =>
    channels.flatMap((each) => [convolution(each, kernel), batchNorm, relu]);
  const pool = (rows: number, steps: number) => maxPool({ rows, steps }, { rows, steps });
  const plane = { rows: 3, steps: 6 };
  const line = { rows: 1, steps: 3 };
  return sequence(
    ...[...convolutions(plane, filters, filters), pool(1, 3), dropout(0.1)],
    ...[...convolutions(plane, 2 * filters, 2 * filters), pool(2, 2), dropout(0.1)],
    ...[...convolutions(line, 4 * filters, 4 * filters), pool(1, 3), dropout(0.3)],
    ...[...convolutions(line, 8 * filters, 8 * filters), pool(1, 3), dropout(0.3)],
    ...convolutions(line, 16 * filters),
    ...[convolution(classes, line), batchNorm],
    meanPool,
  );
}

/** Sizes of {@link transformer}. */
export interface TransformerSizes {
  /** Channels of each place; a multiple of `heads`. */
  readonly width: number;
  readonly heads: number;
  readonly layers: number;
  /** Share dropped of the output of each half of a layer. */
  readonly dropped: number;
}

/**
 * An encoder of packets (Vaswani et al., NeurIPS 2017), with normalisation before each half of a layer (Xiong et al., ICML 2020) and a
 * mean over the packets. The first channel of the input is 1 for a packet and 0 for padding.
 */
export function transformer(classes: number, { width, heads, layers, dropped }: TransformerSizes): Layer {
  return (pass, input) => {
    const { g } = pass;
    const bounds = [0, 1, 2].map((number) => g.constant(int64s([number]))) as [Value, Value, Value];
    const present = g.op('Slice', [input.value, bounds[0], bounds[1], bounds[2]]);
    const halves = Array.from({ length: layers }).flatMap(() => [
      residual(sequence(layerNorm, dense(3 * width), attention(heads, present), dense(width), dropout(dropped))),
      residual(sequence(layerNorm, dense(4 * width), relu, dense(width), dropout(dropped))),
    ]);
    const whole = sequence(dense(width), positions, ...halves, layerNorm, presentMean(present), dense(classes));
    return whole(pass, input);
  };
}
