import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Column } from '../../../src/learning/forest/bins.js';
import { type Forest, predictProbabilities, trainForest } from '../../../src/learning/forest/forest.js';
import { addForest } from '../../../src/learning/forest/forest-graph.js';
import { createGraph } from '../../../src/learning/onnx/graph.js';
import { encodeModel } from '../../../src/learning/onnx/model.js';
import { loadRuntime, type OnnxRuntime } from '../../../src/learning/onnx/runtime.js';
import { createRng } from '../../../src/shared/rng.js';

/** Two categorical columns and a numeric one, whose numbers are as far apart as 32 bits allow. */
function makeColumns(rows: number, seed: number): Column[] {
  const rng = createRng(seed, 'columns');
  const port = Uint16Array.from({ length: rows }, () => rng.integer(0, 60));
  const protocols = Uint8Array.from({ length: rows }, () => rng.integer(0, 9));
  const number = Float32Array.from({ length: rows }, () => rng.normal(0, 1) * 10 ** rng.integer(-45, 37));
  return [
    { kind: 'categorical', name: 'port', values: port },
    { kind: 'categorical', name: 'protocols', values: protocols },
    { kind: 'numeric', name: 'number', values: number },
  ];
}

function encode(forest: Forest): Uint8Array {
  const g = createGraph('forest');
  const inputs = [
    g.input('port', 'int64', ['rows', 1]),
    g.input('protocols', 'int64', ['rows', 1]),
    g.input('number', 'float32', ['rows', 1]),
  ];
  const classes = Array.from({ length: forest.classes }, (_, c) => `class ${c}`);
  g.output(addForest(g, forest, classes, inputs), 'float32', ['rows', forest.classes], 'probabilities');
  return encodeModel(g);
}

async function runModel(runtime: OnnxRuntime, bytes: Uint8Array, [port, protocols, number]: Column[]) {
  const session = await runtime.InferenceSession.create(bytes);
  const integers = (column: Column) =>
    new runtime.Tensor('int64', BigInt64Array.from(column.values, BigInt), [column.values.length, 1]);
  const { probabilities } = await session.run({
    port: integers(port!),
    protocols: integers(protocols!),
    number: new runtime.Tensor('float32', number!.values as Float32Array, [number!.values.length, 1]),
  });
  await session.release();
  return probabilities!.data as Float32Array;
}

// Two builds of one runtime: the WebAssembly one shares the operators' source with the native one, but not its compiler.
const RUNTIMES = ['onnxruntime-node', 'onnxruntime-web'] as const;

it('a forest as ONNX gives the probabilities of our own predictor, in both builds of the runtime', async () => {
  const runtimes = await Promise.all(RUNTIMES.map((name) => loadRuntime(1, undefined, name)));
  const shape = fc.record({
    seed: fc.integer(),
    rows: fc.integer({ min: 1, max: 300 }),
    classes: fc.integer({ min: 2, max: 6 }),
    trees: fc.integer({ min: 1, max: 8 }),
    categories: fc.integer({ min: 1, max: 40 }),
    bins: fc.integer({ min: 2, max: 255 }),
    isPure: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(shape, async ({ seed, rows, classes, trees, categories, bins, isPure }) => {
      const columns = makeColumns(rows, seed);
      const rng = createRng(seed, 'labels');
      const [port, , number] = columns;
      const label = Uint16Array.from(
        { length: rows },
        (_, row) => ((port!.values[row]! % 7) + Number(number!.values[row]! > 0) + rng.integer(0, 1)) % classes,
      );
      if (isPure) label.fill(0);
      const options = { classes, trees, categories, bins, outOfBag: false, rng, threads: 1 };
      const forest = await trainForest(columns, label, options);
      const other = makeColumns(100, seed + 1);
      const expected = await predictProbabilities(forest, other, 1);
      for (const [i, runtime] of runtimes.entries()) {
        const found = await runModel(runtime, encode(forest), other);
        let worst = 0;
        for (let i = 0; i < expected.length; i++) worst = Math.max(worst, Math.abs(expected[i]! - found[i]!));
        expect(found.length, RUNTIMES[i]).toBe(expected.length);
        expect(worst, RUNTIMES[i]).toBeLessThan(1e-6);
      }
    }),
    { numRuns: 25 },
  );
});
