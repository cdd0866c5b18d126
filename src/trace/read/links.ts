import { type DropReason, type Frame, KEPT, NETWORK } from './frame.js';
import { linkTypeName } from './link-names.js';

/** A link type: what it is called in reports, and how its frames are read as far as the network header. */
export interface Link {
  readonly type: number;
  readonly name: string;
  /** Null where packets of this link type are counted but not read. */
  readonly read: ((frame: Frame) => DropReason) | null;
}

const CUT_LINK: DropReason = 'cut inside the link header';
const MALFORMED_LINK: DropReason = 'malformed link header';

/** By number of link type: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcaplinktype-12.html. */
const LINKS: Readonly<Record<number, Omit<Link, 'type'>>> = {
  0: { name: 'null', read: readNull },
  1: { name: 'ethernet', read: readEthernet },
  9: { name: 'ppp', read: readPpp },
  // 12 and 14 are what some systems wrote for raw IP before 101 was given to it.
  12: { name: 'raw-ip', read: readRawIp },
  14: { name: 'raw-ip', read: readRawIp },
  50: { name: 'ppp-hdlc', read: readPppHdlc },
  51: { name: 'pppoe', read: (frame) => readPppoe(frame, frame.at) },
  101: { name: 'raw-ip', read: readRawIp },
  104: { name: 'cisco-hdlc', read: readCiscoHdlc },
  105: { name: 'ieee-802-11', read: (frame) => readWlan(frame, frame.at) },
  108: { name: 'loop', read: readNull },
  112: { name: 'cisco-hdlc', read: readCiscoHdlc },
  113: { name: 'linux-sll', read: readLinuxCooked },
  119: { name: 'ieee-802-11-prism', read: readPrism },
  127: { name: 'ieee-802-11-radiotap', read: readRadiotap },
  128: { name: 'tzsp', read: (frame) => readTzsp(frame, frame.at, frame.wireEnd) },
  // Apple's tools write PKTAP under a number that is for private use.
  149: { name: 'pktap', read: readPktap },
  163: { name: 'ieee-802-11-avs', read: readAvs },
  166: { name: 'ppp-pppd', read: readPppWithDirection },
  192: { name: 'ppi', read: readPpi },
  204: { name: 'ppp-with-direction', read: readPppWithDirection },
  228: { name: 'raw-ipv4', read: (frame) => network(frame, frame.at, NETWORK.IPV4) },
  229: { name: 'raw-ipv6', read: (frame) => network(frame, frame.at, NETWORK.IPV6) },
  239: { name: 'nflog', read: readNflog },
  258: { name: 'pktap', read: readPktap },
  276: { name: 'linux-sll2', read: readLinuxCooked2 },
  281: { name: 'dsa-tag-brcm', read: (frame) => readSwitchTagged(frame, 4) },
  282: { name: 'dsa-tag-brcm-prepend', read: readAfterSwitchTag },
  284: { name: 'dsa-tag-dsa', read: (frame) => readSwitchTagged(frame, 4) },
  285: { name: 'dsa-tag-edsa', read: (frame) => readSwitchTagged(frame, 8) },
};

/** The link type with the given number, as found in a capture; an unknown one has a name too. */
export function linkOf(type: number): Link {
  return { type, ...(LINKS[type] ?? { name: linkTypeName(type), read: null }) };
}

/**
 * Reads what stands in the frame at [at, end) as a frame of its own, of link type `type`. What is before it was added by whoever
 * captured or mirrored it, and was never on the wire that it was taken from.
 */
export function readInner(frame: Frame, type: number, at: number, end: number): DropReason {
  const { name, read } = linkOf(type);
  if (read === null) return `link type not supported: ${name}`;
  if (at > frame.end) return CUT_LINK;
  frame.at = at;
  frame.wireEnd = end;
  frame.end = Math.min(frame.end, end);
  frame.uncounted = 0;
  frame.hasSource = false;
  frame.hasDestination = false;
  return read(frame);
}

/** Ends the link layer: what it carries, and where that begins. */
function network(frame: Frame, at: number, kind: number): DropReason {
  frame.network = kind;
  frame.networkAt = at;
  frame.header = at - frame.at - frame.uncounted;
  return KEPT;
}

