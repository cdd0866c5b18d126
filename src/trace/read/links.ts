import {
  readCiscoHdlc,
  readEthernet,
  readLinuxCooked,
  readLinuxCooked2,
  readPppHdlc,
  readSwitchTagged,
} from './ethernet.js';
import { type DropReason, type Frame, NETWORK } from './frame.js';
import { addPlace, CUT_LINK, MALFORMED_LINK, network } from './link-header.js';
import { linkTypeName } from './link-names.js';
import { readPpp, readPppoe, readPppWithDirection } from './ppp.js';
import { readAvs, readPpi, readPrism, readRadiotap, readWlan } from './wlan.js';

/** A link type: its name in reports, and the reader of its frames up to the network header. */
export interface Link {
  readonly type: number;
  readonly name: string;
  /** Null if packets of this link type are counted but not read. */
  readonly read: ((frame: Frame) => DropReason) | null;
}

/** Links by their numbers: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcaplinktype-12.html. */
const LINKS: Readonly<Record<number, Omit<Link, 'type'>>> = {
  0: { name: 'null', read: readNull },
  1: { name: 'ethernet', read: readEthernet },
  9: { name: 'ppp', read: readPpp },
  // Some systems wrote 12 or 14 for raw IP before it was assigned 101.
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
  // Apple's tools write PKTAP under a private-use number.
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

/** The link type of a number in a capture; an unknown one has a name too. */
export function linkOf(type: number): Link {
  return { type, ...(LINKS[type] ?? { name: linkTypeName(type), read: null }) };
}

/**
 * Reads [at, end) of the frame as a frame of its own, of link type `type`. The bytes before it were added by a capturing or
 * mirroring program, and were never on the captured wire.
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

function readRawIp(frame: Frame): DropReason {
  if (frame.end - frame.at < 1) return CUT_LINK;
  const version = frame.view.getUint8(frame.at) >> 4;
  if (version === 4) return network(frame, frame.at, NETWORK.IPV4);
  if (version === 6) return network(frame, frame.at, NETWORK.IPV6);
  return MALFORMED_LINK;
}

/** Reads LINKTYPE_NULL and LINKTYPE_LOOP: an address family in either byte order. */
function readNull(frame: Frame): DropReason {
  if (frame.end - frame.at < 4) return CUT_LINK;
  const bigEndian = frame.view.getUint32(frame.at);
  const family = bigEndian > 0xffff ? frame.view.getUint32(frame.at, true) : bigEndian;
  const at = frame.at + 4;
  if (family === 2) return network(frame, at, NETWORK.IPV4);
  // IPv6 has one of these numbers in Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS.
  if (family === 10 || family === 23 || family === 24 || family === 28 || family === 30) {
    return network(frame, at, NETWORK.IPV6);
  }
  return network(frame, at, NETWORK.OTHER);
}

/** Reads Ethernet behind Broadcom's switch tag of 4 bytes. */
function readAfterSwitchTag(frame: Frame): DropReason {
  if (frame.end - frame.at < 18) return CUT_LINK;
  addPlace(frame, frame.view.getInt32(frame.at));
  return readInner(frame, 1, frame.at + 4, frame.wireEnd);
}

/**
 * Reads Apple's PKTAP, as macOS and an iPhone's `rvictl` write it: length, record type (1 for a packet), link type (4 each),
 * interface name (24), and more that is not needed here, all little-endian. https://www.tcpdump.org/linktypes/LINKTYPE_PKTAP.html
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
 * Reads TZSP, in which MikroTik and others send captured frames: version 1, type (0 received, 1 to be sent), protocol (2), then
 * fields of tag, length and value up to tag 1. Tags 0 and 1 have neither length nor value.
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

/**
 * Reads a log of the Linux firewall: address family, version 0, group (2); then fields of length and type (2 each, in the byte order
 * of the capturing machine) and data, padded to 4.
 */
function readNflog(frame: Frame): DropReason {
  const { view, at, end } = frame;
  if (end - at < 8) return CUT_LINK;
  if (view.getUint8(at + 1) !== 0) return MALFORMED_LINK;
  // Types are below 256, so the upper byte of the first one tells the byte order.
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
