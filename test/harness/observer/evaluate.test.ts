import { describe, expect, test } from 'vitest';
import { score, scoreModel, truthOf } from '../../../src/harness/observer/evaluate.js';
import { predictTrace } from '../../../src/harness/observer/predict.js';
import { NO_CLASS } from '../../../src/learning/windows.js';
import { makeTrace } from '../../support/make-trace.js';

const classes = ['a', 'b', 'cover'];
const trace = makeTrace([
  { time: 0, device: 0 },
  { time: 1, device: 1 },
  { time: 2, device: 1, cover: 1 },
  { time: 3, device: 1 },
]);
/** Calls everything cover, but has an idea whose each packet would be. */
const shy = {
  predict: async () => Float32Array.of(0.3, 0.1, 0.6, 0.1, 0.2, 0.7, 0, 0, 1, 0, 0, 1),
};
const windowing = { size: 10, mix: 'home', port: 'service' } as const;

describe('an attack that calls everything cover', () => {
  test('is scored by the device it finds most probable', async () => {
    const predictions = await predictTrace({ identifier: shy, classes, windowing }, trace);
    expect([...predictions.predicted]).toEqual([2, 2, 2, 2]);
    expect([...predictions.device]).toEqual([0, 1, NO_CLASS, NO_CLASS]);
    const truth = truthOf(trace, ['a', 'b']);
    expect(score(truth, predictions.device, ['a', 'b'], 1).identification).toMatchObject({
      accuracy: 2 / 3,
      classes: ['a', 'b'],
      confusion: [
        [1, 0],
        [0, 1],
      ],
    });
  });

  test('falls back on the commonest device where it has no idea', async () => {
    const model = { identifier: shy, classes, commonest: 1, threshold: null, windowing };
    const { identification, blocks } = await scoreModel(model, trace, ['a', 'b'], 1);
    expect(identification.accuracy).toBe(1);
    expect([...blocks.correct]).toEqual([3]);
  });
});
