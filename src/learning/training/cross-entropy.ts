import { arithmetic, floats, type GraphBuilder, type Value } from '../onnx/graph.js';

/**
 * Cross-entropy of the softmax of `logits` (rows x classes), every row by its weight, and its gradient in the logits:
 * weight * (probability - target).
 * @param label int32, rows
 * @param weight rows x 1
 */
export function crossEntropy(
  g: GraphBuilder,
  logits: Value,
  label: Value,
  weight: Value,
  classes: number,
): { readonly loss: Value; readonly gradient: Value } {
  const { sub, mul } = arithmetic(g);
  const logProbability = g.op('LogSoftmax', [logits], { axis: 1 });
  const target = oneHot(g, label, classes);
  const loss = g.op('Neg', [g.op('ReduceSum', [mul(mul(target, logProbability), weight)], { keepdims: 0 })]);
  return { loss, gradient: mul(sub(g.op('Exp', [logProbability]), target), weight) };
}

/** One-hot encoding: rows to rows x size, 1 in the column of the row's number, 0 elsewhere. */
export function oneHot(g: GraphBuilder, numbers: Value, size: number): Value {
  const depth = g.constant({ type: 'int32', dims: [1], data: Int32Array.of(size) });
  return g.op('OneHot', [numbers, depth, g.constant(floats([0, 1]))]);
}
