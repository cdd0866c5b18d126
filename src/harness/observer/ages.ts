import type { AgeScores } from '../../result/result.js';
import type { Trace } from '../../trace/trace.js';
import { spanOf } from '../dataset.js';
import { type Judged, score } from './evaluate.js';

const HOUR = 3600;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;

/** Ages at which a stretch of the test time begins, in seconds: each about twice the one before. Our choice. */
const BEGINNINGS = [
  ...[0, 1, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 4].map((days) => days * DAY),
  ...[1, 2, 4, 8, 16, 32, 52].map((weeks) => weeks * WEEK),
];

/** A stretch is scored where at least two devices have so many real packets in it. Our choice. */
const FEWEST_PACKETS = 50;

/**
 * Scores an identification by the age of what the observer knows: the time from the last training packet to the packet that is asked of.
 * The test time is cut at {@link BEGINNINGS}; a stretch with too few packets is left out. What a defense sends after the last packet
 * without it belongs to the last stretch.
 * @param time of the packets of `judged`, in order, in seconds
 * @param test the test part without defense, which says how far the ages reach
 * @param trained time of the last training packet
 * @returns null where a test packet is earlier than a training packet: knowledge then has no age
 */
export function scoreAges(
  time: Float64Array,
  { truth, answers, classes }: Judged,
  test: Trace,
  trained: number,
  seed: number,
): AgeScores[] | null {
  const { from, to } = spanOf(test);
  if (from === null || to === null || from < trained) return null;
  const [youngest, oldest] = [from - trained, to - trained];
  let end = 0;
  return BEGINNINGS.flatMap((beginning, i) => {
    const next = BEGINNINGS[i + 1] ?? Number.POSITIVE_INFINITY;
    const begin = end;
    while (end < time.length && (time[end]! - trained < next || oldest < next)) end++;
    const own = truth.subarray(begin, end);
    if (!isEnough(own, classes.length)) return [];
    const { identification, blocks } = score(own, answers.subarray(begin, end), classes, seed);
    const { accuracy, accuracyLow, accuracyHigh, balancedAccuracy, majority } = identification;
    return [
      {
        from: Math.max(beginning, youngest),
        to: Math.min(next, oldest),
        packets: blocks.total.reduce((sum, count) => sum + count, 0),
        ...{ accuracy, accuracyLow, accuracyHigh, balancedAccuracy, majority },
      },
    ];
  });
}

function isEnough(truth: Uint16Array, classes: number): boolean {
  const counts = new Uint32Array(classes);
  for (const c of truth) if (c < classes) counts[c]!++;
  return counts.filter((count) => count >= FEWEST_PACKETS).length >= 2;
}
