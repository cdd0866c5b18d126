import { z } from 'zod';
import { bytes } from '../../shared/units.js';
import { type Direction, Protocol } from '../../trace/trace.js';
import type { Link, PacketRef, Part, Shaper } from '../shaper.js';
import { createFifo } from './fifo.js';
import { type Encapsulation, tunnelParameters } from './tunnel.js';

/**
 * Bytes at the start of each cell that say where in it the next packet begins: the AGGFRAG payload header without congestion control
 * of RFC 9347 (IP-TFS), section 6.1.1. IP packets follow back to back, delimited by their length fields, and cut where the cell ends.
 */
export const CELL_HEADER = 4;

const SMALLEST_CELL = 256;

export const cellParameters = z
  .object({
    tunnel: tunnelParameters.shape.tunnel,
    cell: bytes(
      [0, 1440],
      0,
      'of a full cell in the tunnel; 0 for the most that fit: 1420 for wireguard, 1440 for openvpn',
    ),
  })
  .refine(({ cell }) => cell === 0 || cell >= SMALLEST_CELL, {
    path: ['cell'],
    error: `expected 0 or at least ${SMALLEST_CELL}`,
  });

/** The packets of one direction that wait to leave in cells, in order of arrival. */
export interface CellQueue {
  /** Bytes of IP packets that wait. */
  readonly bytes: number;
  /** Bytes of IP packets that have been accepted since the start. */
  readonly entered: number;
  /** Accepts a packet, or drops it where it has no IP, which never enters a tunnel, or finds no room. */
  push(p: PacketRef, link: Link): void;
  /** Sends a cell of `size` bytes, its header included, filled from the queue; cover where nothing waits. */
  send(link: Link, size: number): void;
}

/** @param limit bytes of IP packets that may wait */
function createCellQueue(direction: Direction, { frame }: Encapsulation, limit: number): CellQueue {
  const packets = createFifo<PacketRef>();
  let bytes = 0;
  let entered = 0;
  /** Bytes of the first packet's IP packet already sent. */
  let sent = 0;
  return {
    get bytes() {
      return bytes;
    },
    get entered() {
      return entered;
    },
    push(p, link) {
      const inner = innerLength(p);
      if ((p.protocols & Protocol.IP) === 0 || bytes + inner > limit) return link.drop(p);
      packets.push(p);
      bytes += inner;
      entered += inner;
    },
    send(link, size) {
      const wireBytes = frame(size);
      if (packets.size === 0) return link.cover(direction, wireBytes);
      const parts: Part[] = [];
      for (let room = size - CELL_HEADER; room > 0 && packets.first; ) {
        const packet = packets.first;
        const inner = innerLength(packet);
        const taken = Math.min(room, inner - sent);
        // The link header is accounted to the first part, though it is not in the tunnel.
        parts.push({ packet, bytes: sent === 0 ? packet.length - inner + taken : taken });
        room -= taken;
        bytes -= taken;
        sent += taken;
        if (sent < inner) break;
        sent = 0;
        packets.shift();
      }
      link.sendCell(parts, wireBytes);
    },
  };
}

/** Bytes of the IP packet, at least 1: a capture may record a packet that is all headers. */
function innerLength(p: PacketRef): number {
  return Math.max(1, p.length - p.header);
}

/** The schedule of one direction of a tunnel. */
export interface CellClock {
  /** Seconds; never earlier than the last. */
  next: number;
  /** Sends what is due at `next`, and moves `next` on. */
  tick(link: Link): void;
}

/**
 * A tunnel that sends in each direction by the clock of that direction. Both clocks start with the first packet, and stop together
 * once the input has ended and nothing waits: only the time after the last packet shows how much was waiting.
 * @param limit bytes of each queue
 * @param startClock creates the clock of a direction at `start`, when the first packet of either arrives (seconds)
 */
export function createCellTunnel(
  encapsulation: Encapsulation,
  limit: number,
  startClock: (direction: Direction, start: number, queue: CellQueue) => CellClock,
): Shaper {
  // Inbound, outbound.
  const queues = [createCellQueue(0, encapsulation, limit), createCellQueue(1, encapsulation, limit)] as const;
  let clocks: readonly [CellClock, CellClock] | null = null;
  let isClosed = false;
  const setTimer = ([inbound, outbound]: readonly [CellClock, CellClock], link: Link): void => {
    const isDone = isClosed && queues[0].bytes === 0 && queues[1].bytes === 0;
    link.wakeAt(isDone ? Number.POSITIVE_INFINITY : Math.min(inbound.next, outbound.next));
  };
  return {
    packet(p, link) {
      queues[p.direction].push(p, link);
      if (clocks) return;
      clocks = [startClock(0, link.now, queues[0]), startClock(1, link.now, queues[1])];
      setTimer(clocks, link);
    },
    wake(link) {
      const { now } = link;
      const [inbound, outbound] = clocks!;
      while (inbound.next <= now) inbound.tick(link);
      while (outbound.next <= now) outbound.tick(link);
      setTimer(clocks!, link);
    },
    close(link) {
      isClosed = true;
      if (clocks) setTimer(clocks, link);
    },
  };
}
