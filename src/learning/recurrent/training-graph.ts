import { arithmetic, createGraph, type GraphBuilder, int64s, type Value } from '../onnx/graph.js';
import { encodeModel } from '../onnx/model.js';
import { crossEntropy, oneHot } from '../training/cross-entropy.js';
import { adam } from '../training/optimiser.js';
import { type CellTrace, type CellValues, cellBackward, cellForward } from './cell-graph.js';
import { directions, inputWidth, type NetworkShape, packetFeatures, parameterLayout } from './network.js';
import { parametersFromVector } from './parameter-graph.js';

export interface TrainingSizes {
  readonly time: number;
  readonly batch: number;
  /** Share of each layer's output that is dropped, in [0, 1). */
  readonly dropout: number;
}

/**
 * The gradient of the loss as an ONNX model.
 * Inputs: `parameters` (see ParameterLayout) and the arrays of a TrainingBatch, `keep0`, `keep1`... for the dropout of each layer.
 * Outputs: `loss`, `gradient` (like `parameters`).
 */
export function gradientModel(shape: NetworkShape, sizes: TrainingSizes): Uint8Array {
  const g = createGraph('gradient');
  const { loss, gradient } = lossAndGradient(g, shape, sizes);
  g.output(loss, 'float32', [], 'loss');
  g.output(gradient, 'float32', [parameterLayout(shape).size], 'gradient');
  return encodeModel(g);
}

/**
 * A whole step of training as an ONNX model: the gradient, clipped by its global norm (Pascanu et al., ICML 2013), and
 * Adam (Kingma and Ba, ICLR 2015, algorithm 1).
 * Inputs beside those of the gradient model: `mean` and `variance` (Adam's moments, like `parameters`), `rate`, and
 * `mean_scale` and `variance_scale`, the corrections of the moments' bias at this step.
 * Outputs: `loss`, `norm` of the gradient before clipping, `next_parameters`, `next_mean`, `next_variance`.
 */
export function trainingModel(shape: NetworkShape, sizes: TrainingSizes, clipNorm: number): Uint8Array {
  const g = createGraph('training');
  const { size } = parameterLayout(shape);
  const { loss, gradient, parameters } = lossAndGradient(g, shape, sizes);
  const { add, sub, mul, div, scalar } = arithmetic(g);
  const mean = g.input('mean', 'float32', [size]);
  const variance = g.input('variance', 'float32', [size]);
  const rate = g.input('rate', 'float32', []);
  const meanScale = g.input('mean_scale', 'float32', []);
  const varianceScale = g.input('variance_scale', 'float32', []);

  const norm = g.op('ReduceL2', [gradient], { keepdims: 0 });
  const clipped = mul(gradient, div(scalar(clipNorm), g.op('Max', [norm, scalar(clipNorm)])));
  const decay = (moment: Value, sample: Value, beta: number) =>
    add(mul(moment, scalar(beta)), mul(sample, scalar(1 - beta)));
  const nextMean = decay(mean, clipped, adam.beta1);
  const nextVariance = decay(variance, mul(clipped, clipped), adam.beta2);
  const direction = div(
    mul(nextMean, mul(meanScale, rate)),
    add(g.op('Sqrt', [mul(nextVariance, varianceScale)]), scalar(adam.epsilon)),
  );

  g.output(loss, 'float32', [], 'loss');
  g.output(norm, 'float32', [], 'norm');
  g.output(sub(parameters, direction), 'float32', [size], 'next_parameters');
  g.output(nextMean, 'float32', [size], 'next_mean');
  g.output(nextVariance, 'float32', [size], 'next_variance');
  return encodeModel(g);
}

