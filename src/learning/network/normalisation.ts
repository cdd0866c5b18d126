import { arithmetic, int64s, type Value } from '../onnx/graph.js';
import { dataTypes } from '../onnx/proto.js';
import { type Layer, placesOf } from './layer.js';

/** Keeps the root of a variance of zero away from zero; as in the papers' code. */
const EPSILON = 1e-5;

/**
 * Batch normalisation (Ioffe and Szegedy, ICML 2015): each channel with mean 0 and variance 1 over the examples and places of the
 * batch, then scaled and shifted. Answers use the means and variances that training observed.
 */
export const batchNorm: Layer = (pass, { value, shape }) => {
  const { g } = pass;
  const { channels } = shape;
  const { add, sub, mul, div, scalar } = arithmetic(g);
  const reshape = (x: Value, ...dims: number[]) => g.op('Reshape', [x, g.constant(int64s(dims))]);
  const toGrid = (x: Value) => reshape(x, -1, placesOf(shape), channels);
  const mean = (x: Value) => g.op('ReduceMean', [x], { axes: [0], keepdims: 0 });
  const scale = pass.parameter([channels], { constant: 1 });
  const shift = pass.parameter([channels], { constant: 0 });
  const usualMean = pass.statistic(channels, 0);
  const usualVariance = pass.statistic(channels, 1);

  const x = reshape(value, -1, channels);
  const batchMean = pass.training ? mean(x) : usualMean;
  const centred = sub(x, batchMean);
  const batchVariance = pass.training ? mean(mul(centred, centred)) : usualVariance;
  const deviation = g.op('Sqrt', [add(batchVariance, scalar(EPSILON))]);
  const normal = div(centred, deviation);
  if (pass.training) {
    pass.observe(usualMean, batchMean);
    pass.observe(usualVariance, batchVariance);
  }
  return {
    value: toGrid(add(mul(normal, scale), shift)),
    shape,
    backward(gradient) {
      const dy = reshape(gradient, -1, channels);
      const sum = (x: Value) => g.op('ReduceSum', [x, g.constant(int64s([0]))], { keepdims: 0 });
      const [sumOfShift, sumOfScale] = [sum(dy), sum(mul(dy, normal))];
      pass.learn(scale, sumOfScale);
      pass.learn(shift, sumOfShift);
      return () => {
        // The mean and the variance depend on every number of the batch.
        const numbers = mul(g.op('Cast', [g.op('Size', [x])], { to: dataTypes.float32 }), scalar(1 / channels));
        const share = div(add(sumOfShift, mul(normal, sumOfScale)), numbers);
        return toGrid(mul(div(scale, deviation), sub(dy, share)));
      };
    },
  };
};

/** Layer normalisation (Ba et al., 2016): the channels of each place with mean 0 and variance 1, then scaled and shifted. */
export const layerNorm: Layer = (pass, { value: x, shape }) => {
  const { g } = pass;
  const { add, sub, mul, div, scalar } = arithmetic(g);
  const mean = (numbers: Value) => g.op('ReduceMean', [numbers], { axes: [2] });
  const scale = pass.parameter([shape.channels], { constant: 1 });
  const shift = pass.parameter([shape.channels], { constant: 0 });
  const centred = sub(x, mean(x));
  const deviation = g.op('Sqrt', [add(mean(mul(centred, centred)), scalar(EPSILON))]);
  const normal = div(centred, deviation);
  return {
    value: add(mul(normal, scale), shift),
    shape,
    backward(dy) {
      const sum = (numbers: Value) => g.op('ReduceSum', [numbers, g.constant(int64s([0, 1]))], { keepdims: 0 });
      pass.learn(scale, sum(mul(dy, normal)));
      pass.learn(shift, sum(dy));
      return () => {
        const slope = mul(dy, scale);
        const share = add(mean(slope), mul(normal, mean(mul(slope, normal))));
        return div(sub(slope, share), deviation);
      };
    },
  };
};
