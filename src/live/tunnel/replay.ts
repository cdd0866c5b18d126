/** Replay window of one session (RFC 6479), with blocks of 32 counters. */
export interface ReplayWindow {
  /** Whether a counter is new: not accepted before, and not too old to know. */
  isNew(counter: number): boolean;
  /** Marks a new counter as received; true where it is the highest so far. */
  accept(counter: number): boolean;
}

const BLOCK = 32;
const BLOCKS = 64;
/** Counters behind the highest that are tracked: all blocks but the one being filled. */
const WINDOW = (BLOCKS - 1) * BLOCK;

/** Counters are whole numbers below 2^53. */
export function createReplayWindow(): ReplayWindow {
  const seen = new Uint32Array(BLOCKS);
  let highest = -1;
  const blockOf = (counter: number): number => Math.floor(counter / BLOCK);
  return {
    isNew(counter) {
      if (counter > highest) return true;
      if (counter + WINDOW <= highest) return false;
      return (seen[blockOf(counter) % BLOCKS]! & (1 << (counter % BLOCK))) === 0;
    },
    accept(counter) {
      const block = blockOf(counter);
      const isHighest = counter > highest;
      if (isHighest) {
        const last = highest < 0 ? -1 : blockOf(highest);
        for (let fresh = Math.max(last + 1, block - BLOCKS + 1); fresh <= block; fresh++) seen[fresh % BLOCKS] = 0;
        highest = counter;
      }
      seen[block % BLOCKS]! |= 1 << (counter % BLOCK);
      return isHighest;
    },
  };
}
