import { arithmetic, floats, int64s, type Value } from '../onnx/graph.js';
import { type Layer, placesOf } from './layer.js';

/** Taken from the scores of padding: far more than any two scores differ by. */
const NEVER = 1e9;

/**
 * Scaled dot-product attention in several heads (Vaswani et al., NeurIPS 2017), between the dense layers that make queries, keys and
 * values, a third of the channels each, and the one that joins the heads.
 * @param present examples x places x 1: 1 for places that may be looked at, 0 for padding
 */
export function attention(heads: number, present: Value): Layer {
  return ({ g }, { value, shape }) => {
    const places = placesOf(shape);
    const channels = shape.channels / 3;
    const width = channels / heads;
    const { add, sub, mul, scalar } = arithmetic(g);
    const reshape = (x: Value, ...dims: number[]) => g.op('Reshape', [x, g.constant(int64s(dims))]);
    const transpose = (x: Value, ...perm: number[]) => g.op('Transpose', [x], { perm });
    /** examples x places x channels to examples x heads x places x width, and back. */
    const apart = (x: Value) => transpose(reshape(x, -1, places, heads, width), 0, 2, 1, 3);
    const together = (x: Value) => reshape(transpose(x, 0, 2, 1, 3), -1, places, channels);
    const turned = (x: Value) => transpose(x, 0, 1, 3, 2);
    const scale = scalar(1 / Math.sqrt(width));

    const [query, key, own] = g.ops('Split', 3, [value], { axis: 2 }).map(apart) as [Value, Value, Value];
    const padding = mul(sub(reshape(present, -1, 1, 1, places), scalar(1)), scalar(NEVER));
    const scores = add(mul(g.op('MatMul', [query, turned(key)]), scale), padding);
    const share = g.op('Softmax', [scores], { axis: 3 });
    return {
      value: together(g.op('MatMul', [share, own])),
      shape: { ...shape, channels },
      backward: (gradient) => () => {
        const dy = apart(gradient);
        const dShare = g.op('MatMul', [dy, turned(own)]);
        const mean = g.op('ReduceSum', [mul(dShare, share), g.constant(int64s([3]))]);
        const dScores = mul(mul(share, sub(dShare, mean)), scale);
        const parts = [
          g.op('MatMul', [dScores, key]),
          g.op('MatMul', [turned(dScores), query]),
          g.op('MatMul', [turned(share), dy]),
        ];
        return g.op('Concat', parts.map(together), { axis: 2 });
      },
    };
  };
}

/** Adds learnt numbers to each place, which tell the order of places. */
export const positions: Layer = (pass, { value, shape }) => {
  const { g } = pass;
  const position = pass.parameter([placesOf(shape), shape.channels], { reach: 0.5 });
  return {
    value: g.op('Add', [value, position]),
    shape,
    backward(dy) {
      pass.learn(position, g.op('ReduceSum', [dy, g.constant(int64s([0]))], { keepdims: 0 }));
      return () => dy;
    },
  };
};

/** The mean over the places that are there; `present` as for {@link attention}. */
export function presentMean(present: Value): Layer {
  return ({ g }, { value, shape }) => {
    const { mul, div } = arithmetic(g);
    const all = g.constant(int64s([1]));
    const places = g.op('Max', [g.op('ReduceSum', [present, all]), g.constant(floats([1], []))]);
    const share = div(present, places);
    return {
      value: g.op('ReduceSum', [mul(value, share), all]),
      shape: { rows: 1, steps: 1, channels: shape.channels },
      backward: (dy) => () => mul(dy, share),
    };
  };
}