/** At `at` are the two bytes of an EtherType or, in IEEE 802.3, a length; before it may stand VLAN tags. */
function readEtherType(frame: Frame, at: number): DropReason {
  const { view, end } = frame;
  if (end - at < 2) return CUT_LINK;
  let type = view.getUint16(at);
  while (isVlanTag(type)) {
    frame.uncounted += 4;
    at += 4;
    if (end - at < 2) return CUT_LINK;
    addPlace(frame, view.getUint16(at - 2) & 0xfff);
    type = view.getUint16(at);
  }
  if (type < 0x0600) return readLlc(frame, at + 2);
  return readEtherPayload(frame, at + 2, type);
}

/** What is captured elsewhere has another number there. */
function addPlace(frame: Frame, number: number): void {
  frame.place = (Math.imul(frame.place, 0x01000193) + number + 1) | 0;
}

/** 802.1Q, 802.1ad and the two older types of an outer tag. */
function isVlanTag(type: number): boolean {
  return type === 0x8100 || type === 0x88a8 || type === 0x9100 || type === 0x9200;
}

function readEtherPayload(frame: Frame, at: number, type: number): DropReason {
  if (type === 0x0800) return network(frame, at, NETWORK.IPV4);
  if (type === 0x86dd) return network(frame, at, NETWORK.IPV6);
  if (type === 0x8864) return readPppoe(frame, at);
  return network(frame, at, NETWORK.OTHER);
}

/** IEEE 802.2: a SNAP header names an EtherType; anything else is no IP. */
function readLlc(frame: Frame, at: number): DropReason {
  const { view, end } = frame;
  if (end - at < 3) return CUT_LINK;
  // DSAP and SSAP 0xaa, unnumbered information.
  if (view.getUint16(at) !== 0xaaaa || view.getUint8(at + 2) !== 3) return network(frame, at, NETWORK.OTHER);
  if (end - at < 8) return CUT_LINK;
  // Organisation 0, or 0xf8 of bridge tunnels (RFC 1042, IEEE 802.1H), means that an EtherType follows.
  const organisation = (view.getUint16(at + 3) << 8) | view.getUint8(at + 5);
  if (organisation !== 0 && organisation !== 0xf8) return network(frame, at, NETWORK.OTHER);
  const type = view.getUint16(at + 6);
  if (isVlanTag(type)) return readEtherType(frame, at + 6);
  return readEtherPayload(frame, at + 8, type);
}

function readEthernet(frame: Frame): DropReason {
  const { at } = frame;
  if (frame.end - at < 14) return CUT_LINK;
  setDestination(frame, at);
  setSource(frame, at + 6);
  return readEtherType(frame, at + 12);
}

/** A MAC address of zeros is none: loopback devices have it, and programs that make up an Ethernet header. */
function setSource(frame: Frame, at: number): void {
  frame.sourceHigh = frame.view.getUint16(at);
  frame.sourceLow = frame.view.getInt32(at + 2);
  frame.hasSource = (frame.sourceHigh | frame.sourceLow) !== 0;
}

function setDestination(frame: Frame, at: number): void {
  frame.destinationHigh = frame.view.getUint16(at);
  frame.destinationLow = frame.view.getInt32(at + 2);
  frame.hasDestination = (frame.destinationHigh | frame.destinationLow) !== 0;
}

/** Ethernet with a tag of `size` bytes, for the switch inside a router, between the addresses and the EtherType. */
function readSwitchTagged(frame: Frame, size: number): DropReason {
  const { at } = frame;
  if (frame.end - at < 14 + size) return CUT_LINK;
  setDestination(frame, at);
  setSource(frame, at + 6);
  frame.uncounted += size;
  addPlace(frame, frame.view.getInt32(at + 8 + size));
  return readEtherType(frame, at + 12 + size);
}

/** The same tag of Broadcom, in front of the addresses. */
function readAfterSwitchTag(frame: Frame): DropReason {
  if (frame.end - frame.at < 18) return CUT_LINK;
  addPlace(frame, frame.view.getInt32(frame.at));
  return readInner(frame, 1, frame.at + 4, frame.wireEnd);
}

/** LINKTYPE_LINUX_SLL: packet type, ARPHRD type, address length, address (8), protocol. The receiver is not told. */
function readLinuxCooked(frame: Frame): DropReason {
  const { view, at } = frame;
  if (frame.end - at < 16) return CUT_LINK;
  if (view.getUint16(at + 4) === 6) setSource(frame, at + 6);
  addPlace(frame, view.getUint16(at));
  return readCookedPayload(frame, at + 16, view.getUint16(at + 2), view.getUint16(at + 14));
}

