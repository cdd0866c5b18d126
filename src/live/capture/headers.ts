import { FRAGMENT, type Frame, KEPT, TCP, UDP } from '../../trace/read/frame.js';

const ICMP = 1;
const IGMP = 2;
const ICMPV6 = 58;

/**
 * Bytes of the tools' packets when only headers are wanted: radiotap, Ethernet with tags or 802.11, IPv6 with some extensions, TCP
 * with all its options fit. Headers beyond are lost with the payload.
 */
export const HEADERS_SNAPLEN = 320;

/**
 * Where the headers of a dissected packet end and what it carries begins: after TCP with its options or UDP; after the first 8 bytes
 * of ICMP and IGMP; after IP for any other protocol and for later fragments; after the link header for what is no IP; at its start
 * where not even that can be read. Never beyond what was captured.
 * @param reason what the dissector said of the packet
 */
export function headersEnd(frame: Frame, reason: string): number {
  const { transport, transportAt, end } = frame;
  if (reason !== KEPT || frame.family === 0 || frame.fragment === FRAGMENT.LATER) return Math.min(transportAt, end);
  if (transport === TCP || transport === UDP) return Math.min(frame.payloadAt, frame.payloadEnd, end);
  const isControl = transport === ICMP || transport === IGMP || transport === ICMPV6;
  return Math.min(transportAt + (isControl ? 8 : 0), end);
}
