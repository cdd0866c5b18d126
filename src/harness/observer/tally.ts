import { NO_CLASS } from '../../learning/windows.js';
import { attribute, isSeen } from './conclude.js';
import type { Predictions } from './predict.js';

/** Conclusions of an observer in one stretch of time, and the truth there. */
export interface StretchVerdict {
  /** By device: whether it has a real packet in the stretch. */
  readonly active: readonly boolean[];
  /** By device: whether the observer calls it active. */
  readonly called: readonly boolean[];
}

/** Packets of one stretch of time. */
interface Tally {
  packets: number;
  /** By class: packets attributed to it; those of them that are another device's; its own real packets. */
  readonly attributed: Float64Array;
  readonly mistaken: Float64Array;
  readonly real: Float64Array;
}

/**
 * Judges each stretch of time by the rules of conclude.ts. How often other devices are mistaken for a device, which those rules ask for,
 * is counted over the other stretches, so that no stretch's truth bears on its own verdict; with one stretch only, the number of packets
 * alone decides.
 * @param truth of truthOf
 * @param stretches the stretch of each packet, a whole number; negative for packets to leave out
 * @param devices number of devices, which are the first of the `classes`
 * @returns a verdict for each stretch with a packet, in the order of their first packets
 */
export function judgeStretches(
  truth: Uint16Array,
  predictions: Predictions,
  stretches: Float64Array,
  devices: number,
  classes: number,
): StretchVerdict[] {
  const tallies = tally(truth, predictions, stretches, classes);
  const all = sumOf(tallies, classes);
  const realPackets = sum(all.real);
  return tallies.map((own) => {
    const elsewhere = realPackets - sum(own.real);
    return {
      active: Array.from({ length: devices }, (_, c) => own.real[c]! > 0),
      called: Array.from({ length: devices }, (_, c) => {
        const others = elsewhere - (all.real[c]! - own.real[c]!);
        const mistaken = (all.mistaken[c]! - own.mistaken[c]!) / Math.max(1, others);
        return isSeen(own.attributed[c]!, own.packets, mistaken);
      }),
    };
  });
}

function tally(truth: Uint16Array, predictions: Predictions, stretches: Float64Array, classes: number): Tally[] {
  const attributed = attribute(predictions);
  const tallies = new Map<number, Tally>();
  for (let row = 0; row < stretches.length; row++) {
    const stretch = stretches[row]!;
    if (stretch < 0) continue;
    let counts = tallies.get(stretch);
    if (counts === undefined) {
      counts = sumOf([], classes);
      tallies.set(stretch, counts);
    }
    counts.packets++;
    const [own, named] = [truth[row]!, attributed[row]!];
    if (own !== NO_CLASS) counts.real[own]!++;
    if (named !== NO_CLASS) counts.attributed[named]!++;
    if (own !== NO_CLASS && named !== NO_CLASS && named !== own) counts.mistaken[named]!++;
  }
  return [...tallies.values()];
}

function sumOf(tallies: readonly Tally[], classes: number): Tally {
  const add = (key: 'attributed' | 'mistaken' | 'real') =>
    Float64Array.from({ length: classes }, (_, c) => tallies.reduce((n, counts) => n + counts[key][c]!, 0));
  return {
    packets: tallies.reduce((n, counts) => n + counts.packets, 0),
    attributed: add('attributed'),
    mistaken: add('mistaken'),
    real: add('real'),
  };
}

function sum(counts: Float64Array): number {
  return counts.reduce((n, count) => n + count, 0);
}
