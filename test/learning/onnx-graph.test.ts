import { describe, expect, it } from 'vitest';
import { createGraph, float, floats, int64s } from '../../src/learning/onnx/graph.js';
import { decodeModel, encodeModel } from '../../src/learning/onnx/model.js';
import { createSession, loadRuntime } from '../../src/learning/onnx/runtime.js';

describe('an ONNX graph', () => {
  it('is written in the bytes that onnx.proto3 says', () => {
    const g = createGraph('g');
    g.output(g.op('LeakyRelu', [g.input('x', 'float32', ['n', 2])], { alpha: float(0.5) }), 'float32', ['n', 2]);
    // Field by field, by hand from the numbers in onnx.proto3: (field << 3 | wire type), length, content. What is empty is left out.
    const text = (field: number, value: string) => [(field << 3) | 2, value.length, ...Buffer.from(value)];
    const message = (field: number, ...parts: number[][]) => [(field << 3) | 2, parts.flat().length, ...parts.flat()];
    const integer = (field: number, value: number) => [field << 3, value];
    const shape = message(2, message(1, text(2, 'n')), message(1, integer(1, 2)));
    const tensor = message(2, message(1, integer(1, 1), shape));
    // Field 20 takes a tag of two bytes; 0.5 is 0x3f000000.
    const alpha = message(5, text(1, 'alpha'), [(2 << 3) | 5, 0, 0, 0, 0x3f], [0xa0, 0x01, 1]);
    const node = message(1, text(1, 'x'), text(2, 'LeakyRelu_0'), text(3, 'LeakyRelu_0'), text(4, 'LeakyRelu'), alpha);
    const graph = message(
      7,
      node,
      text(2, 'g'),
      message(11, text(1, 'x'), tensor),
      message(12, text(1, 'LeakyRelu_0'), tensor),
    );
    const operators = [message(8, integer(2, 17)), message(8, text(1, 'ai.onnx.ml'), integer(2, 3))].flat();
    const expected = [
      ...integer(1, 8),
      ...text(2, 'homeveil'),
      ...graph,
      ...operators,
      ...message(14, text(1, 'k'), text(2, 'v')),
    ];
    expect([...encodeModel(g, { k: 'v' })]).toEqual(expected);
  });

  it('runs, with a Scan whose body uses a value from outside', async () => {
    const g = createGraph('cumulative');
    const x = g.input('x', 'float32', [3, 2]);
    const factor = g.constant(floats([10], []));
    const body = g.subgraph('body');
    const before = body.input(body.fresh('before'), 'float32', [2]);
    const sum = body.op('Add', [before, body.op('Mul', [body.input(body.fresh('row'), 'float32', [2]), factor])]);
    for (const value of [sum, sum, before]) body.output(value, 'float32', [2]);
    const [last, sums, befores] = g.ops('Scan', 3, [g.constant(floats([0, 0])), x], { body, num_scan_inputs: 1 });
    g.output(last!, 'float32', [2], 'last');
    g.output(sums!, 'float32', [3, 2], 'sums');
    g.output(befores!, 'float32', [3, 2], 'befores');
    const runtime = await loadRuntime(1);
    const session = await createSession(runtime, encodeModel(g), { threads: 1, device: 'cpu' });
    const results = await session.run({ x: new runtime.Tensor('float32', [1, 2, 3, 4, 5, 6], [3, 2]) });
    expect([...(results.last!.data as Float32Array)]).toEqual([90, 120]);
    expect([...(results.sums!.data as Float32Array)]).toEqual([10, 20, 40, 60, 90, 120]);
    expect([...(results.befores!.data as Float32Array)]).toEqual([0, 0, 10, 20, 40, 60]);
    await session.release();
  });

  it('refuses a constant whose values do not fill its dimensions', () => {
    expect(() => createGraph('g').constant(floats([1, 2, 3], [2, 2]))).toThrow(/3 values for dimensions \[2,2\]/);
  });

  it('keeps float constants by name, and metadata', () => {
    const g = createGraph('g');
    g.constant(floats([1.5, -2]), 'weights');
    g.constant(int64s([1]), 'shape');
    const { metadata, constants } = decodeModel(encodeModel(g, { answer: '42' }), 'x');
    expect(metadata).toEqual({ answer: '42' });
    expect([...constants]).toEqual([['weights', Float32Array.of(1.5, -2)]]);
  });

  it('asks for cuda in vain with one clear line', async () => {
    const g = createGraph('g');
    g.output(g.op('Neg', [g.input('x', 'float32', [1])]), 'float32', [1]);
    for (const name of ['onnxruntime-node', 'onnxruntime-web'] as const) {
      const runtime = await loadRuntime(1, undefined, name);
      const session = createSession(runtime, encodeModel(g), { threads: 1, device: 'cuda' });
      await session.then(
        // A machine that has it.
        (made) => made.release(),
        (error: Error) => expect(`${error.name}: ${error.message}`).toMatch(/^UsageError: device cuda: [^\n]+$/),
      );
    }
  });
});
