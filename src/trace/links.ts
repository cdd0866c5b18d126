import { type DropReason, type Frame, KEPT, NETWORK } from './frame.js';

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
  113: { name: 'linux-sll', read: readLinuxCooked },
  119: { name: 'ieee-802-11-prism', read: readPrism },
  127: { name: 'ieee-802-11-radiotap', read: readRadiotap },
  163: { name: 'ieee-802-11-avs', read: readAvs },
  166: { name: 'ppp-pppd', read: readPppWithDirection },
  192: { name: 'ppi', read: readPpi },
  204: { name: 'ppp-with-direction', read: readPppWithDirection },
  228: { name: 'raw-ipv4', read: (frame) => network(frame, frame.at, NETWORK.IPV4) },
  229: { name: 'raw-ipv6', read: (frame) => network(frame, frame.at, NETWORK.IPV6) },
  276: { name: 'linux-sll2', read: readLinuxCooked2 },
};

/** Names of link types that are met in the wild but not read. */
const UNREAD: Readonly<Record<number, string>> = {
  6: 'token-ring',
  7: 'arcnet',
  8: 'slip',
  10: 'fddi',
  99: 'ieee-488',
  100: 'atm-rfc1483',
  106: 'atm-clip',
  107: 'frame-relay',
  109: 'enc',
  114: 'localtalk',
  117: 'pflog',
  122: 'ip-over-fc',
  129: 'arcnet-linux',
  138: 'apple-ip-over-ieee1394',
  165: 'bacnet-ms-tp',
  187: 'bluetooth-hci-h4',
  189: 'usb-linux',
  195: 'ieee-802-15-4',
  201: 'bluetooth-hci-h4-with-phdr',
  220: 'usb-linux-mmapped',
  226: 'ipnet',
  227: 'can-socketcan',
  230: 'ieee-802-15-4-nofcs',
  239: 'nflog',
  247: 'infiniband',
  249: 'usbpcap',
  251: 'bluetooth-le-ll',
  253: 'netlink',
  256: 'bluetooth-le-ll-with-phdr',
  271: 'vsock',
  272: 'nordic-ble',
  283: 'ieee-802-15-4-tap',
};

/** The link type with the given number, as found in a capture; an unknown one has a name too. */
export function linkOf(type: number): Link {
  return { type, ...(LINKS[type] ?? { name: UNREAD[type] ?? `link-type-${type}`, read: null }) };
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
    type = view.getUint16(at);
  }
  if (type < 0x0600) return readLlc(frame, at + 2);
  return readEtherPayload(frame, at + 2, type);
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

function setSource(frame: Frame, at: number): void {
  frame.hasSource = true;
  frame.sourceHigh = frame.view.getUint16(at);
  frame.sourceLow = frame.view.getInt32(at + 2);
}

function setDestination(frame: Frame, at: number): void {
  frame.hasDestination = true;
  frame.destinationHigh = frame.view.getUint16(at);
  frame.destinationLow = frame.view.getInt32(at + 2);
}

/** LINKTYPE_LINUX_SLL: packet type, ARPHRD type, address length, address (8), protocol. The receiver is not told. */
function readLinuxCooked(frame: Frame): DropReason {
  const { view, at } = frame;
  if (frame.end - at < 16) return CUT_LINK;
  if (view.getUint16(at + 4) === 6) setSource(frame, at + 6);
  return readCookedPayload(frame, at + 16, view.getUint16(at + 2), view.getUint16(at + 14));
}

/** LINKTYPE_LINUX_SLL2: protocol, reserved, interface (4), ARPHRD type, packet type, address length, address (8). */
function readLinuxCooked2(frame: Frame): DropReason {
  const { view, at } = frame;
  if (frame.end - at < 20) return CUT_LINK;
  if (view.getUint8(at + 11) === 6) setSource(frame, at + 12);
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
  frame.uncounted += 4;
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
