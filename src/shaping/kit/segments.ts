import type { Link, PacketRef, Part } from '../shaper.js';
import { IP_HEADER, TCP_HEADER } from './parts.js';

/**
 * Seconds that the end of a segment waits for more of its stream. A sender that has more sends whole segments alone (RFC 1122,
 * section 4.2.3.4), if need be in its next flight, a round trip later.
 */
export const HOLD = 0.05;

/** Cuts TCP into smaller segments than were captured, for a path that takes no longer ones. */
export interface Segmenter {
  /** A TCP packet has arrived. */
  packet(p: PacketRef, link: Link): void;
  wake(link: Link): void;
  close(link: Link): void;
}

/** Unsent ends of packets of one direction of a flow, in order of arrival. */
interface Rest {
  readonly parts: Part[];
  /** Bytes of the stream, headers not counted; less than a segment. */
  readonly bytes: number;
  /** When it leaves if nothing follows. */
  readonly due: number;
}

/**
 * Full segments leave as soon as their last byte has arrived. The rest of a packet longer than `mtu` leaves with the next packet of
 * its direction and flow, or after {@link HOLD}; a packet of at most `mtu` never waits. So a flow without longer packets is not
 * changed. The number of acknowledgements does not change, though the other end would send some more.
 * @param mtu bytes of the longest IP packet
 * @param frame bytes of the frame around an IP packet of so many
 */
export function createSegmenter(mtu: number, frame: (inner: number) => number): Segmenter {
  const headers = IP_HEADER + TCP_HEADER;
  const longest = mtu - headers;
  const rests = new Map<number, Rest>();

  const leave = (key: number, { parts, bytes }: Rest, link: Link): void => {
    rests.delete(key);
    link.sendCell(parts, frame(headers + bytes));
  };
  /** Rests are in the order in which they are due: all wait equally long, and a new one goes to the end. */
  const setTimer = (link: Link): void => {
    const [first] = rests.values();
    link.wakeAt(first?.due ?? Number.POSITIVE_INFINITY);
  };

  return {
    packet(p, link) {
      const key = 2 * p.flow + p.direction;
      const inner = Math.max(0, p.length - p.header);
      const rest = rests.get(key);
      if (!rest && inner <= mtu) return link.send(p, frame(inner));
      let parts = rest?.parts ?? [];
      let bytes = rest?.bytes ?? 0;
      let own = Math.min(p.length, p.header + headers);
      let left = p.length - own;
      while (bytes + left >= longest) {
        const taken = longest - bytes;
        parts.push({ packet: p, bytes: own + taken });
        link.sendCell(parts, frame(mtu));
        parts = [];
        [bytes, own] = [0, 0];
        left -= taken;
      }
      rests.delete(key);
      if (own + left > 0) {
        parts.push({ packet: p, bytes: own + left });
        const waiting = { parts, bytes: bytes + left, due: link.now + HOLD };
        if (inner <= mtu) leave(key, waiting, link);
        else rests.set(key, waiting);
      }
      setTimer(link);
    },
    wake(link) {
      for (const [key, rest] of rests) {
        if (rest.due > link.now) break;
        leave(key, rest, link);
      }
      setTimer(link);
    },
    close(link) {
      for (const [key, rest] of rests) leave(key, rest, link);
      link.wakeAt(Number.POSITIVE_INFINITY);
    },
  };
}
