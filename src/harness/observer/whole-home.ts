import { ratio } from '../../learning/scores.js';
import type { WholeHomeScores } from '../../result/result.js';
import { observedSeconds, observedTimes } from '../../trace/clock.js';
import type { Trace } from '../../trace/trace.js';
import type { Predictions } from './predict.js';
import { judgeStretches, type StretchVerdict } from './tally.js';

const HOUR = 3600;
const DAY = 24 * HOUR;

/** Observation times in seconds, as far as the test part reaches. Our choice. */
const TIMES = [HOUR / 6, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 4 * DAY, 7 * DAY];

/** Windows that are judged of each length: enough for a mean, and each as far from the next as can be. Our choice. */
const MOST_WINDOWS = 10;

/**
 * Scores the set of devices that an observer calls present after watching for some time, for several such times. The test part is cut
 * into windows of that length, one after another from its first packet, over time that was observed. In a window a device is present if
 * it has a real packet, and called so where it is seen by the rules of conclude.ts, as {@link judgeStretches} applies them: mistakes are
 * counted over the other windows of the same length, and for the whole test part the number of packets alone decides. Windows
 * without any packet are not judged, nor what is left at the end.
 * @param truth of truthOf; held-out devices of an open world have none, so that calling a known device on their traffic is a mistake
 * @param test the test part without defense, whose observed time counts
 * @param devices number of known devices, which are the first of the `classes`
 * @returns a row for each observation time, the last for the whole test part
 */
export function scoreWholeHome(
  trace: Trace,
  truth: Uint16Array,
  predictions: Predictions,
  test: Trace,
  devices: number,
  classes: number,
): WholeHomeScores[] {
  const times = observedTimes(trace);
  const whole = observedSeconds(test);
  const judge = (seconds: number, stretches: Float64Array) =>
    scoreSets(seconds, evenlySpaced(judgeStretches(truth, predictions, stretches, devices, classes)));
  return [
    ...TIMES.filter((seconds) => seconds < whole).map((seconds) => {
      const complete = Math.floor(whole / seconds);
      const windowOf = times.map((time) => {
        const window = Math.floor(time / seconds);
        return window < complete ? window : -1;
      });
      return judge(seconds, windowOf);
    }),
    judge(whole, new Float64Array(trace.packets)),
  ];
}

/** Chooses at most {@link MOST_WINDOWS}, the first and the last among them. */
function evenlySpaced<T>(windows: readonly T[]): T[] {
  if (windows.length <= MOST_WINDOWS) return [...windows];
  const step = (windows.length - 1) / (MOST_WINDOWS - 1);
  return Array.from({ length: MOST_WINDOWS }, (_, i) => windows[Math.round(i * step)]!);
}

function scoreSets(seconds: number, windows: readonly StretchVerdict[]): WholeHomeScores {
  let [devices, present, called, right] = [0, 0, 0, 0];
  for (const window of windows) {
    for (const [c, isPresent] of window.active.entries()) {
      devices++;
      if (isPresent) present++;
      if (window.called[c]) called++;
      if (isPresent && window.called[c]) right++;
    }
  }
  return {
    seconds,
    windows: windows.length,
    present: ratio(present, devices),
    precision: ratio(right, called),
    recall: ratio(right, present),
  };
}