/** LINKTYPE_LINUX_SLL2: protocol, reserved, interface (4), ARPHRD type, packet type, address length, address (8). */
function readLinuxCooked2(frame: Frame): DropReason {
  const { view, at } = frame;
  if (frame.end - at < 20) return CUT_LINK;
  if (view.getUint8(at + 11) === 6) setSource(frame, at + 12);
  addPlace(frame, view.getInt32(at + 4));
  addPlace(frame, view.getUint8(at + 10));
  return readCookedPayload(frame, at + 20, view.getUint16(at + 8), view.getUint16(at));
}

function readCookedPayload(frame: Frame, at: number, hardware: number, protocol: number): DropReason {
  // On netlink and 802.11 monitoring devices the protocol field is not an EtherType.
  if (hardware === 824 || (hardware >= 801 && hardware <= 803)) {
    return network(frame, at, NETWORK.OTHER);
  }
  // 4 stands for a frame that begins with 802.2.
  if (protocol === 4) return readLlc(frame, at);
  if (!isVlanTag(protocol)) return readEtherPayload(frame, at, protocol);
  if (frame.end - at < 2) return CUT_LINK;
  frame.uncounted += 4;
  addPlace(frame, frame.view.getUint16(at) & 0xfff);
  return readEtherType(frame, at + 2);
}

function readRawIp(frame: Frame): DropReason {
  if (frame.end - frame.at < 1) return CUT_LINK;
  const version = frame.view.getUint8(frame.at) >> 4;
  if (version === 4) return network(frame, frame.at, NETWORK.IPV4);
  if (version === 6) return network(frame, frame.at, NETWORK.IPV6);
  return MALFORMED_LINK;
}

/** LINKTYPE_NULL and LINKTYPE_LOOP: an address family in the byte order of the machine that captured, or the other. */
function readNull(frame: Frame): DropReason {
  if (frame.end - frame.at < 4) return CUT_LINK;
  const bigEndian = frame.view.getUint32(frame.at);
  const family = bigEndian > 0xffff ? frame.view.getUint32(frame.at, true) : bigEndian;
  const at = frame.at + 4;
  if (family === 2) return network(frame, at, NETWORK.IPV4);
  // IPv6 in Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS.
  if (family === 10 || family === 23 || family === 24 || family === 28 || family === 30) {
    return network(frame, at, NETWORK.IPV6);
  }
  return network(frame, at, NETWORK.OTHER);
}

/** RFC 1661: an optional address and control field (RFC 1662), then a protocol number of one or two bytes. */
function readPpp(frame: Frame): DropReason {
  const { view, at } = frame;
  if (frame.end - at < 2) return CUT_LINK;
  return readPppProtocol(frame, view.getUint16(at) === 0xff03 ? at + 2 : at);
}

function readPppProtocol(frame: Frame, at: number): DropReason {
  const { view, end } = frame;
  if (end - at < 1) return CUT_LINK;
  // An odd first byte is a compressed protocol field (RFC 1661, section 6.5).
  let protocol = view.getUint8(at++);
  if ((protocol & 1) === 0) {
    if (end - at < 1) return CUT_LINK;
    protocol = (protocol << 8) | view.getUint8(at++);
  }
  if (protocol === 0x21) return network(frame, at, NETWORK.IPV4);
  if (protocol === 0x57) return network(frame, at, NETWORK.IPV6);
  return network(frame, at, NETWORK.OTHER);
}

/** A byte of direction, then PPP. */
function readPppWithDirection(frame: Frame): DropReason {
  const { view, at, end } = frame;
  if (end - at < 3) return CUT_LINK;
  // pppd writes the direction in place of the address field; others put it in front.
  if (view.getUint8(at + 1) === 3) return readPppProtocol(frame, at + 2);
  return readPppProtocol(frame, view.getUint16(at + 1) === 0xff03 ? at + 3 : at + 1);
}

/** LINKTYPE_PPP_HDLC: PPP in HDLC framing (RFC 1662), or Cisco's. */
function readPppHdlc(frame: Frame): DropReason {
  if (frame.end - frame.at < 1) return CUT_LINK;
  const address = frame.view.getUint8(frame.at);
  return address === 0x0f || address === 0x8f ? readCiscoHdlc(frame) : readPpp(frame);
}

/** Address, control, EtherType. */
function readCiscoHdlc(frame: Frame): DropReason {
  if (frame.end - frame.at < 4) return CUT_LINK;
  return readEtherPayload(frame, frame.at + 4, frame.view.getUint16(frame.at + 2));
}

