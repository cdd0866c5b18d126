import { type DropReason, type Frame, NETWORK } from './frame.js';
import { CUT_LINK, network } from './link-header.js';

/** Reads PPP (RFC 1661): an optional address and control field (RFC 1662), then a protocol number of one or two bytes. */
export function readPpp(frame: Frame): DropReason {
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

/** Reads a byte of direction, then PPP. */
export function readPppWithDirection(frame: Frame): DropReason {
  const { view, at, end } = frame;
  if (end - at < 3) return CUT_LINK;
  // pppd writes the direction in place of the address field; others put it in front.
  if (view.getUint8(at + 1) === 3) return readPppProtocol(frame, at + 2);
  return readPppProtocol(frame, view.getUint16(at + 1) === 0xff03 ? at + 3 : at + 1);
}

/** Reads PPPoE (RFC 2516, section 4): version and type, code, session, length; then PPP. */
export function readPppoe(frame: Frame, at: number): DropReason {
  if (frame.end - at < 6) return CUT_LINK;
  // Code 0 carries data; all others set up a session.
  if (frame.view.getUint8(at + 1) !== 0) return network(frame, at, NETWORK.OTHER);
  return readPppProtocol(frame, at + 6);
}
