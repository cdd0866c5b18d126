import type { Link, PacketRef } from '../shaper.js';
import { IP_HEADER } from './parts.js';

/** Packets that wait in order of arrival for slots to leave in. Of one direction, where they are sent in parts. */
export interface PacketQueue {
  readonly packets: number;
  /** User bytes that wait. */
  readonly bytes: number;
  /** What was given as time of arrival of the first packet that waits, in seconds; Infinity where none waits. */
  readonly since: number;
  /** @param at time of arrival in seconds, where `since` is to be asked for */
  push(p: PacketRef, at?: number): void;
  /**
   * Sends one frame of `wireBytes` with the first packet that waits, or with as much of it as fits: a part after the first
   * repeats the link and IP headers. Without `wireBytes` the packet leaves as it is. False, and nothing sent, where none waits.
   */
  send(link: Link, wireBytes?: number): boolean;
}

/** In how many frames of `wireBytes` a queue sends `p`. */
export function framesFor(p: PacketRef, wireBytes: number): number {
  return p.length <= wireBytes ? 1 : 1 + Math.ceil((p.length - wireBytes) / roomAfterFirst(p, wireBytes));
}

/** User bytes of a part after the first. */
function roomAfterFirst(p: PacketRef, wireBytes: number): number {
  return Math.max(1, wireBytes - p.header - IP_HEADER);
}

/** An empty queue; what has left is not kept. */
export function createQueue(): PacketQueue {
  let packets: PacketRef[] = [];
  let times: number[] = [];
  let head = 0;
  let bytes = 0;
  /** Of the first packet: bytes already sent. */
  let sent = 0;

  const leave = (): void => {
    sent = 0;
    head++;
    // What has left is let go of once it is the larger part.
    if (head > 32 && head > packets.length / 2) {
      packets = packets.slice(head);
      times = times.slice(head);
      head = 0;
    }
  };

  return {
    get packets() {
      return packets.length - head;
    },
    get bytes() {
      return bytes;
    },
    get since() {
      return times[head] ?? Number.POSITIVE_INFINITY;
    },
    push(p, at = Number.NEGATIVE_INFINITY) {
      packets.push(p);
      times.push(at);
      bytes += p.length;
    },
    send(link, wireBytes) {
      const p = packets[head];
      if (!p) return false;
      const size = wireBytes ?? p.length;
      const part = Math.min(p.length - sent, sent === 0 ? size : roomAfterFirst(p, size));
      link.send(p, size, part);
      bytes -= part;
      sent += part;
      if (sent === p.length) leave();
      return true;
    },
  };
}