/** RFC 2516, section 4: version and type, code, session, length; then PPP. */
function readPppoe(frame: Frame, at: number): DropReason {
  if (frame.end - at < 6) return CUT_LINK;
  // Any code but 0 is the set-up of a session.
  if (frame.view.getUint8(at + 1) !== 0) return network(frame, at, NETWORK.OTHER);
  return readPppProtocol(frame, at + 6);
}

/**
 * IEEE 802.11: data frames in the clear. Metadata before `at` and a frame check sequence after the end are not counted.
 * Which address is which depends on the way to or from the distribution system (IEEE 802.11-2020, table 9-30).
 */
function readWlan(frame: Frame, at: number, padded = false): DropReason {
  const { view, end } = frame;
  frame.uncounted = at - frame.at;
  if (end - at < 2) return CUT_LINK;
  const control = view.getUint8(at);
  const flags = view.getUint8(at + 1);
  const type = (control >> 2) & 3;
  if ((control & 3) !== 0) return MALFORMED_LINK;
  if (type === 0) return '802.11 management frame';
  if (type === 1) return '802.11 control frame';
  if (type === 3) return '802.11 extension frame';
  if ((control & 0x40) !== 0) return '802.11 frame without data';
  if ((flags & 0x40) !== 0) return '802.11 frame encrypted';
  const toDistribution = (flags & 1) !== 0;
  const fromDistribution = (flags & 2) !== 0;
  const hasQos = (control & 0x80) !== 0;
  let body = at + 24;
  if (toDistribution && fromDistribution) body += 6;
  const qosAt = body;
  if (hasQos) body += 2;
  // The order bit of a QoS frame announces the HT control field.
  if (hasQos && (flags & 0x80) !== 0) body += 4;
  // Some cards align the body to four bytes; what they put in was not on the air.
  if (padded && (body - at) % 4 !== 0) {
    frame.uncounted += 2;
    body += 2;
  }
  if (end < body) return CUT_LINK;
  // A-MSDU: several packets in one frame.
  if (hasQos && (view.getUint8(qosAt) & 0x80) !== 0) return '802.11 aggregate (A-MSDU)';
  if ((flags & 4) !== 0 || (view.getUint8(at + 22) & 15) !== 0) return '802.11 fragment';
  setDestination(frame, toDistribution ? at + 16 : at + 4);
  if (!fromDistribution) setSource(frame, at + 10);
  else setSource(frame, toDistribution ? at + 24 : at + 16);
  return readLlc(frame, body);
}

/** https://www.radiotap.org: version, padding, length (2, little-endian), words of present fields, the fields. */
function readRadiotap(frame: Frame): DropReason {
  const { view, at, end } = frame;
  if (end - at < 8) return CUT_LINK;
  const length = view.getUint16(at + 2, true);
  if (view.getUint8(at) !== 0 || length < 8) return MALFORMED_LINK;
  if (end - at < length) return CUT_LINK;
  let field = at + 4;
  // Bit 31 of a word says that another one follows.
  while ((view.getInt32(field, true) & (1 << 31)) !== 0) {
    field += 4;
    if (field + 4 > at + length) return MALFORMED_LINK;
  }
  field += 4;
  const present = view.getUint32(at + 4, true);
  let padded = false;
  if ((present & 2) !== 0) {
    // Field 0, eight bytes aligned to eight from the start of the header, comes before field 1, the flags.
    if ((present & 1) !== 0) field = at + ((field - at + 7) & ~7) + 8;
    if (field >= at + length) return MALFORMED_LINK;
    const flags = view.getUint8(field);
    if ((flags & 0x40) !== 0) return '802.11 frame damaged on the air';
    if ((flags & 0x10) !== 0) dropCheckSequence(frame);
    padded = (flags & 0x20) !== 0;
  }
  return readWlan(frame, at + length, padded);
}

/** Takes the four bytes of a frame check sequence off the end. */
function dropCheckSequence(frame: Frame): void {
  frame.wireEnd = Math.max(frame.at, frame.wireEnd - 4);
  frame.end = Math.min(frame.end, frame.wireEnd);
}

/** PPI: version, flags, length (2), link type (4); then fields of type (2), length (2), data. All little-endian. */
function readPpi(frame: Frame): DropReason {
  const { view, at, end } = frame;
  if (end - at < 8) return CUT_LINK;
  const length = view.getUint16(at + 2, true);
  if (length < 8) return MALFORMED_LINK;
  if (end - at < length) return CUT_LINK;
  if (view.getUint32(at + 4, true) !== 105) return 'link type inside PPI not supported';
  for (let field = at + 8; field + 4 <= at + length; field += 4 + view.getUint16(field + 2, true)) {
    // 802.11-Common: after eight bytes of a clock, flags; the first says that there is a frame check sequence.
    if (view.getUint16(field, true) !== 2 || field + 14 > at + length) continue;
    if ((view.getUint16(field + 12, true) & 1) !== 0) dropCheckSequence(frame);
    break;
  }
  return readWlan(frame, at + length);
}

