import { expect, it, vi } from 'vitest';
import { initialParameters, type NetworkShape } from '../../src/learning/recurrent/network.js';
import { createOnnxEngine } from '../../src/learning/recurrent/onnx-engine.js';
import { createRng } from '../../src/shared/rng.js';
import { randomBatch } from '../support/make-batch.js';

vi.mock('onnxruntime-node', () => {
  throw new Error('no binary for this platform');
});

it('trains on the WebAssembly runtime, with one line of warning, where the native one does not load', async () => {
  const shape: NetworkShape = { ports: 3, embedding: 2, hidden: 3, layers: 1, bidirectional: true, classes: 2 };
  const warnings: string[] = [];
  const onWarning = (message: string) => warnings.push(message);
  const engine = await createOnnxEngine({
    shape,
    time: 4,
    batch: 3,
    dropout: 0,
    clipNorm: 1,
    threads: 1,
    device: 'cpu',
    onWarning,
  });
  engine.setParameters(initialParameters(shape, createRng(1)));
  const data = randomBatch(shape, 4, 3, 0);
  const first = await engine.step(data, 0.05);
  for (let step = 0; step < 10; step++) await engine.step(data, 0.05);
  expect((await engine.gradient(data)).loss).toBeLessThan(first.loss);
  expect(engine.runtime).toBe('onnxruntime-web');
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(
    /^onnxruntime-node does not load, so onnxruntime-web does its work, more slowly: [^\n]+$/,
  );
  await engine.dispose();
});
