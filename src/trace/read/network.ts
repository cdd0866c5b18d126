import { type DropReason, FRAGMENT, type Frame, KEPT, NETWORK, TCP, UDP } from './frame.js';

const CUT_IP: DropReason = 'cut inside the IP header';
const CUT_TRANSPORT: DropReason = 'cut inside the TCP or UDP header';
const MALFORMED_IP: DropReason = 'malformed IP header';
const MALFORMED_TRANSPORT: DropReason = 'malformed TCP or UDP header';

/** Reads the network and transport headers at `networkAt` into the frame. */
export function readNetwork(frame: Frame): DropReason {
  frame.transport = 0;
  frame.transportAt = frame.networkAt;
  frame.sourcePort = 0;
  frame.destinationPort = 0;
  frame.fragment = FRAGMENT.NONE;
  frame.payloadAt = frame.wireEnd;
  frame.payloadEnd = frame.wireEnd;
  frame.networkEnd = frame.wireEnd;
  if (frame.network === NETWORK.IPV4) return readIpv4(frame, frame.networkAt);
  if (frame.network === NETWORK.IPV6) return readIpv6(frame, frame.networkAt);
  frame.family = 0;
  return KEPT;
}

/** RFC 791, section 3.1. */
function readIpv4(frame: Frame, at: number): DropReason {
  const { view, end } = frame;
  if (end - at < 20) return CUT_IP;
  const first = view.getUint8(at);
  const headerLength = (first & 15) * 4;
  if (first >> 4 !== 4 || headerLength < 20) return MALFORMED_IP;
  if (end - at < headerLength) return CUT_IP;
  const total = view.getUint16(at + 2);
  let packetEnd = frame.wireEnd;
  // A total length of 0 is written by network cards that cut large packets themselves: then the frame's length holds.
  if (total !== 0) {
    if (total < headerLength) return MALFORMED_IP;
    if (at + total < packetEnd) packetEnd = at + total;
  }
  frame.family = 4;
  frame.source0 = view.getInt32(at + 12);
  frame.source1 = 0;
  frame.source2 = 0;
  frame.source3 = 0;
  frame.destination0 = view.getInt32(at + 16);
  frame.destination1 = 0;
  frame.destination2 = 0;
  frame.destination3 = 0;
  frame.transport = view.getUint8(at + 9);
  const fragment = view.getUint16(at + 6);
  if ((fragment & 0x3fff) !== 0) {
    frame.fragment = (fragment & 0x1fff) === 0 ? FRAGMENT.FIRST : FRAGMENT.LATER;
    frame.fragmentId = view.getUint16(at + 4);
  }
  return readTransport(frame, at + headerLength, packetEnd);
}

/** RFC 8200, section 3, and the extension headers of its section 4. */
function readIpv6(frame: Frame, at: number): DropReason {
  const { view, end } = frame;
  if (end - at < 40) return CUT_IP;
  if (view.getUint8(at) >> 4 !== 6) return MALFORMED_IP;
  const payloadLength = view.getUint16(at + 4);
  let packetEnd = frame.wireEnd;
  // 0 stands for a jumbogram (RFC 2675) or a packet that the network card cuts itself.
  if (payloadLength !== 0 && at + 40 + payloadLength < packetEnd) packetEnd = at + 40 + payloadLength;
  frame.family = 6;
  frame.source0 = view.getInt32(at + 8);
  frame.source1 = view.getInt32(at + 12);
  frame.source2 = view.getInt32(at + 16);
  frame.source3 = view.getInt32(at + 20);
  frame.destination0 = view.getInt32(at + 24);
  frame.destination1 = view.getInt32(at + 28);
  frame.destination2 = view.getInt32(at + 32);
  frame.destination3 = view.getInt32(at + 36);
  let next = view.getUint8(at + 6);
  at += 40;
  while (isExtension(next)) {
    if (at + 8 > packetEnd) return MALFORMED_IP;
    if (at + 8 > end) return CUT_IP;
    const extension = next;
    next = view.getUint8(at);
    if (extension === 44) {
      const offset = view.getUint16(at + 2);
      // Neither an offset nor more to come: a whole packet that only looks like a fragment (RFC 6946).
      if ((offset & 0xfff9) !== 0) {
        frame.fragment = offset >> 3 === 0 ? FRAGMENT.FIRST : FRAGMENT.LATER;
        frame.fragmentId = view.getInt32(at + 4);
      }
      at += 8;
      if (frame.fragment === FRAGMENT.LATER) break;
    } else {
      const words = view.getUint8(at + 1);
      // The authentication header counts in units of 4 bytes less 2, the others in units of 8 bytes less 1.
      at += extension === 51 ? (words + 2) * 4 : (words + 1) * 8;
    }
  }
  frame.transport = next;
  return readTransport(frame, at, packetEnd);
}

/** Hop-by-hop, routing, fragment, authentication, destination options, mobility, HIP, shim6. */
function isExtension(next: number): boolean {
  return (
    next === 0 ||
    next === 43 ||
    next === 44 ||
    next === 51 ||
    next === 60 ||
    next === 135 ||
    next === 139 ||
    next === 140
  );
}

/** Ports and payload of TCP (RFC 9293, section 3.1) and UDP (RFC 768). */
function readTransport(frame: Frame, at: number, packetEnd: number): DropReason {
  const { view, end, transport } = frame;
  frame.transportAt = at;
  frame.networkEnd = packetEnd;
  if (frame.fragment === FRAGMENT.LATER) {
    frame.payloadAt = at;
    frame.payloadEnd = packetEnd;
    return KEPT;
  }
  let headerLength = 8;
  if (transport === TCP) headerLength = 20;
  else if (transport !== UDP) return KEPT;
  if (at + headerLength > packetEnd) return MALFORMED_TRANSPORT;
  if (at + headerLength > end) return CUT_TRANSPORT;
  if (transport === TCP) {
    headerLength = (view.getUint8(at + 12) >> 4) * 4;
    if (headerLength < 20) return MALFORMED_TRANSPORT;
  }
  frame.sourcePort = view.getUint16(at);
  frame.destinationPort = view.getUint16(at + 2);
  frame.payloadAt = at + headerLength;
  frame.payloadEnd = packetEnd;
  return KEPT;
}