/** Prism monitoring header: message code, message length, in the byte order of the machine that captured; or AVS. */
function readPrism(frame: Frame): DropReason {
  const { view, at, end } = frame;
  if (end - at < 8) return CUT_LINK;
  if (view.getUint32(at) >>> 4 === 0x8021100) return readAvs(frame);
  const bigEndian = view.getUint32(at + 4);
  return readWlanAfter(frame, bigEndian > 0xffff ? view.getUint32(at + 4, true) : bigEndian);
}

/** AVS: magic number and version, length, in network byte order. */
function readAvs(frame: Frame): DropReason {
  if (frame.end - frame.at < 8) return CUT_LINK;
  return readWlanAfter(frame, frame.view.getUint32(frame.at + 4));
}

function readWlanAfter(frame: Frame, metadata: number): DropReason {
  if (metadata < 8) return MALFORMED_LINK;
  if (frame.end - frame.at < metadata) return CUT_LINK;
  return readWlan(frame, frame.at + metadata);
}

/**
 * Apple's PKTAP, of macOS and of an iPhone's `rvictl`: length, type of record (1 for a packet), link type (4 each), name of the interface
 * (24), and more that is not needed here, all little-endian. https://www.tcpdump.org/linktypes/LINKTYPE_PKTAP.html
 */
function readPktap(frame: Frame): DropReason {
  const { view, at, end } = frame;
  if (end - at < 12) return CUT_LINK;
  const length = view.getUint32(at, true);
  if (length < 12) return MALFORMED_LINK;
  if (view.getUint32(at + 4, true) !== 1) return 'PKTAP record without a packet';
  if (length > end - at) return frame.wireEnd - at < length ? MALFORMED_LINK : CUT_LINK;
  for (let name = at + 12; name < at + Math.min(length, 36) - 3; name += 4) addPlace(frame, view.getInt32(name));
  return readInner(frame, view.getUint32(at + 8, true), at + length, frame.wireEnd);
}

/** Link types by their numbers in TZSP. */
const TZSP_LINKS: Readonly<Record<number, number>> = { 1: 1, 4: 9, 7: 101, 18: 105, 119: 119, 127: 163 };

/**
 * TZSP, in which MikroTik and others send what they capture: version 1, type (0 received, 1 to be sent), protocol (2), then fields of tag,
 * length, value up to one with tag 1; a tag of 0 or 1 has neither length nor value.
 */
export function readTzsp(frame: Frame, at: number, end: number): DropReason {
  const { view } = frame;
  if (frame.end - at < 5) return CUT_LINK;
  if (view.getUint8(at) !== 1) return MALFORMED_LINK;
  if (view.getUint8(at + 1) > 1) return 'TZSP message without a packet';
  const type = TZSP_LINKS[view.getUint16(at + 2)];
  if (type === undefined) return 'link type inside TZSP not supported';
  let field = at + 4;
  for (;;) {
    if (field >= frame.end) return CUT_LINK;
    const tag = view.getUint8(field++);
    if (tag === 1) break;
    if (tag === 0) continue;
    if (field >= frame.end) return CUT_LINK;
    field += 1 + view.getUint8(field);
  }
  if (field > end) return MALFORMED_LINK;
  return readInner(frame, type, field, end);
}

/** A log of Linux' firewall: address family, version 0, group (2); then fields of length and type (2 each, in the byte order of the machine that captured), data, padded to 4. */
function readNflog(frame: Frame): DropReason {
  const { view, at, end } = frame;
  if (end - at < 8) return CUT_LINK;
  if (view.getUint8(at + 1) !== 0) return MALFORMED_LINK;
  // No length nor type needs the upper half of the first field's type, which tells the byte order.
  const little = view.getUint16(at + 6, true) < 256;
  for (let field = at + 4; ; ) {
    if (field + 4 > end) return CUT_LINK;
    const length = view.getUint16(field, little);
    if (length < 4) return MALFORMED_LINK;
    if (view.getUint16(field + 2, little) === 9)
      return readInner(frame, 101, field + 4, Math.min(frame.wireEnd, field + length));
    field += (length + 3) & ~3;
  }
}