function lossAndGradient(g: GraphBuilder, shape: NetworkShape, { time, batch, dropout }: TrainingSizes) {
  const { mul } = arithmetic(g);
  const rows = time * batch;
  const width = directions(shape) * shape.hidden;
  const reshape = (value: Value, ...dims: number[]) => g.op('Reshape', [value, g.constant(int64s(dims))]);

  const port = g.input('port', 'int32', [time, batch]);
  const features = g.input('features', 'float32', [time, batch, packetFeatures]);
  const label = g.input('label', 'int32', [rows]);
  const weight = g.input('weight', 'float32', [rows, 1]);
  // 1 on packets, 0 on padding; for the reverse direction, which would otherwise begin in the padding.
  const mask = shape.bidirectional ? g.input('mask', 'float32', [time, batch, 1]) : undefined;
  const parameters = g.input('parameters', 'float32', [parameterLayout(shape).size]);
  const values = parametersFromVector(g, shape, parameters);

  // Forward.
  const layers: { x: Value; inputs: number; cells: CellTrace[]; keep: Value | undefined }[] = [];
  let x = g.op('Concat', [g.op('Gather', [values.embedding, port]), features], { axis: 2 });
  let inputs = inputWidth(shape);
  values.layers.forEach((cells, layer) => {
    const traces = cells.map((cell, direction) =>
      cellForward(g, { time, batch, inputs, hidden: shape.hidden }, x, cell, direction === 1 ? mask : undefined),
    );
    const outputs = traces.map((trace) => trace.output);
    const joined = outputs.length === 1 ? outputs[0]! : g.op('Concat', outputs, { axis: 2 });
    const keep =
      dropout === 0 ? undefined : dropoutFactor(g, g.input(`keep${layer}`, 'uint8', [time, batch, width]), dropout);
    layers.push({ x, inputs, cells: traces, keep });
    x = keep === undefined ? joined : mul(joined, keep);
    inputs = width;
  });
  const top = reshape(x, rows, width);
  const logits = g.op('Gemm', [top, values.denseWeight, values.denseBias], { transB: 1 });

  const { loss, gradient: dLogits } = crossEntropy(g, logits, label, weight, shape.classes);

  // Backward.
  const columnSums = g.constant(int64s([0]));
  const dDenseWeight = g.op('Gemm', [dLogits, top], { transA: 1 });
  const dDenseBias = g.op('ReduceSum', [dLogits, columnSums], { keepdims: 0 });
  let dx = g.op('MatMul', [dLogits, values.denseWeight]);
  const dCells: CellValues[][] = [];
  for (let layer = layers.length - 1; layer >= 0; layer--) {
    const { x: layerInput, inputs: layerInputs, cells, keep } = layers[layer]!;
    const shaped = reshape(dx, time, batch, width);
    const dOutput = keep === undefined ? shaped : mul(shaped, keep);
    const parts = cells.length === 1 ? [dOutput] : g.ops('Split', 2, [dOutput], { axis: 2 });
    const gradients = cells.map((trace, direction) =>
      cellBackward(
        g,
        { time, batch, inputs: layerInputs, hidden: shape.hidden },
        layerInput,
        values.layers[layer]![direction]!,
        trace,
        parts[direction]!,
        direction === 1,
      ),
    );
    dx = gradients.map((gradient) => gradient.x).reduce((a, b) => g.op('Add', [a, b]));
    dCells.unshift(gradients);
  }
  const [dEmbedded] = g.ops('Split', 2, [dx, g.constant(int64s([shape.embedding, packetFeatures]))], { axis: 1 });
  // A product is several times as fast as adding with ScatterElements.
  const dEmbedding = g.op('Gemm', [oneHot(g, reshape(port, rows), shape.ports), dEmbedded!], { transA: 1 });

  const flat = (value: Value) => reshape(value, -1);
  const inOrder = [
    dEmbedding,
    ...dCells.flat().flatMap((cell) => [cell.input, cell.recurrent, cell.bias]),
    dDenseWeight,
    dDenseBias,
  ];
  return { loss, gradient: g.op('Concat', inOrder.map(flat), { axis: 0 }), parameters };
}

/** Factors of dropout: 0 to drop, 1 / (1 - dropout) to keep. Dequantizing combines the cast and the product. */
function dropoutFactor(g: GraphBuilder, keep: Value, dropout: number): Value {
  return g.op('DequantizeLinear', [keep, arithmetic(g).scalar(1 / (1 - dropout))]);
}
