import tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { createOptimiser } from '../../src/learning/training/optimiser.js';

describe('an optimiser', () => {
  it.each(['adam', 'adamax'] as const)('moves parameters as TensorFlow.js does: %s', (name) => {
    const start = [0.5, -1, 2, 0];
    const slope = (parameter: number, i: number) => (i + 1) * parameter ** 2 - i;
    const ours = Float32Array.from(start);
    const step = createOptimiser(name, start.length);
    const theirs = tf.variable(tf.tensor1d(start));
    const oracle = tf.train[name](0.01, 0.9, 0.999, 1e-8);
    for (let i = 0; i < 20; i++) {
      const gradient = Float32Array.from(ours, slope);
      step(ours, gradient, 0.01);
      oracle.applyGradients([{ name: theirs.name, tensor: tf.tensor1d(gradient) }]);
    }
    const expected = theirs.dataSync();
    ours.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i]!, 4);
      expect(Math.abs(value - start[i]!)).toBeGreaterThan(0.01);
    });
  });
});
