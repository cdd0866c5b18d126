import { Protocol } from '../../trace/trace.js';
import type { PacketRef } from '../shaper.js';

/** Bytes of an IP header without options; for IPv6 too, our simplification. */
export const IP_HEADER = 20;
export const TCP_HEADER = 20;

/**
 * Bytes that each part of a packet has in front of its share, but for the first, which has the packet's own headers: link and
 * IP, and TCP, whose segments are cut anew; what is no TCP becomes IP fragments. Without options, and as long in IPv6: our
 * simplification. A frame without IP can have no parts.
 */
export function headersOfPart({ header, protocols }: PacketRef): number {
  return header + IP_HEADER + ((protocols & Protocol.TCP) === 0 ? 0 : TCP_HEADER);
}
