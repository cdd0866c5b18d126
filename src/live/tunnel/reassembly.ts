import type { Received } from './frame.js';

/** Reassembles the datagrams of one session from parts in any order. */
export interface Reassembly {
  /** Adds a part; returns the whole datagram where no other part is missing, else null. */
  add(part: Received): Buffer | null;
  /** Forgets all parts: a new session numbers its datagrams from 0. */
  clear(): void;
  /** Datagrams given up because parts of them never came. */
  readonly incomplete: number;
}

/** Incomplete datagrams kept at most, the newest ones. This bounds memory and how far parts may be out of order. */
const MOST_WAITING = 256;

interface Waiting {
  readonly parts: Received[];
  /** Bytes received, and bytes in all; the latter is Infinity until the last part has arrived. */
  have: number;
  total: number;
}

export function createReassembly(): Reassembly {
  const waiting = new Map<number, Waiting>();
  let incomplete = 0;
  return {
    get incomplete() {
      return incomplete;
    },
    add(part) {
      if (part.isLast && part.offset === 0) return part.bytes;
      let one = waiting.get(part.number);
      if (!one) {
        if (waiting.size === MOST_WAITING) {
          waiting.delete(waiting.keys().next().value!);
          incomplete++;
        }
        one = { parts: [], have: 0, total: Number.POSITIVE_INFINITY };
        waiting.set(part.number, one);
      }
      one.parts.push(part);
      one.have += part.bytes.length;
      if (part.isLast) one.total = part.offset + part.bytes.length;
      if (one.have < one.total) return null;
      waiting.delete(part.number);
      const whole = Buffer.alloc(one.total);
      // Parts never repeat, thanks to the replay window, and never overlap.
      for (const { offset, bytes } of one.parts) whole.set(bytes, offset);
      return whole;
    },
    clear() {
      incomplete += waiting.size;
      waiting.clear();
    },
  };
}
