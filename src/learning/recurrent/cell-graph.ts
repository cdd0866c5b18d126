import { arithmetic, type GraphBuilder, int64s, type Value, zeros } from '../onnx/graph.js';

/**
 * The LSTM layer with its gradient as ONNX operators. docs/recurrent.md has the derivation.
 *
 * Everything that does not depend on the previous step is one large product over all steps. The recursion itself is a Scan, whose
 * body works on matrices of batch x hidden that stay in the processor's cache.
 */

export interface CellValues {
  /** 4 hidden x inputs, gates input, output, forget, cell */
  readonly input: Value;
  /** 4 hidden x hidden */
  readonly recurrent: Value;
  /** 4 hidden */
  readonly bias: Value;
}

export interface CellSizes {
  readonly time: number;
  readonly batch: number;
  readonly inputs: number;
  readonly hidden: number;
}

/** Values that the forward pass keeps for the backward pass; all time x batch x hidden. */
export interface CellTrace {
  readonly output: Value;
  readonly previousOutput: Value;
  readonly previousCell: Value;
  readonly tanhCell: Value;
  readonly gates: { readonly i: Value; readonly o: Value; readonly f: Value; readonly g: Value };
}

/**
 * One direction of one layer.
 * @param x time x batch x inputs
 * @param mask for the reverse direction: time x batch x 1, 0 on padding. The input and output gates are shut there, so that the
 *   state that reaches a window's last packet is the initial zero, and no gradient leaves the window.
 */
export function cellForward(
  g: GraphBuilder,
  { time, batch, inputs, hidden }: CellSizes,
  x: Value,
  cell: CellValues,
  mask?: Value,
): CellTrace {
  const flatX = g.op('Reshape', [x, g.constant(int64s([time * batch, inputs]))]);
  const fromInput = g.op('Reshape', [
    g.op('Gemm', [flatX, cell.input, cell.bias], { transB: 1 }),
    g.constant(int64s([time, batch, 4 * hidden])),
  ]);
  const recurrentT = g.op('Transpose', [cell.recurrent], { perm: [1, 0] });

  const body = g.subgraph('forward');
  const h = body.input(g.fresh('h'), 'float32', [batch, hidden]);
  const c = body.input(g.fresh('c'), 'float32', [batch, hidden]);
  const z = body.input(g.fresh('z'), 'float32', [batch, 4 * hidden]);
  const shut = mask === undefined ? undefined : body.input(g.fresh('mask'), 'float32', [batch, 1]);
  const { mul, add } = arithmetic(body);
  const [zi, zo, zf, zg] = body.ops('Split', 4, [body.op('Gemm', [h, recurrentT, z])], { axis: 1 });
  const gate = (value: Value) => body.op('Sigmoid', [value]);
  const shutGate = (value: Value) => (shut === undefined ? gate(value) : mul(gate(value), shut));
  const i = shutGate(zi!);
  const o = shutGate(zo!);
  const f = gate(zf!);
  const candidate = body.op('Tanh', [zg!]);
  const cell1 = add(mul(f, c), mul(i, candidate));
  const tanhCell = body.op('Tanh', [cell1]);
  const output = mul(o, tanhCell);
  for (const value of [output, cell1, output, h, c, tanhCell, i, o, f, candidate]) {
    body.output(value, 'float32', [batch, hidden]);
  }

  const scanned = mask === undefined ? [fromInput] : [fromInput, mask];
  const turn = mask === undefined ? 0 : 1;
  const zero = zeros(g, batch, hidden);
  const kept = g.ops('Scan', 10, [zero, zero, ...scanned], {
    body,
    num_scan_inputs: scanned.length,
    scan_input_directions: scanned.map(() => turn),
    scan_output_directions: Array<number>(8).fill(turn),
  });
  const [, , outputs, previousOutput, previousCell, tanhCells, is, os, fs, gs] = kept as string[];
  return {
    output: outputs!,
    previousOutput: previousOutput!,
    previousCell: previousCell!,
    tanhCell: tanhCells!,
    gates: { i: is!, o: os!, f: fs!, g: gs! },
  };
}

/**
 * Gradient of one direction of one layer.
 * @param outputGradient time x batch x hidden
 * @returns gradients of the parameters, and of the layer's input as (time * batch) x inputs
 */
export function cellBackward(
  g: GraphBuilder,
  { time, batch, inputs, hidden }: CellSizes,
  x: Value,
  cell: CellValues,
  trace: CellTrace,
  outputGradient: Value,
  reverse: boolean,
): CellValues & { readonly x: Value } {
  // The factors that turn dh and dc into each gate's dz, and dh into dc, do not depend on the recursion.
  const { mul, oneMinus } = arithmetic(g);
  const { i, o, f, g: candidate } = trace.gates;
  const slope = (gate: Value) => mul(gate, oneMinus(gate));
  const slopeOfTanh = (value: Value) => oneMinus(mul(value, value));
  const shares = g.op(
    'Concat',
    [
      mul(candidate, slope(i)),
      mul(trace.tanhCell, slope(o)),
      mul(trace.previousCell, slope(f)),
      mul(i, slopeOfTanh(candidate)),
    ],
    { axis: 2 },
  );
  const shareOfCell = mul(o, slopeOfTanh(trace.tanhCell));

  const body = g.subgraph('backward');
  const state = (name: string, width = hidden) => body.input(g.fresh(name), 'float32', [batch, width]);
  const dhNext = state('dh_next');
  const dcNext = state('dc_next');
  const dy = state('dy');
  const stepShareOfCell = state('share_of_cell');
  const stepShares = state('shares', 4 * hidden);
  const stepForget = state('f');
  const inBody = arithmetic(body);
  const dh = inBody.add(dy, dhNext);
  const dc = inBody.add(inBody.mul(dh, stepShareOfCell), dcNext);
  const dz = inBody.mul(body.op('Concat', [dc, dh, dc, dc], { axis: 1 }), stepShares);
  body.output(body.op('MatMul', [dz, cell.recurrent]), 'float32', [batch, hidden]);
  body.output(inBody.mul(dc, stepForget), 'float32', [batch, hidden]);
  body.output(dz, 'float32', [batch, 4 * hidden]);

  const scanned = [outputGradient, shareOfCell, shares, f];
  // Against the direction of the forward pass.
  const turn = reverse ? 0 : 1;
  const zero = zeros(g, batch, hidden);
  const [, , steps] = g.ops('Scan', 3, [zero, zero, ...scanned], {
    body,
    num_scan_inputs: scanned.length,
    scan_input_directions: scanned.map(() => turn),
    scan_output_directions: [turn],
  });

  const flat = (value: Value, width: number) => g.op('Reshape', [value, g.constant(int64s([time * batch, width]))]);
  const flatDz = flat(steps!, 4 * hidden);
  return {
    input: g.op('Gemm', [flatDz, flat(x, inputs)], { transA: 1 }),
    recurrent: g.op('Gemm', [flatDz, flat(trace.previousOutput, hidden)], { transA: 1 }),
    bias: g.op('ReduceSum', [flatDz, g.constant(int64s([0]))], { keepdims: 0 }),
    x: g.op('MatMul', [flatDz, cell.input]),
  };
}
