import { SURE } from '../harness/observer/conclude.js';
import { NO_CLASS } from '../learning/windows.js';

/** Sums over packets, in one array so that tallies are added column by column. */
export type Tally = Float64Array;

/** First columns of a {@link Tally}; three for each class follow. */
export const Sum = {
  PACKETS: 0,
  BYTES: 1,
  /** Bytes from home to Internet. */
  OUTBOUND: 2,
  /** Packets attributed to no device. */
  UNSURE: 3,
  UNSURE_BYTES: 4,
  /** Packets whose true device the model knows, and those among them for which it is the most probable one. */
  SCORED: 5,
  RIGHT: 6,
} as const;
const SUMS = 7;

export function createTally(classes: number): Tally {
  return new Float64Array(SUMS + 3 * classes);
}

export function addTally(to: Tally, tally: Tally): void {
  for (let i = 0; i < to.length; i++) to[i]! += tally[i]!;
}

/** A packet with the model's answer; see Answers in predict.ts. */
interface Answered {
  readonly bytes: number;
  readonly isOutbound: boolean;
  readonly predicted: number;
  readonly confidence: number;
  /** Most probable device and true device; NO_CLASS where there is none. */
  readonly device: number;
  readonly truth: number;
}

/** Adds a packet. Returns whether it is attributed to its most probable class. */
export function countPacket(tally: Tally, packet: Answered): boolean {
  const { bytes, predicted, confidence, truth } = packet;
  tally[Sum.PACKETS]!++;
  tally[Sum.BYTES]! += bytes;
  if (packet.isOutbound) tally[Sum.OUTBOUND]! += bytes;
  if (truth !== NO_CLASS) {
    tally[Sum.SCORED]!++;
    if (packet.device === truth) tally[Sum.RIGHT]!++;
  }
  if (predicted === NO_CLASS || confidence < SURE) {
    tally[Sum.UNSURE]!++;
    tally[Sum.UNSURE_BYTES]! += bytes;
    return false;
  }
  const at = SUMS + 3 * predicted;
  tally[at]!++;
  tally[at + 1]! += bytes;
  tally[at + 2]! += confidence;
  return true;
}

/** Sums of the packets attributed to one class. */
export function ofClass(tally: Tally, c: number): { packets: number; bytes: number; confidence: number | null } {
  const at = SUMS + 3 * c;
  const packets = tally[at]!;
  return { packets, bytes: tally[at + 1]!, confidence: packets === 0 ? null : tally[at + 2]! / packets };
}
