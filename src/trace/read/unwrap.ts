import { type DropReason, FRAGMENT, type Frame, KEPT, NETWORK, TCP, UDP } from './frame.js';
import { readInner, readTzsp } from './links.js';
import { readNetwork } from './network.js';

/** IP protocol numbers of what carries whole packets in the clear. */
const IPV4_INSIDE = 4;
const IPV6_INSIDE = 41;
const GRE = 47;

/** UDP ports of what mirrors frames to another host. */
const TZSP_PORT = 37008;
const VXLAN_PORT = 4789;
/** Linux' own default. */
const VXLAN_PORT_OF_LINUX = 8472;

/** Packets inside packets that are looked for: a mirrored frame may itself hold a tunnel's packet. */
const DEPTH = 4;

/**
 * Goes on from a packet whose headers have been read to the one that it carries, if it carries a whole one in the clear, and reads that into
 * the frame in its place. Two kinds of carrier:
 *
 * - What mirrors frames for an observer (TZSP, ERSPAN; Ethernet in GRE or VXLAN, where addresses of a home are inside): the frame is the one
 *   that was mirrored, with its addresses and its length.
 * - A tunnel or translation that the home's own packets cross on the way out (IPv4 in IPv6 as in DS-Lite, IPv6 in IPv4 as in 6in4 and 6rd, IP in
 *   GRE, IPv4 translated into IPv6 as in 464XLAT): addresses and ports are the inner packet's, the length on the wire is the frame's.
 *
 * What is not as it should be inside is left as it is outside. A carrier's later fragments, which begin in the middle of a packet, are too.
 */
export function unwrap(frame: Frame): DropReason {
  for (let depth = 0; depth < DEPTH; depth++) {
    const { transport, fragment } = frame;
    if (transport === TCP || fragment === FRAGMENT.LATER) break;
    if (transport === UDP) {
      const { destinationPort: port } = frame;
      if (port !== TZSP_PORT && port !== VXLAN_PORT && port !== VXLAN_PORT_OF_LINUX) break;
    } else if (transport !== IPV4_INSIDE && transport !== IPV6_INSIDE && transport !== GRE) break;
    const outer = { ...frame };
    if (readCarried(frame)) continue;
    Object.assign(frame, outer);
    break;
  }
  if (frame.family === 6) translate(frame);
  return KEPT;
}

/** Reads what the packet carries into the frame; false where that is nothing that could be read, and the frame is left half filled. */
function readCarried(frame: Frame): boolean {
  const { transport, transportAt: at } = frame;
  if (transport === UDP && frame.destinationPort === TZSP_PORT) {
    return hasRead(frame, readTzsp(frame, frame.payloadAt, udpEnd(frame)));
  }
  if (transport === UDP) return readVxlan(frame);
  if (transport === IPV4_INSIDE) return readPacket(frame, at, NETWORK.IPV4);
  if (transport === IPV6_INSIDE) return readPacket(frame, at, NETWORK.IPV6);
  return readGre(frame, at);
}

/** After a link layer has been read: goes on to the network layer. */
function hasRead(frame: Frame, reason: DropReason): boolean {
  return reason === KEPT && readNetwork(frame) === KEPT;
}

/** A packet at `at`, behind the headers of another. */
function readPacket(frame: Frame, at: number, kind: number): boolean {
  if (at >= frame.end) return false;
  frame.network = kind;
  frame.networkAt = at;
  frame.header = at - frame.at - frame.uncounted;
  return readNetwork(frame) === KEPT;
}

/** RFC 2784 and 2890: flags (checksum, key, sequence number), version, EtherType; four bytes for each that the flags announce. */
function readGre(frame: Frame, at: number): boolean {
  const { view } = frame;
  if (frame.end - at < 4) return false;
  const flags = view.getUint16(at);
  // Another version is PPTP's; routing (RFC 1701) is of variable length, and nobody uses it.
  if ((flags & 0x4007) !== 0) return false;
  const type = view.getUint16(at + 2);
  const sequence = (flags & 0x1000) !== 0;
  const body = at + 4 + (flags & 0x8000 ? 4 : 0) + (flags & 0x2000 ? 4 : 0) + (sequence ? 4 : 0);
  if (type === 0x0800) return readPacket(frame, body, NETWORK.IPV4);
  if (type === 0x86dd) return readPacket(frame, body, NETWORK.IPV6);
  if (type === 0x6558) return readBridged(frame, body);
  // ERSPAN (draft-foschiano-erspan-03): of type I without a header, which has no sequence number; of types II and III with one of 8 and 12 bytes.
  if (type === 0x88be) return readMirrored(frame, body + (sequence ? 8 : 0));
  if (type !== 0x22eb || frame.end - body < 12) return false;
  // The five bits after the first say what is mirrored, 0 for Ethernet; the last bit announces another header of 8 bytes.
  const kind = view.getUint16(body + 10);
  return (kind & 0x7c00) === 0 && readMirrored(frame, body + 12 + (kind & 1 ? 8 : 0));
}

