import { ratio } from '../../learning/scores.js';
import type { PresenceScores } from '../../result/result.js';
import type { Trace } from '../../trace/trace.js';
import type { Predictions } from './predict.js';
import { judgeStretches } from './tally.js';

const SECONDS = 3600;

/**
 * A device is active in an hour in which it has a real packet, and is called so where it is seen by the rules of conclude.ts, as
 * {@link judgeStretches} applies them hour by hour.
 * @param truth of truthOf
 */
export function scorePresence(
  trace: Trace,
  truth: Uint16Array,
  predictions: Predictions,
  devices: readonly string[],
  classes: readonly string[],
): PresenceScores {
  const first = Math.floor(trace.time[0]! / SECONDS);
  const hourOf = trace.time.map((time) => Math.floor(time / SECONDS) - first);
  const hours = judgeStretches(truth, predictions, hourOf, devices.length, classes.length);
  const scores = devices.map((_, c) => {
    let active = 0;
    let called = 0;
    let right = 0;
    for (const hour of hours) {
      if (hour.active[c]) active++;
      if (hour.called[c]) called++;
      if (hour.active[c] && hour.called[c]) right++;
    }
    return { active, called, right };
  });
  const total = (key: 'active' | 'called' | 'right') => scores.reduce((n, score) => n + score[key], 0);
  return {
    hours: hours.length,
    active: total('active') / Math.max(1, hours.length * devices.length),
    precision: ratio(total('right'), total('called')),
    recall: ratio(total('right'), total('active')),
    perDevice: Object.fromEntries(
      scores.map(({ active, called, right }, c) => [
        devices[c]!,
        { precision: ratio(right, called), recall: ratio(right, active), activeHours: active },
      ]),
    ),
  };
}
