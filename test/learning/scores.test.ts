import { describe, expect, it } from 'vitest';
import { mostProbable, scoreIdentification } from '../../src/learning/scores.js';
import { NO_CLASS } from '../../src/learning/windows.js';

const devices = ['plug', 'hub', 'cam', 'bulb'];
const score = (truth: number[], predicted: number[]) =>
  scoreIdentification({
    devices,
    classes: [...devices, 'cover'],
    truth: Uint16Array.from(truth),
    predicted: Uint16Array.from(predicted),
  });

describe('scores', () => {
  const truth = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2];
  const predicted = [0, 0, 1, 4, 1, 1, 0, 0, 3, 4];
  const result = score(truth, predicted);

  it('agree with scikit-learn', () => {
    // scikit-learn 1.2.1: accuracy_score; balanced_accuracy_score; f1_score(average='macro', labels=[0, 1, 2]);
    // precision_recall_fscore_support(zero_division=0).
    expect(result.accuracy).toBeCloseTo(0.4, 12);
    expect(result.balancedAccuracy).toBeCloseTo(0.38888888888888884, 12);
    expect(result.macroF1).toBeCloseTo(0.38888888888888884, 12);
    expect(result.perDevice.plug).toEqual({ precision: 0.5, recall: 0.5, f1: 0.5, support: 4 });
    expect(result.perDevice.hub!.f1).toBeCloseTo(2 / 3, 12);
  });

  it('count a real packet called cover as a miss', () => {
    expect(result.confusion[0]).toEqual([2, 1, 0, 0, 1]);
    expect(result.confusion[2]).toEqual([1, 0, 0, 1, 1]);
  });

  it('leave undefined quantities null', () => {
    expect(result.perDevice.cam).toEqual({ precision: null, recall: 0, f1: 0, support: 3 });
    expect(result.perDevice.bulb).toEqual({ precision: 0, recall: null, f1: 0, support: 0 });
    expect(score([0], [0]).perDevice.bulb).toEqual({ precision: null, recall: null, f1: null, support: 0 });
  });

  it('know chance and majority', () => {
    expect(result.chance).toBe(0.25);
    expect(result.majority).toBe(0.4);
  });

  it('leave out packets that are not real, and count no answer as a miss', () => {
    const partial = score([0, NO_CLASS, 1, 1], [0, 1, NO_CLASS, 1]);
    expect(partial.accuracy).toBeCloseTo(2 / 3, 12);
    expect(partial.confusion[1]).toEqual([0, 1, 0, 0, 0]);
    expect(partial.perDevice.hub!.support).toBe(2);
  });

  it('need a packet', () => {
    expect(() => score([NO_CLASS], [0])).toThrow('at least one real packet');
  });
});

it('takes the most probable class, the first of equals, and none for a row of zeros', () => {
  expect([...mostProbable(Float32Array.of(0.2, 0.5, 0.3, 0.5, 0.5, 0, 0, 0, 0), 3)]).toEqual([1, 0, NO_CLASS]);
});
