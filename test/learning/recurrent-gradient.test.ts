import { afterAll, describe, expect, it } from 'vitest';
import { initialParameters, type NetworkShape, parameterLayout } from '../../src/learning/recurrent/network.js';
import { createOnnxEngine } from '../../src/learning/recurrent/onnx-engine.js';
import { createTfjsEngine } from '../../src/learning/recurrent/tfjs-engine.js';
import { createRng } from '../../src/shared/rng.js';
import { randomBatch } from '../support/make-batch.js';

const disposables: { dispose(): Promise<void> }[] = [];
afterAll(async () => {
  for (const item of disposables) await item.dispose();
});

describe.each([
  { name: 'lstm', bidirectional: false, dropout: 0 },
  { name: 'lstm with dropout', bidirectional: false, dropout: 0.5 },
  { name: 'blstm with dropout', bidirectional: true, dropout: 0.25 },
])('$name', ({ bidirectional, dropout }) => {
  const shape: NetworkShape = { ports: 5, embedding: 3, hidden: 4, layers: 2, bidirectional, classes: 3 };
  const time = 6;
  const batch = 4;

  it('has the gradient that finite differences have', async () => {
    const engine = await createOnnxEngine({ shape, time, batch, dropout, clipNorm: 1, threads: 1, device: 'cpu' });
    disposables.push(engine);
    const data = randomBatch(shape, time, batch, dropout);
    const parameters = initialParameters(shape, createRng(2));
    engine.setParameters(parameters);
    const { gradient } = await engine.gradient(data);

    // The loss is a float32 near 1, exact to about 1e-7: over a distance of 2 x 0.02 the quotient is good to a few 1e-6. Its own
    // error, of the order of the third derivative times 0.02 squared, is the relative part.
    const step = 0.02;
    for (const { name, offset, size } of parameterLayout(shape).slots) {
      for (let i = offset; i < offset + size; i += Math.max(1, Math.floor(size / 12))) {
        const losses: number[] = [];
        for (const sign of [1, -1]) {
          const moved = parameters.slice();
          moved[i]! += sign * step;
          engine.setParameters(moved);
          losses.push((await engine.gradient(data)).loss);
        }
        const expected = (losses[0]! - losses[1]!) / (2 * step);
        const error = Math.abs(gradient[i]! - expected);
        expect(error, `${name} ${i - offset}: ${gradient[i]}, not ${expected}`).toBeLessThan(
          1e-5 + 1e-3 * Math.abs(expected),
        );
      }
    }
    expect(Math.max(...gradient.map(Math.abs))).toBeGreaterThan(0.05);
  });

  it('has the loss and the gradient that TensorFlow.js has', async () => {
    const options = { shape, time, batch, dropout, clipNorm: 1, threads: 1, device: 'cpu' as const };
    const data = randomBatch(shape, time, batch, dropout);
    const parameters = initialParameters(shape, createRng(2));
    const [ours, theirs] = await Promise.all(
      [await createOnnxEngine(options), await createTfjsEngine(options)].map((engine) => {
        disposables.push(engine);
        engine.setParameters(parameters);
        return engine.gradient(data);
      }),
    );
    expect(Math.abs(ours!.loss / theirs!.loss - 1)).toBeLessThan(1e-5);
    for (const { name, offset, size } of parameterLayout(shape).slots) {
      expect(relativeError(ours!.gradient, theirs!.gradient, offset, size), name).toBeLessThan(1e-4);
    }
  });
});

/** Norm of the difference by the norm of the second, over a part of both. */
function relativeError(a: Float32Array, b: Float32Array, offset: number, size: number): number {
  let difference = 0;
  let whole = 0;
  for (let i = offset; i < offset + size; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    whole += b[i]! ** 2;
  }
  return Math.sqrt(difference / whole);
}
