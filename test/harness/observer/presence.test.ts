import { describe, expect, it } from 'vitest';
import { scorePresence } from '../../../src/harness/observer/presence.js';
import { NO_CLASS } from '../../../src/learning/windows.js';
import { makeTrace } from '../../support/make-trace.js';

const devices = ['plug', 'camera'];
const [plug, camera] = [0, 1];

interface Group {
  hour: number;
  packets: number;
  /** Class of the packets; NO_CLASS for cover. */
  truth: number;
  predicted: number;
  confidence?: number;
}

function presence(groups: Group[]) {
  const rows = groups.flatMap((group) => Array.from({ length: group.packets }, () => group));
  return scorePresence(
    makeTrace(rows.map(({ hour }) => ({ time: hour * 3600 + 5 }))),
    Uint16Array.from(rows, ({ truth }) => truth),
    {
      predicted: Uint16Array.from(rows, ({ predicted }) => predicted),
      confidence: Float32Array.from(rows, ({ confidence = 0.9 }) => confidence),
    },
    devices,
    devices,
  );
}

describe('presence by the hour', () => {
  it('has precision and recall over devices and hours', () => {
    // Hour 0: both active, the camera's few packets are not enough. Hour 1: the camera alone, called right.
    // Hour 5: the plug alone, and a tenth of its packets called camera, which hours 0 and 1 gave no reason to expect.
    const scores = presence([
      { hour: 0, packets: 50, truth: plug, predicted: plug },
      { hour: 0, packets: 9, truth: camera, predicted: camera },
      { hour: 1, packets: 40, truth: camera, predicted: camera },
      { hour: 5, packets: 90, truth: plug, predicted: plug },
      { hour: 5, packets: 10, truth: plug, predicted: camera },
    ]);
    expect(scores).toEqual({
      hours: 3,
      active: 4 / 6,
      precision: 3 / 4,
      recall: 3 / 4,
      perDevice: {
        plug: { precision: 1, recall: 1, activeHours: 2 },
        camera: { precision: 1 / 2, recall: 1 / 2, activeHours: 2 },
      },
    });
  });

  it('expects the mistakes of other hours', () => {
    const hours = [1, 2, 3].flatMap((hour) => [
      { hour, packets: 80, truth: plug, predicted: plug },
      { hour, packets: 20, truth: plug, predicted: camera },
    ]);
    // A fifth of the plug's packets is called camera in all other hours: 20 of 100 say nothing.
    expect(presence(hours).perDevice.camera).toEqual({ precision: null, recall: null, activeHours: 0 });
    // In a single hour there is nothing to expect them from.
    expect(presence(hours.slice(0, 2)).perDevice.camera).toMatchObject({ precision: 0 });
  });

  it('is not told by packets that nobody is sure of, and cover is no activity', () => {
    const scores = presence([
      { hour: 0, packets: 50, truth: plug, predicted: plug, confidence: 0.4 },
      { hour: 0, packets: 50, truth: NO_CLASS, predicted: camera },
    ]);
    expect(scores.perDevice.plug).toEqual({ precision: null, recall: 0, activeHours: 1 });
    expect(scores.perDevice.camera).toEqual({ precision: 0, recall: null, activeHours: 0 });
    expect(scores.active).toBe(1 / 2);
  });

  it('is undefined, not 0, without packets', () => {
    expect(presence([])).toMatchObject({ hours: 0, active: 0, precision: null, recall: null });
  });
});
