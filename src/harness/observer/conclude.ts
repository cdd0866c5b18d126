import { NO_CLASS } from '../../learning/windows.js';
import { UsageError } from '../../shared/errors.js';
import type { Trace } from '../../trace/trace.js';
import type { Predictions } from './predict.js';

/**
 * Draws an observer's conclusions from predictions, and says how sure they are:
 *
 * - A packet is *attributed* to its most probable class where that is more probable than all others together (a probability of
 *   at least {@link SURE}); else it is *unsure*.
 * - A device is *seen* where at least {@link FEWEST} packets are attributed to it, and more than {@link MARGIN} times as many as
 *   mistakes alone would give it: as many as the other devices' packets of the test part were attributed to it, in proportion. So
 *   a model without a test part is trusted on the number of packets alone.
 * - The *confidence* in a device is the mean probability of the packets attributed to it. It is what the model says, not a share
 *   of right answers: traffic of devices that it has never met makes it confident in vain.
 *
 * The three numbers are our choice.
 */
export const SURE = 0.5;
export const FEWEST = 10;
export const MARGIN = 2;

export interface DeviceConclusion {
  readonly name: string;
  readonly category: 'iot' | 'non-iot' | null;
  readonly seen: boolean;
  /** Packets attributed to it. */
  readonly packets: number;
  readonly bytes: number;
  /** Share of all packets, and below of all bytes, of the traffic. */
  readonly packetShare: number;
  readonly byteShare: number;
  /** Null without packets. */
  readonly confidence: number | null;
  /** Seconds since the Unix epoch of the first and last packet attributed to it. */
  readonly first: number | null;
  readonly last: number | null;
}

/** A stretch of time, and the packets in it attributed to each class. */
export interface Presence {
  readonly from: number;
  readonly to: number;
  readonly packets: number;
  readonly unsure: number;
  /** By class. */
  readonly attributed: readonly number[];
  readonly seen: readonly boolean[];
}

interface Classes {
  readonly classes: readonly { readonly name: string; readonly category: DeviceConclusion['category'] }[];
  /** See ModelCard; zeros where nothing is known. */
  readonly mistaken: readonly number[];
}

/** Returns the class that each packet is attributed to, or NO_CLASS. */
export function attribute({ predicted, confidence }: Predictions): Uint16Array {
  return predicted.map((c, row) => (confidence[row]! >= SURE ? c : NO_CLASS));
}

/**
 * For each class the share of the packets of other classes that are attributed to it.
 * @param truth class of each packet, NO_CLASS for those to leave out
 */
export function countMistaken(truth: Uint16Array, predictions: Predictions, classes: number): number[] {
  const attributed = attribute(predictions);
  const others = new Array<number>(classes).fill(0);
  const mistaken = new Array<number>(classes).fill(0);
  let packets = 0;
  for (let row = 0; row < truth.length; row++) {
    if (truth[row] === NO_CLASS) continue;
    packets++;
    others[truth[row]!]!--;
    if (attributed[row] !== NO_CLASS && attributed[row] !== truth[row]) mistaken[attributed[row]!]!++;
  }
  return mistaken.map((count, c) => count / Math.max(1, packets + others[c]!));
}

/** Tells whether a device is seen if `own` of `packets` packets are attributed to it, given the share of mistaken ones among others. */
export function isSeen(own: number, packets: number, mistaken: number): boolean {
  return own >= FEWEST && own > MARGIN * mistaken * (packets - own);
}

/** Concludes from the traffic whether each class is there, in the order of the classes. */
export function concludeDevices(trace: Trace, predictions: Predictions, classes: Classes): DeviceConclusion[] {
  const attributed = attribute(predictions);
  const sums = classes.classes.map(() => ({ packets: 0, bytes: 0, confidence: 0, first: -1, last: -1 }));
  let bytes = 0;
  for (let row = 0; row < trace.packets; row++) {
    bytes += trace.length[row]!;
    const sum = sums[attributed[row]!];
    if (!sum) continue;
    sum.packets++;
    sum.bytes += trace.length[row]!;
    sum.confidence += predictions.confidence[row]!;
    if (sum.first < 0) sum.first = row;
    sum.last = row;
  }
  return classes.classes.map(({ name, category }, c) => {
    const sum = sums[c]!;
    const has = sum.packets > 0;
    return {
      name,
      category,
      seen: isSeen(sum.packets, trace.packets, classes.mistaken[c]!),
      packets: sum.packets,
      bytes: sum.bytes,
      packetShare: sum.packets / trace.packets,
      byteShare: bytes === 0 ? 0 : sum.bytes / bytes,
      confidence: has ? sum.confidence / sum.packets : null,
      first: has ? trace.time[sum.first]! : null,
      last: has ? trace.time[sum.last]! : null,
    };
  });
}

const MOST_STRETCHES = 100_000;

/**
 * Lists which devices were seen in each period of `minutes`. Periods begin at whole multiples on the clock (UTC), and those without
 * packets are included.
 */
export function concludePresence(
  trace: Trace,
  predictions: Predictions,
  classes: Classes,
  minutes: number,
): Presence[] {
  const seconds = minutes * 60;
  const attributed = attribute(predictions);
  const begin = Math.floor(trace.time[0]! / seconds);
  const stretches = Math.floor(trace.time[trace.packets - 1]! / seconds) - begin + 1;
  if (stretches > MOST_STRETCHES) {
    throw new UsageError(`--over-time: expected at most ${MOST_STRETCHES} stretches of time, found ${stretches}`);
  }
  const counts = Array.from({ length: stretches }, () => ({
    packets: 0,
    unsure: 0,
    attributed: classes.classes.map(() => 0),
  }));
  for (let row = 0; row < trace.packets; row++) {
    const count = counts[Math.floor(trace.time[row]! / seconds) - begin]!;
    count.packets++;
    if (attributed[row] === NO_CLASS) count.unsure++;
    else count.attributed[attributed[row]!]!++;
  }
  return counts.map((count, i) => ({
    from: (begin + i) * seconds,
    to: (begin + i + 1) * seconds,
    ...count,
    seen: count.attributed.map((own, c) => isSeen(own, count.packets, classes.mistaken[c]!)),
  }));
}
