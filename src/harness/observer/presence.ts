import { ratio } from '../../learning/scores.js';
import { NO_CLASS } from '../../learning/windows.js';
import type { PresenceScores } from '../../result/result.js';
import type { Trace } from '../../trace/trace.js';
import { attribute, isSeen } from './conclude.js';
import type { Predictions } from './predict.js';

interface Hour {
  packets: number;
  /** By class: packets attributed to it; those of them that are another device's; its own real packets. */
  readonly attributed: Float64Array;
  readonly mistaken: Float64Array;
  readonly real: Float64Array;
}

const SECONDS = 3600;

/**
 * A device is active in an hour in which it has a real packet, and is called so where it is seen by the rules of conclude.ts. How
 * often other devices are mistaken for it, which those rules ask for, is counted over the other hours, so that no hour's truth
 * bears on its own verdict; with one hour only, the number of packets alone decides.
 * @param truth of truthOf
 */
export function scorePresence(
  trace: Trace,
  truth: Uint16Array,
  predictions: Predictions,
  devices: readonly string[],
  classes: readonly string[],
): PresenceScores {
  const hours = countHours(trace, truth, predictions, classes.length);
  const all = sumOf([...hours.values()], classes.length);
  const realPackets = sum(all.real);
  const scores = devices.map((_, c) => {
    let active = 0;
    let called = 0;
    let right = 0;
    for (const hour of hours.values()) {
      const others = realPackets - sum(hour.real) - (all.real[c]! - hour.real[c]!);
      const mistaken = (all.mistaken[c]! - hour.mistaken[c]!) / Math.max(1, others);
      const isCalled = isSeen(hour.attributed[c]!, hour.packets, mistaken);
      const isActive = hour.real[c]! > 0;
      if (isActive) active++;
      if (isCalled) called++;
      if (isActive && isCalled) right++;
    }
    return { active, called, right };
  });
  const total = (key: 'active' | 'called' | 'right') => scores.reduce((n, score) => n + score[key], 0);
  return {
    hours: hours.size,
    active: total('active') / Math.max(1, hours.size * devices.length),
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

function countHours(trace: Trace, truth: Uint16Array, predictions: Predictions, classes: number): Map<number, Hour> {
  const attributed = attribute(predictions);
  const hours = new Map<number, Hour>();
  for (let row = 0; row < trace.packets; row++) {
    const key = Math.floor(trace.time[row]! / SECONDS);
    let hour = hours.get(key);
    if (hour === undefined) {
      hour = sumOf([], classes);
      hours.set(key, hour);
    }
    hour.packets++;
    const [own, named] = [truth[row]!, attributed[row]!];
    if (own !== NO_CLASS) hour.real[own]!++;
    if (named !== NO_CLASS) hour.attributed[named]!++;
    if (own !== NO_CLASS && named !== NO_CLASS && named !== own) hour.mistaken[named]!++;
  }
  return hours;
}

function sumOf(hours: readonly Hour[], classes: number): Hour {
  const add = (key: 'attributed' | 'mistaken' | 'real') =>
    Float64Array.from({ length: classes }, (_, c) => hours.reduce((n, hour) => n + hour[key][c]!, 0));
  return {
    packets: hours.reduce((n, hour) => n + hour.packets, 0),
    attributed: add('attributed'),
    mistaken: add('mistaken'),
    real: add('real'),
  };
}

function sum(counts: Float64Array): number {
  return counts.reduce((n, count) => n + count, 0);
}
