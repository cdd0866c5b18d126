import { int64s } from '../onnx/graph.js';
import { type Layer, placesOf } from './layer.js';
import { gather, type Size, turned, windowsOn } from './neighbours.js';

/**
 * A convolution without a bias, which the batch normalisation after it would take away again. Padded to the size of its input.
 *
 * Neighbourhoods are gathered into a matrix, so that it and its gradients are one product each. With examples x places x channels
 * that takes a third to a half of the time of ONNX Runtime's Conv and ConvTranspose (docs/networks.md).
 */
export function convolution(channels: number, kernel: Size): Layer {
  return (pass, { value: x, shape }) => {
    const { g } = pass;
    const reshape = (value: string, ...dims: number[]) => g.op('Reshape', [value, g.constant(int64s(dims))]);
    const around = windowsOn(shape, kernel, { rows: 1, steps: 1 });
    const inputs = around.each * shape.channels;
    const weight = pass.parameter([inputs, channels], { reach: Math.sqrt(6 / (inputs + around.each * channels)) });
    const columns = reshape(gather(g, x, around), -1, inputs);
    return {
      value: reshape(g.op('MatMul', [columns, weight]), -1, placesOf(shape), channels),
      shape: { ...shape, channels },
      backward(dy) {
        pass.learn(weight, g.op('Gemm', [columns, reshape(dy, -1, channels)], { transA: 1 }));
        return () => {
          // The output places that an input place reaches, each by its own part of the kernel.
          const reached = reshape(gather(g, dy, turned(around)), -1, around.each * channels);
          const parts = reshape(weight, around.each, shape.channels, channels);
          const back = reshape(g.op('Transpose', [parts], { perm: [0, 2, 1] }), -1, shape.channels);
          return reshape(g.op('MatMul', [reached, back]), -1, placesOf(shape), shape.channels);
        };
      },
    };
  };
}
