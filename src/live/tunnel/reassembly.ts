import type { Received } from './frame.js';

/** Puts the datagrams of one session together again, whatever the order of their parts. */
export interface Reassembly {
  /** The whole datagram, where this part was the last that was missing. */
  add(part: Received): Buffer | null;
  /** Forgets all parts: another session counts its datagrams anew. */
  clear(): void;
  /** Datagrams given up because parts of them never came. */
  readonly incomplete: number;
}

/** Datagrams of which parts are kept; the oldest gives way. It bounds memory, and how far parts may be out of order. */
const MOST_WAITING = 256;

interface Waiting {
  readonly parts: Received[];
  /** Bytes that are there, and in all; Infinity until the last part has come. */
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
      // No part comes twice (the replay window), and parts of one datagram never overlap.
      for (const { offset, bytes } of one.parts) whole.set(bytes, offset);
      return whole;
    },
    clear() {
      incomplete += waiting.size;
      waiting.clear();
    },
  };
}
