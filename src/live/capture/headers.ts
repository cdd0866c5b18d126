import { FRAGMENT, type Frame, KEPT, TCP, UDP } from '../../trace/read/frame.js';

const ICMP = 1;
const IGMP = 2;
const ICMPV6 = 58;

/**
 * Bytes captured of each packet when only headers are kept: room for radiotap, Ethernet with tags or 802.11, IPv6 with some extensions,
 * and TCP with all its options. Headers beyond that are lost with the payload.
 */
export const HEADERS_SNAPLEN = 320;

/**
 * Offset at which the headers of a dissected packet end and its payload begins, never beyond the captured bytes: after UDP or TCP with
 * its options; after the first 8 bytes of ICMP and IGMP; after IP for other protocols and for later fragments; after the link header
 * without IP; at the start of the packet where no header can be read.
 * @param reason verdict of the dissector on the packet
 */
export function headersEnd(frame: Frame, reason: string): number {
  const { transport, transportAt, end } = frame;
  if (reason !== KEPT || frame.family === 0 || frame.fragment === FRAGMENT.LATER) return Math.min(transportAt, end);
  if (transport === TCP || transport === UDP) return Math.min(frame.payloadAt, frame.payloadEnd, end);
  const isControl = transport === ICMP || transport === IGMP || transport === ICMPV6;
  return Math.min(transportAt + (isControl ? 8 : 0), end);
}
