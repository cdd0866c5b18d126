import { Protocol } from '../../trace/trace.js';
import type { Link, PacketRef } from '../shaper.js';

/** Bytes of an IP header without options; for IPv6 too, our simplification. */
export const IP_HEADER = 20;
export const TCP_HEADER = 20;

/**
 * Bytes of the headers of each part of a packet but the first, which has the packet's own: link, IP and, for TCP, a new segment's;
 * other packets become IP fragments. Without options, and as long in IPv6: our simplification. A frame without IP has no parts.
 */
export function headersOfPart({ header, protocols }: PacketRef): number {
  return header + IP_HEADER + ((protocols & Protocol.TCP) === 0 ? 0 : TCP_HEADER);
}

/**
 * Sends a packet over a link that takes IP packets of at most `mtu` bytes: whole where it fits, else as IP fragments. All but the last
 * carry a multiple of 8 bytes (RFC 791), and each has an IP header of its own, of {@link IP_HEADER} bytes.
 * @param frame gives the bytes on the wire of an IP packet of so many bytes
 */
export function sendFragments(p: PacketRef, link: Link, mtu: number, frame: (inner: number) => number): void {
  const inner = Math.max(0, p.length - p.header);
  if (inner <= mtu) {
    link.send(p, frame(inner));
    return;
  }
  const fragment = Math.floor((mtu - IP_HEADER) / 8) * 8;
  let rest = inner - IP_HEADER;
  let headers = p.header + IP_HEADER;
  for (; rest > mtu - IP_HEADER; rest -= fragment) {
    link.send(p, frame(IP_HEADER + fragment), headers + fragment);
    headers = 0;
  }
  link.send(p, frame(IP_HEADER + rest));
}
