import type { Frame } from './frame.js';

/** Why an encrypted 802.11 frame that its sender had sent before is not kept. */
export const RETRANSMISSION = '802.11 retransmission';

/** Seconds within which a frame may be sent again. A busy sender comes back to a sequence number after about as long. Our choice. */
const RETRANSMISSION_WINDOW = 1;

/**
 * Finds encrypted 802.11 frames that are sent again because no acknowledgement came, by the rule that a receiver has for them (IEEE
 * 802.11-2020, section 10.3.2.14): the retry bit is set, and a frame with the same sender, receiver and sequence control was seen. A frame
 * that was only seen when it was sent again is none. Memory is fixed: among thousands of frames within the window some may be missed.
 */
export interface RetransmissionFilter {
  /** Forgets all frames: those of another file are no retransmissions. */
  clear(): void;
  /** Judges the encrypted frame in `frame`, captured at `time` in seconds, and remembers it. */
  isRetransmission(frame: Frame, time: number): boolean;
}

/** Frames remembered, one by the hash of its key: a power of two. */
const SLOTS = 4096;
const WORDS = 4;

export function createRetransmissionFilter(): RetransmissionFilter {
  const keys = new Int32Array(SLOTS * WORDS);
  const times = new Float64Array(SLOTS).fill(Number.NEGATIVE_INFINITY);
  return {
    clear() {
      times.fill(Number.NEGATIVE_INFINITY);
    },
    isRetransmission({ sourceHigh, sourceLow, destinationHigh, destinationLow, sequence, isRetry }, time) {
      const highs = (sourceHigh << 16) | destinationHigh;
      const mixed = Math.imul(sourceLow ^ highs, 0x9e3779b1) ^ Math.imul(destinationLow, 0x85ebca6b);
      const spread = Math.imul(mixed ^ (mixed >>> 15) ^ sequence, 0xc2b2ae35);
      const slot = (spread ^ (spread >>> 16)) & (SLOTS - 1);
      const at = slot * WORDS;
      const isKnown =
        keys[at] === highs &&
        keys[at + 1] === sourceLow &&
        keys[at + 2] === destinationLow &&
        keys[at + 3] === sequence &&
        Math.abs(time - times[slot]!) <= RETRANSMISSION_WINDOW;
      keys[at] = highs;
      keys[at + 1] = sourceLow;
      keys[at + 2] = destinationLow;
      keys[at + 3] = sequence;
      times[slot] = time;
      return isKnown && isRetry;
    },
  };
}
