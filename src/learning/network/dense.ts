import { arithmetic, int64s, type Value } from '../onnx/graph.js';
import { droppedShare } from '../training/dropout.js';
import { type Layer, placesOf, sizeOf } from './layer.js';

/** `channels` sums of products of the channels at each place, with a bias. */
export function dense(channels: number): Layer {
  return (pass, { value, shape }) => {
    const { g } = pass;
    const reshape = (x: Value, ...dims: number[]) => g.op('Reshape', [x, g.constant(int64s(dims))]);
    const weight = pass.parameter([shape.channels, channels], { reach: Math.sqrt(6 / (shape.channels + channels)) });
    const bias = pass.parameter([channels], { constant: 0 });
    const x = reshape(value, -1, shape.channels);
    return {
      value: reshape(g.op('Gemm', [x, weight, bias]), -1, placesOf(shape), channels),
      shape: { ...shape, channels },
      backward(gradient) {
        const dy = reshape(gradient, -1, channels);
        pass.learn(weight, g.op('Gemm', [x, dy], { transA: 1 }));
        pass.learn(bias, g.op('ReduceSum', [dy, g.constant(int64s([0]))], { keepdims: 0 }));
        return () => reshape(g.op('Gemm', [dy, weight], { transB: 1 }), -1, placesOf(shape), shape.channels);
      },
    };
  };
}

/** All numbers of an example as the channels of one place. */
export const flatten: Layer = ({ g }, { value, shape }) => {
  const size = sizeOf(shape);
  const reshape = (x: Value, ...dims: number[]) => g.op('Reshape', [x, g.constant(int64s(dims))]);
  return {
    value: reshape(value, -1, 1, size),
    shape: { rows: 1, steps: 1, channels: size },
    backward: (dy) => () => reshape(dy, -1, placesOf(shape), shape.channels),
  };
};

/** Dropout (Srivastava et al., JMLR 2014): in training a share of the numbers is 0 and the others grow to make up for it. */
export function dropout(share: number): Layer {
  const dropped = droppedShare(share);
  return (pass, signal) => {
    if (!pass.training || dropped === 0) return { ...signal, backward: (dy) => () => dy };
    const { g } = pass;
    const { mul, scalar } = arithmetic(g);
    // Dequantizing combines the cast and the product.
    const factor = g.op('DequantizeLinear', [pass.keep(signal.shape, dropped), scalar(1 / (1 - dropped))]);
    return { ...signal, value: mul(signal.value, factor), backward: (dy) => () => mul(dy, factor) };
  };
}
