import { arithmetic } from '../onnx/graph.js';
import type { Layer } from './layer.js';

/** Rectified linear units: max(x, 0). */
export const relu: Layer = ({ g }, { value, shape }) => {
  const y = g.op('Relu', [value]);
  // Its sign is 1 where x is positive and 0 elsewhere.
  return { value: y, shape, backward: (dy) => () => g.op('Mul', [dy, g.op('Sign', [y])]) };
};

/** Exponential linear units (Clevert et al., ICLR 2016): x where positive, exp(x) - 1 elsewhere. */
export const elu: Layer = ({ g }, { value, shape }) => {
  const { add, mul, scalar } = arithmetic(g);
  const y = g.op('Elu', [value]);
  return {
    value: y,
    shape,
    // The slope is exp(x) = y + 1 where x is negative.
    backward: (dy) => () => mul(dy, g.op('Min', [add(y, scalar(1)), scalar(1)])),
  };
};
