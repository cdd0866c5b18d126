import { type DropReason, type Frame, NETWORK } from './frame.js';
import { addPlace, CUT_LINK, network, setDestination, setSource } from './link-header.js';
import { readPpp, readPppoe } from './ppp.js';

export function readEthernet(frame: Frame): DropReason {
  const { at } = frame;
  if (frame.end - at < 14) return CUT_LINK;
  setDestination(frame, at);
  setSource(frame, at + 6);
  return readEtherType(frame, at + 12);
}

/** Reads Ethernet with a tag of `size` bytes for a router's switch between the addresses and the EtherType. */
export function readSwitchTagged(frame: Frame, size: number): DropReason {
  const { at } = frame;
  if (frame.end - at < 14 + size) return CUT_LINK;
  setDestination(frame, at);
  setSource(frame, at + 6);
  frame.uncounted += size;
  addPlace(frame, frame.view.getInt32(at + 8 + size));
  return readEtherType(frame, at + 12 + size);
}

/** Reads VLAN tags, then an EtherType or, in IEEE 802.3, a length of two bytes. */
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

/** Whether `type` is 802.1Q, 802.1ad or one of the two older types of an outer tag. */
function isVlanTag(type: number): boolean {
  return type === 0x8100 || type === 0x88a8 || type === 0x9100 || type === 0x9200;
}

function readEtherPayload(frame: Frame, at: number, type: number): DropReason {
  if (type === 0x0800) return network(frame, at, NETWORK.IPV4);
  if (type === 0x86dd) return network(frame, at, NETWORK.IPV6);
  if (type === 0x8864) return readPppoe(frame, at);
  return network(frame, at, NETWORK.OTHER);
}

/** Reads IEEE 802.2: a SNAP header names an EtherType; no other header carries IP. */
export function readLlc(frame: Frame, at: number): DropReason {
  const { view, end } = frame;
  if (end - at < 3) return CUT_LINK;
  // SNAP has DSAP and SSAP 0xaa and unnumbered information.
  if (view.getUint16(at) !== 0xaaaa || view.getUint8(at + 2) !== 3) return network(frame, at, NETWORK.OTHER);
  if (end - at < 8) return CUT_LINK;
  // Organisation 0, or 0xf8 of bridge tunnels (RFC 1042, IEEE 802.1H), means that an EtherType follows.
  const organisation = (view.getUint16(at + 3) << 8) | view.getUint8(at + 5);
  if (organisation !== 0 && organisation !== 0xf8) return network(frame, at, NETWORK.OTHER);
  const type = view.getUint16(at + 6);
  if (isVlanTag(type)) return readEtherType(frame, at + 6);
  return readEtherPayload(frame, at + 8, type);
}

/** Reads LINKTYPE_LINUX_SLL: packet type, ARPHRD type, address length, address (8), protocol. It names no receiver. */
export function readLinuxCooked(frame: Frame): DropReason {
  const { view, at } = frame;
  if (frame.end - at < 16) return CUT_LINK;
  if (view.getUint16(at + 4) === 6) setSource(frame, at + 6);
  addPlace(frame, view.getUint16(at));
  return readCookedPayload(frame, at + 16, view.getUint16(at + 2), view.getUint16(at + 14));
}

/** Reads LINKTYPE_LINUX_SLL2: protocol, reserved, interface (4), ARPHRD type, packet type, address length, address (8). */
export function readLinuxCooked2(frame: Frame): DropReason {
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

/** Reads address, control and EtherType. */
export function readCiscoHdlc(frame: Frame): DropReason {
  if (frame.end - frame.at < 4) return CUT_LINK;
  return readEtherPayload(frame, frame.at + 4, frame.view.getUint16(frame.at + 2));
}

/** Reads LINKTYPE_PPP_HDLC: PPP in HDLC framing (RFC 1662), or Cisco's. */
export function readPppHdlc(frame: Frame): DropReason {
  if (frame.end - frame.at < 1) return CUT_LINK;
  const address = frame.view.getUint8(frame.at);
  return address === 0x0f || address === 0x8f ? readCiscoHdlc(frame) : readPpp(frame);
}
