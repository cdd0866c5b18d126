import { describe, expect, it } from 'vitest';
import { emptyBatch } from '../../src/learning/recurrent/batch.js';
import type { Engine } from '../../src/learning/recurrent/engine.js';
import {
  initialParameters,
  type NetworkShape,
  packetFeatures,
  parameterLayout,
} from '../../src/learning/recurrent/network.js';
import { createOnnxEngine } from '../../src/learning/recurrent/onnx-engine.js';
import { createTfjsEngine } from '../../src/learning/recurrent/tfjs-engine.js';
import { createRng } from '../../src/shared/rng.js';
import { randomBatch } from '../support/make-batch.js';

const time = 6;
const batch = 4;
const dropout = 0.25;

describe.each([false, true])('bidirectional: %s', (bidirectional) => {
  const shape: NetworkShape = { ports: 5, embedding: 3, hidden: 4, layers: 2, bidirectional, classes: 3 };
  const options = { shape, time, batch, dropout, clipNorm: 0.05, threads: 1, device: 'cpu' as const };

  /** Parameters after three steps, and probabilities by them. */
  async function train(engine: Engine) {
    engine.setParameters(initialParameters(shape, createRng(2)));
    const results = [];
    for (let step = 0; step < 3; step++)
      results.push(await engine.step(randomBatch(shape, time, batch, dropout, step), 0.01));
    const probabilities = await engine.predict(randomBatch(shape, time, batch, 0));
    const parameters = engine.getParameters();
    return { results, probabilities, parameters };
  }

  it('trains alike on ONNX Runtime, native and WebAssembly, and on TensorFlow.js', async () => {
    const native = await createOnnxEngine(options, 'onnxruntime-node');
    const engines = [await createOnnxEngine(options, 'onnxruntime-web'), await createTfjsEngine(options)];
    const expected = await train(native);
    for (const engine of engines) {
      const found = await train(engine);
      found.results.forEach(({ loss, norm }, i) => {
        expect(loss).toBeCloseTo(expected.results[i]!.loss, 5);
        expect(norm).toBeCloseTo(expected.results[i]!.norm, 5);
      });
      // Adam's first steps have the length of the rate whatever the gradient is, and where it is nearly zero, any sign.
      expect(meanDistance(found.parameters, expected.parameters)).toBeLessThan(1e-4);
      const { count } = randomBatch(shape, time, batch, 0);
      for (let row = 0; row < time * batch; row++) {
        if (Math.floor(row / batch) >= count[row % batch]!) continue;
        for (let c = 0; c < 3; c++)
          expect(found.probabilities[row * 3 + c]).toBeCloseTo(expected.probabilities[row * 3 + c]!, 3);
      }
      await engine.dispose();
    }
    await native.dispose();
  });

  it('takes parameters from one engine to another and back unchanged', async () => {
    const onnx = await createOnnxEngine(options);
    const tfjs = await createTfjsEngine(options);
    const { parameters } = await train(onnx);
    tfjs.setParameters(parameters);
    expect(tfjs.getParameters()).toEqual(parameters);
    const data = randomBatch(shape, time, batch, 0);
    data.count.fill(time);
    const [ours, theirs] = [await onnx.predict(data), await tfjs.predict(data)];
    theirs.forEach((value, i) => {
      expect(value).toBeCloseTo(ours[i]!, 5);
    });
    const { parameters: trained } = await train(tfjs);
    onnx.setParameters(trained);
    expect(onnx.getParameters()).toEqual(trained);
    await onnx.dispose();
    await tfjs.dispose();
  });

  it('keeps its memory over many steps', async () => {
    const engine = await createOnnxEngine(options);
    engine.setParameters(initialParameters(shape, createRng(2)));
    const data = randomBatch(shape, time, batch, dropout);
    for (let step = 0; step < 100; step++) await engine.step(data, 0.01);
    const before = process.memoryUsage();
    for (let step = 0; step < 900; step++) await engine.step(data, 0.01);
    const after = process.memoryUsage();
    expect(after.rss - before.rss).toBeLessThan(50e6);
    await engine.dispose();
  });
});

it('gives the forget gate a bias of one, and ports that were never seen an embedding of zeros', () => {
  const shape: NetworkShape = { ports: 5, embedding: 3, hidden: 4, layers: 1, bidirectional: false, classes: 3 };
  const parameters = initialParameters(shape, createRng(2));
  const { embedding, layers } = parameterLayout(shape);
  const { bias } = layers[0]![0]!;
  expect([...parameters.subarray(bias.offset, bias.offset + bias.size)]).toEqual([...'0000000011110000'].map(Number));
  expect([...parameters.subarray(embedding.offset, embedding.offset + 3)]).toEqual([0, 0, 0]);
  expect(emptyBatch(2, 3).features.length).toBe(6 * packetFeatures);
});

function meanDistance(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length;
}
