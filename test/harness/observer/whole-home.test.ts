import { describe, expect, it } from 'vitest';
import { scoreWholeHome } from '../../../src/harness/observer/whole-home.js';
import { NO_CLASS } from '../../../src/learning/windows.js';
import { makeTrace } from '../../support/make-trace.js';

const [plug, camera] = [0, 1];
const MINUTE = 60;

interface Group {
  /** Minutes from the beginning. */
  at: number;
  packets: number;
  /** Class of the packets; NO_CLASS for cover and for held-out devices. */
  truth: number;
  predicted: number;
  confidence?: number;
}

/** Scores of `groups` in order of time, the first at 0; `minutes` is the length of the test part without defense. */
function wholeHome(groups: readonly Group[], minutes = groups.at(-1)?.at, gaps: readonly [number, number][] = []) {
  const rows = groups.flatMap((group) => Array.from({ length: group.packets }, () => group));
  const withGaps = { gaps: gaps.map(([from, to]) => ({ from: from * MINUTE, to: to * MINUTE, before: 0 })) };
  const without = minutes === undefined ? [] : [...groups.map(({ at }) => at).filter((at) => at < minutes), minutes];
  return scoreWholeHome(
    { ...makeTrace(rows.map(({ at }) => ({ time: at * MINUTE }))), ...withGaps },
    Uint16Array.from(rows, ({ truth }) => truth),
    {
      predicted: Uint16Array.from(rows, ({ predicted }) => predicted),
      confidence: Float32Array.from(rows, ({ confidence = 0.9 }) => confidence),
    },
    { ...makeTrace(without.map((at) => ({ time: at * MINUTE }))), ...withGaps },
    2,
    2,
  );
}

const right = (at: number, device: number, packets = 20): Group => ({ at, packets, truth: device, predicted: device });

describe('the set of devices by observation time', () => {
  it('has precision and recall over windows, and over the whole test part', () => {
    const scores = wholeHome([
      // First ten minutes: both are there, the camera with too few packets.
      right(0, plug),
      right(1, camera, 9),
      // Next ten: the plug alone, some of whose packets are taken for the camera, which no other window gave reason to expect.
      right(12, plug, 80),
      { at: 13, packets: 10, truth: plug, predicted: camera },
      // Then the camera, of which nobody is sure, and at the very end what no longer fills a window.
      { at: 24, packets: 50, truth: camera, predicted: camera, confidence: 0.4 },
      right(35, camera),
    ]);
    expect(scores).toEqual([
      // Present: plug and camera, plug, camera. Called: plug, plug and camera, none.
      { seconds: 600, windows: 3, present: 4 / 6, precision: 2 / 3, recall: 2 / 4 },
      { seconds: 35 * MINUTE, windows: 1, present: 1, precision: 1, recall: 1 },
    ]);
  });

  it('expects the mistakes of the other windows, but none where there is no other', () => {
    const window = (at: number): Group[] => [right(at, plug, 80), { at, packets: 20, truth: plug, predicted: camera }];
    const [short, whole] = wholeHome([...window(0), ...window(10), ...window(20), right(30, plug, 1)]);
    expect(short).toMatchObject({ windows: 3, present: 1 / 2, precision: 1, recall: 1 });
    expect(whole).toMatchObject({ windows: 1, present: 1 / 2, precision: 1 / 2, recall: 1 });
  });

  it('counts a known device that is called on the traffic of an unknown one as a mistake', () => {
    const [whole] = wholeHome([right(0, plug), { at: 5, packets: 30, truth: NO_CLASS, predicted: camera }]);
    expect(whole).toEqual({ seconds: 5 * MINUTE, windows: 1, present: 1 / 2, precision: 1 / 2, recall: 1 });
    const [rejected] = wholeHome([right(0, plug), { at: 5, packets: 30, truth: NO_CLASS, predicted: NO_CLASS }]);
    expect(rejected).toMatchObject({ precision: 1, recall: 1 });
  });

  it('judges ten windows at most, from the first to the last', () => {
    // 23 windows of ten minutes: the plug is found in all but the second and the last, which are judged only if chosen.
    const scores = wholeHome([
      ...Array.from({ length: 23 }, (_, i) => right(10 * i, plug, i === 1 || i === 22 ? 1 : 20)),
      right(230, camera),
    ]);
    expect(scores[0]).toEqual({ seconds: 600, windows: 10, present: 1 / 2, precision: 1, recall: 9 / 10 });
    expect(scores.map(({ seconds }) => seconds / MINUTE)).toEqual([10, 60, 180, 230]);
  });

  it('watches only time that was observed, and no window without a packet', () => {
    const groups = [right(0, plug), right(9, plug), right(195, camera), right(200, camera)];
    const [short, whole] = wholeHome(groups, 200, [[9, 195]]);
    // Nine minutes before the gap and five after it: one window of ten minutes.
    expect(short).toEqual({ seconds: 600, windows: 1, present: 1, precision: 1, recall: 1 });
    expect(whole!.seconds).toBe(14 * MINUTE);
    expect(wholeHome(groups)[0]).toMatchObject({ windows: 2, present: 1 / 2 });
  });

  it('leaves out of windows what a defense sends after the test part, and is undefined, not 0, without packets', () => {
    const scores = wholeHome([right(0, plug), right(15, plug), right(25, camera)], 20);
    expect(scores[0]).toMatchObject({ windows: 2, present: 1 / 2 });
    expect(scores[1]).toMatchObject({ seconds: 20 * MINUTE, present: 1 });
    expect(wholeHome([])).toEqual([{ seconds: 0, windows: 0, present: null, precision: null, recall: null }]);
  });
});
