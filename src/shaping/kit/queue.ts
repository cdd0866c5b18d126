import type { Link, PacketRef } from '../shaper.js';
import { createFifo } from './fifo.js';
import { IP_HEADER } from './parts.js';

/** Packets that wait in order of arrival for slots. Where packets are sent in parts, all are of one direction. */
export interface PacketQueue {
  readonly packets: number;
  /** User bytes that wait. */
  readonly bytes: number;
  /** The time that `push` got for the first packet that waits, in seconds; Infinity where none waits. */
  readonly since: number;
  /** @param at time of arrival in seconds, for `since` */
  push(p: PacketRef, at?: number): void;
  /**
   * Sends one frame of `wireBytes` with the first packet that waits, or with as much of it as fits: a part after the first
   * repeats the link and IP headers. Without `wireBytes` the packet leaves as it is. False, and nothing sent, where none waits.
   */
  send(link: Link, wireBytes?: number): boolean;
}

/** The number of frames of `wireBytes` in which a queue sends `p`. */
export function framesFor(p: PacketRef, wireBytes: number): number {
  return p.length <= wireBytes ? 1 : 1 + Math.ceil((p.length - wireBytes) / roomAfterFirst(p, wireBytes));
}

/** User bytes of a part after the first. */
function roomAfterFirst(p: PacketRef, wireBytes: number): number {
  return Math.max(1, wireBytes - p.header - IP_HEADER);
}

/** An empty queue. */
export function createQueue(): PacketQueue {
  const packets = createFifo<PacketRef>();
  const times = createFifo<number>();
  let bytes = 0;
  /** Bytes of the first packet already sent. */
  let sent = 0;

  return {
    get packets() {
      return packets.size;
    },
    get bytes() {
      return bytes;
    },
    get since() {
      return times.first ?? Number.POSITIVE_INFINITY;
    },
    push(p, at = Number.NEGATIVE_INFINITY) {
      packets.push(p);
      times.push(at);
      bytes += p.length;
    },
    send(link, wireBytes) {
      const p = packets.first;
      if (!p) return false;
      const size = wireBytes ?? p.length;
      const part = Math.min(p.length - sent, sent === 0 ? size : roomAfterFirst(p, size));
      link.send(p, size, part);
      bytes -= part;
      sent += part;
      if (sent === p.length) {
        sent = 0;
        packets.shift();
        times.shift();
      }
      return true;
    },
  };
}
