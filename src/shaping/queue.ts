import type { Link, PacketRef } from './shaper.js';

/** Bytes of an IP header, which every part of a packet but the first repeats; our simplification for IPv6 too. */
const IP_HEADER = 20;

/** Packets that wait in order of arrival for slots to leave in. */
export interface PacketQueue {
  readonly packets: number;
  /** User bytes that wait. */
  readonly bytes: number;
  push(p: PacketRef): void;
  /**
   * Sends one frame of `wireBytes` with the first packet that waits, or with as much of it as fits: a part after the first repeats
   * the link and IP headers. False, and nothing sent, where none waits.
   */
  send(link: Link, wireBytes: number): boolean;
}

/** A queue of one direction; what has left is not kept. */
export function createQueue(): PacketQueue {
  let packets: PacketRef[] = [];
  let head = 0;
  let bytes = 0;
  /** Of the first packet: bytes already sent. */
  let sent = 0;
  return {
    get packets() {
      return packets.length - head;
    },
    get bytes() {
      return bytes;
    },
    push(p) {
      packets.push(p);
      bytes += p.length;
    },
    send(link, wireBytes) {
      const p = packets[head];
      if (!p) return false;
      const room = sent === 0 ? wireBytes : wireBytes - p.header - IP_HEADER;
      const part = Math.min(p.length - sent, Math.max(1, room));
      link.send(p, wireBytes, part);
      bytes -= part;
      sent += part;
      if (sent < p.length) return true;
      sent = 0;
      head++;
      // What has left is let go of once it is the larger part.
      if (head > 32 && head > packets.length / 2) {
        packets = packets.slice(head);
        head = 0;
      }
      return true;
    },
  };
}