function readMirrored(frame: Frame, at: number): boolean {
  return at < frame.end && hasRead(frame, readInner(frame, 1, at, frame.networkEnd));
}

/** RFC 7348: a flag that a network number is given, that number, an Ethernet frame. */
function readVxlan(frame: Frame): boolean {
  const at = frame.payloadAt;
  if (frame.end - at < 8 || frame.view.getUint8(at) !== 8) return false;
  frame.networkEnd = udpEnd(frame);
  return readBridged(frame, at + 8);
}

/** An Ethernet frame that may be of anybody's network: it is the home's where it names a private address. */
function readBridged(frame: Frame, at: number): boolean {
  return readMirrored(frame, at) && (isHomes(frame, frame.source0) || isHomes(frame, frame.destination0));
}

/** Private in IPv4 (RFC 1918); unique local or link-local in IPv6. `word` is the first of an address. */
function isHomes({ family }: Frame, word: number): boolean {
  if (family === 4) return isPrivate(word);
  return family === 6 && (word >>> 25 === 0x7e || word >>> 22 === 0x3fa);
}

function isPrivate(word: number): boolean {
  return word >>> 24 === 10 || word >>> 20 === 0xac1 || word >>> 16 === 0xc0a8;
}

/** Returns the offset at which a UDP datagram ends, which may be in a later fragment. */
function udpEnd(frame: Frame): number {
  return frame.transportAt + frame.view.getUint16(frame.transportAt + 4);
}

/**
 * IPv4 that a translator at the home's edge made IPv6 of (464XLAT, RFC 6877; RFC 6052, section 2.2): the home's end holds a private IPv4
 * address, the other end a public one. Then both are given as what they were.
 */
function translate(frame: Frame): void {
  const source = embedded(frame.source2, frame.source3);
  const destination = embedded(frame.destination2, frame.destination3);
  if (source === 0 || destination === 0 || isPrivate(source) === isPrivate(destination)) return;
  // Neither end is within the home, where an administrator may have written IPv4 addresses into IPv6 ones.
  if (isHomes(frame, frame.source0) || isHomes(frame, frame.destination0)) return;
  frame.family = 4;
  frame.source0 = source;
  frame.destination0 = destination;
}

/** The IPv4 address in the lower half of an IPv6 one, behind a prefix of 96 or of 64 bits; 0 for none. */
function embedded(upper: number, lower: number): number {
  let word = 0;
  if (upper === 0) word = lower;
  else if (upper >>> 24 === 0 && (lower & 0xffffff) === 0) word = (upper << 8) | (lower >>> 24);
  const first = word >>> 24;
  // Nobody's host is in 0.0.0.0/8, 127.0.0.0/8 or from 224.0.0.0 on.
  return first === 0 || first === 127 || first >= 224 ? 0 : word;
}

/** Protocols that carry packets, by IP protocol, and below by UDP port, whether or not they are read here. */
const CARRIERS: Readonly<Record<number, string>> = {
  4: 'IPv4 in IP',
  41: 'IPv6 in IP',
  47: 'GRE',
  50: 'IPsec',
  115: 'L2TP',
};
const UDP_CARRIERS: Readonly<Record<number, string>> = {
  500: 'IPsec',
  1194: 'OpenVPN',
  1701: 'L2TP',
  3544: 'Teredo',
  4500: 'IPsec',
  4789: 'VXLAN',
  5247: 'CAPWAP',
  5555: 'Aruba ERM',
  6081: 'Geneve',
  8472: 'VXLAN',
  37008: 'TZSP',
  51820: 'WireGuard',
};

/** The name of what carries other packets in a conversation, which were not read; undefined for none that is known. */
export function carrierOf(transport: number, portA: number, portB: number): string | undefined {
  return transport === UDP ? (UDP_CARRIERS[portB] ?? UDP_CARRIERS[portA]) : CARRIERS[transport];
}
