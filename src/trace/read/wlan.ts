import { readLlc } from './ethernet.js';
import { ACCESS_POINT, type DropReason, type Frame, NETWORK } from './frame.js';
import { CUT_LINK, dropCheckSequence, MALFORMED_LINK, network, setDestination, setSource } from './link-header.js';

/**
 * Reads data frames of IEEE 802.11. Metadata before `at` and a frame check sequence after the end are not counted.
 * The order of the addresses depends on the direction to or from the distribution system (IEEE 802.11-2020, table 9-30).
 */
export function readWlan(frame: Frame, at: number, padded = false): DropReason {
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
  const toDistribution = (flags & 1) !== 0;
  const fromDistribution = (flags & 2) !== 0;
  const hasQos = (control & 0x80) !== 0;
  let body = at + 24;
  if (toDistribution && fromDistribution) body += 6;
  const qosAt = body;
  if (hasQos) body += 2;
  // The order bit of a QoS frame announces the HT control field.
  if (hasQos && (flags & 0x80) !== 0) body += 4;
  // Some cards align the body to four bytes; their padding was not on the air.
  if (padded && (body - at) % 4 !== 0) {
    frame.uncounted += 2;
    body += 2;
  }
  if (end < body) return CUT_LINK;
  if ((flags & 0x40) !== 0) return readEncrypted(frame, at, body, hasQos ? 16 | (view.getUint8(qosAt) & 15) : 0);
  // An A-MSDU holds several packets in one frame.
  if (hasQos && (view.getUint8(qosAt) & 0x80) !== 0) return '802.11 aggregate (A-MSDU)';
  if ((flags & 4) !== 0 || (view.getUint8(at + 22) & 15) !== 0) return '802.11 fragment';
  setDestination(frame, toDistribution ? at + 16 : at + 4);
  if (!fromDistribution) setSource(frame, at + 10);
  else setSource(frame, toDistribution ? at + 24 : at + 16);
  return readLlc(frame, body);
}

/** Shortest body: WEP's initialisation vector and check value, 4 bytes each. */
const SHORTEST_BODY = 8;
/** CCMP's header and MIC, and the LLC and SNAP headers between them, 8 bytes each: what surrounds an IP packet in WPA2 and mostly in WPA3. */
const AROUND_PACKET = 24;

/**
 * Reads what is in the clear of an encrypted frame. Its ends are those on the air, the station and the access point (addresses 1 and
 * 2): a frame that the access point passes from one station to another is sent twice, and is the receiver's when it comes in.
 * @param queue says which of its sender's sequences numbers it: the traffic identifier plus 16, or 0 without QoS
 */
function readEncrypted(frame: Frame, at: number, body: number, queue: number): DropReason {
  const { view } = frame;
  const flags = view.getUint8(at + 1);
  const distribution = flags & 3;
  if (distribution === 3) return '802.11 frame encrypted, with four addresses';
  if (frame.wireEnd - body < SHORTEST_BODY) return MALFORMED_LINK;
  setDestination(frame, at + 4);
  setSource(frame, at + 10);
  frame.accessPoint =
    distribution === 0 ? ACCESS_POINT.NONE : distribution === 1 ? ACCESS_POINT.DESTINATION : ACCESS_POINT.SOURCE;
  frame.sequence = view.getUint16(at + 22, true) | (queue << 16);
  frame.isRetry = (flags & 8) !== 0;
  const kept = network(frame, body, NETWORK.ENCRYPTED);
  frame.header += AROUND_PACKET;
  return kept;
}

/** Reads radiotap: version, padding, length (2, little-endian), words of present fields, the fields. https://www.radiotap.org */
export function readRadiotap(frame: Frame): DropReason {
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

/** Reads PPI: version, flags, length (2), link type (4); then fields of type (2), length (2), data. All little-endian. */
export function readPpi(frame: Frame): DropReason {
  const { view, at, end } = frame;
  if (end - at < 8) return CUT_LINK;
  const length = view.getUint16(at + 2, true);
  if (length < 8) return MALFORMED_LINK;
  if (end - at < length) return CUT_LINK;
  if (view.getUint32(at + 4, true) !== 105) return 'link type inside PPI not supported';
  for (let field = at + 8; field + 4 <= at + length; field += 4 + view.getUint16(field + 2, true)) {
    // 802.11-Common has flags after an 8-byte clock; the first announces a frame check sequence.
    if (view.getUint16(field, true) !== 2 || field + 14 > at + length) continue;
    if ((view.getUint16(field + 12, true) & 1) !== 0) dropCheckSequence(frame);
    break;
  }
  return readWlan(frame, at + length);
}

/** Reads AVS, or a Prism header: message code and length, in the byte order of the capturing machine. */
export function readPrism(frame: Frame): DropReason {
  const { view, at, end } = frame;
  if (end - at < 8) return CUT_LINK;
  if (view.getUint32(at) >>> 4 === 0x8021100) return readAvs(frame);
  const bigEndian = view.getUint32(at + 4);
  return readWlanAfter(frame, bigEndian > 0xffff ? view.getUint32(at + 4, true) : bigEndian);
}

/** Reads AVS: magic number and version, length, in network byte order. */
export function readAvs(frame: Frame): DropReason {
  if (frame.end - frame.at < 8) return CUT_LINK;
  return readWlanAfter(frame, frame.view.getUint32(frame.at + 4));
}

function readWlanAfter(frame: Frame, metadata: number): DropReason {
  if (metadata < 8) return MALFORMED_LINK;
  if (frame.end - frame.at < metadata) return CUT_LINK;
  return readWlan(frame, frame.at + metadata);
}
