import { arithmetic, floats, int64s } from '../onnx/graph.js';
import { dataTypes } from '../onnx/proto.js';
import { type Layer, placesOf } from './layer.js';
import { compact, gather, type Size, turned, windowsOn } from './neighbours.js';

/** Below every number that a network has. */
const LOWEST = -3e38;

/** The largest number of each window, padded like a convolution. Places that share the maximum share its gradient. */
export function maxPool(kernel: Size, stride: Size): Layer {
  return ({ g }, { value: x, shape }) => {
    const around = windowsOn(shape, kernel, stride);
    const each = g.constant(int64s([2]));
    const numbers = gather(g, x, around, LOWEST);
    const y = g.op('ReduceMax', [numbers], { axes: [2], keepdims: 0 });
    return {
      value: y,
      shape: { ...around.shape, channels: shape.channels },
      backward: (dy) => () => {
        const { mul, div } = arithmetic(g);
        const isEqual = (a: string, b: string) => g.op('Cast', [g.op('Equal', [a, b])], { to: dataTypes.float32 });
        const winners = g.op('ReduceSum', [isEqual(numbers, g.op('Unsqueeze', [y, each])), each], { keepdims: 0 });
        const back = compact(turned(around));
        const hasWon = isEqual(g.op('Unsqueeze', [x, each]), gather(g, y, back));
        return g.op('ReduceSum', [mul(hasWon, gather(g, div(dy, winners), back)), each], { keepdims: 0 });
      },
    };
  };
}

/** The mean over all places. */
export const meanPool: Layer = ({ g }, { value: x, shape }) => ({
  value: g.op('ReduceMean', [x], { axes: [1] }),
  shape: { rows: 1, steps: 1, channels: shape.channels },
  backward: (dy) => () => {
    const share = g.op('Mul', [dy, g.constant(floats([1 / placesOf(shape)], []))]);
    return g.op('Expand', [share, g.op('Shape', [x])]);
  },
});
