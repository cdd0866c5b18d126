/**
 * Recognises what TCP or UDP carry: TLS, HTTP, DNS or none of them. A payload whose own beginning is recognised sets the application
 * of its conversation; in TCP, any other payload continues the conversation's application. If the capture cut the payload too early
 * to tell, the conversation's application stands, or else the well-known port decides.
 * A segment without payload (a pure acknowledgement) has no application.
 */

import { Protocol } from '../trace.js';
import { FRAGMENT, type Frame, TCP } from './frame.js';

const { TLS, HTTP, DNS } = Protocol;

/** Not a {@link Protocol} bit: too little of the payload was captured to tell. */
const UNTOLD = -1;

/**
 * The bit of the application that a frame of TCP or UDP carries, 0 for none. `applications` has what is known of each
 * conversation, and learns.
 */
export function applicationOf(frame: Frame, applications: Uint8Array, conversation: number): number {
  const { payloadAt, payloadEnd } = frame;
  if (payloadAt >= payloadEnd) return 0;
  const known = applications[conversation]!;
  // A conversation that is TLS stays TLS to the end; only others can still turn into it. A later fragment has no
  // beginning of its own.
  if (known === TLS || frame.fragment === FRAGMENT.LATER) return known;
  const isTcp = frame.transport === TCP;
  const end = Math.min(frame.end, payloadEnd);
  const found = isTcp ? recogniseStream(frame, payloadAt, end) : recogniseDatagram(frame, payloadAt, end);
  if (found > 0) {
    applications[conversation] = found;
    return found;
  }
  if (known !== 0 && (isTcp || found === UNTOLD)) return known;
  return found === UNTOLD ? applicationOfPorts(frame) : 0;
}

function applicationOfPorts(frame: Frame): number {
  const table = frame.transport === TCP ? TCP_PORTS : UDP_PORTS;
  const low = Math.min(frame.sourcePort, frame.destinationPort);
  // The service port is mostly the lower one.
  return table[low] || table[frame.sourcePort + frame.destinationPort - low]!;
}

function portTable(services: readonly (readonly [number, readonly number[]])[]): Uint8Array {
  const table = new Uint8Array(65536);
  for (const [bit, ports] of services) for (const port of ports) table[port] = bit;
  return table;
}

/** Services of the IANA registry and their usual second ports. */
const TCP_PORTS = portTable([
  // https, smtps, nntps, ldaps, dns, ftps, telnets, imaps, pop3s, sips, xmpp and push, https, mqtts.
  [TLS, [443, 465, 563, 636, 853, 989, 990, 992, 993, 995, 5061, 5223, 8443, 8883]],
  [HTTP, [80, 591, 8000, 8008, 8080, 8081, 8088, 8888]],
  [DNS, [53, 5353]],
]);
const UDP_PORTS = portTable([[DNS, [53, 5353, 5355]]]);

function recogniseStream(frame: Frame, at: number, end: number): number {
  const { view } = frame;
  const cut = end < frame.payloadEnd;
  if (end <= at) return UNTOLD;
  const first = view.getUint8(at);
  if (first >= 20 && first <= 24) {
    if (end - at < 5) return cut ? UNTOLD : 0;
    // RFC 8446, section 5.1: type, version 3.x, length of at most 2^14 and what encryption adds.
    const length = view.getUint16(at + 3);
    if (view.getUint8(at + 1) === 3 && view.getUint8(at + 2) <= 4 && length > 0 && length <= 16384 + 2048) return TLS;
  }
  // A first hello may still come in the format of SSL 2 (RFC 5246, appendix E.2): length, message type 1, version 3.x.
  if (
    first >= 0x80 &&
    end - at >= 5 &&
    (view.getUint32(at + 1) & 0xffff00) === 0x010300 &&
    view.getUint8(at + 4) <= 4
  ) {
    if ((view.getUint16(at) & 0x7fff) === frame.payloadEnd - at - 2) return TLS;
  }
  if (first >= 0x41 && first <= 0x5a) {
    const found = recogniseHttp(frame, at, end);
    if (found !== 0) return found;
  }
  // RFC 1035, section 4.2.2: over TCP each message has its length in front.
  if (end - at < 2 + 12) return cut ? UNTOLD : 0;
  const length = view.getUint16(at);
  return length < 12 ? 0 : recogniseDns(frame, at + 2, end, length);
}

function recogniseDatagram(frame: Frame, at: number, end: number): number {
  // NetBIOS names travel in the format of DNS.
  if (frame.sourcePort === 137 || frame.destinationPort === 137) return 0;
  return recogniseDns(frame, at, end, frame.payloadEnd - at);
}

/** RFC 9110, section 9, and the methods of WebDAV and of UPnP eventing; `PRI` begins HTTP/2. */
const METHODS = new Set(
  (
    'GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH PRI PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK REPORT ' +
    'SEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE M-SEARCH'
  ).split(' '),
);
const LONGEST_METHOD = 11;

/** A status line, or a request line whose method is known and that ends in a version of HTTP (RFC 9112, section 3). */
function recogniseHttp(frame: Frame, at: number, end: number): number {
  const { view } = frame;
  let method = '';
  let i = at;
  for (; i < end && i - at <= LONGEST_METHOD; i++) {
    const byte = view.getUint8(i);
    const isToken = (byte >= 0x41 && byte <= 0x5a) || byte === 0x2d;
    if (!isToken) break;
    method += String.fromCharCode(byte);
  }
  if (i === end) return end < frame.payloadEnd ? UNTOLD : 0;
  const next = view.getUint8(i);
  if (method === 'HTTP') return next === 0x2f ? HTTP : 0;
  if (next !== 0x20 || !METHODS.has(method)) return 0;
  const target = i + 1;
  for (i = target; i < end; i++) if (view.getUint8(i) < 0x20) return endsInVersion(view, target, i) ? HTTP : 0;
  // The line goes on beyond what was captured, or beyond this segment: its target has to do.
  const byte = target < end ? view.getUint8(target) : 0x2f;
  return byte === 0x2f || byte === 0x2a || byte === 0x68 ? HTTP : 0;
}

/** Whether [from, to) ends in `HTTP/` and a number. */
function endsInVersion(view: DataView, from: number, to: number): boolean {
  for (let slash = to - 2; slash >= to - 4 && slash - 4 >= from; slash--) {
    if (view.getUint8(slash) === 0x2f && view.getUint32(slash - 4) === 0x48545450) return true;
  }
  return false;
}

/** Question and record classes: IN, CH, HS, NONE, ANY; mDNS uses the top bit for its own ends (RFC 6762, section 18). */
function isDnsClass(value: number): boolean {
  const name = value & 0x7fff;
  return name === 1 || name === 3 || name === 4 || name === 254 || name === 255;
}

/**
 * RFC 1035, section 4.1: a header whose counts fit the `length` of the message, and a first question or record that
 * holds together. Strict enough to be asked of any port.
 */
function recogniseDns(frame: Frame, at: number, end: number, length: number): number {
  const { view } = frame;
  const cut = end < frame.payloadEnd;
  if (end - at < 12) return cut ? UNTOLD : 0;
  const flags = view.getUint16(at + 2);
  const opcode = (flags >> 11) & 15;
  // Bit 6 is reserved; operation codes end at 6, response codes of the header at 11.
  if ((flags & 0x40) !== 0 || opcode > 6 || (flags & 15) > 11) return 0;
  const questions = view.getUint16(at + 4);
  const records = view.getUint16(at + 6) + view.getUint16(at + 8) + view.getUint16(at + 10);
  if (questions + records === 0) return 0;
  // The shortest question is 5 bytes, the shortest record 11.
  if (12 + questions * 5 + records * 11 > length) return 0;
  let i = at + 12;
  for (;;) {
    if (i >= end) return cut ? UNTOLD : 0;
    const label = view.getUint8(i++);
    if (label === 0) break;
    if (label >= 0xc0) {
      i++;
      break;
    }
    if (label > 63) return 0;
    for (const labelEnd = i + label; i < labelEnd && i < end; i++) {
      const byte = view.getUint8(i);
      if (byte < 0x20 || byte === 0x7f) return 0;
    }
  }
  if (end - i < 4) return cut ? UNTOLD : 0;
  // The first record may be the pseudo-record of EDNS, type 41, whose class is a size.
  const isEdns = questions === 0 && view.getUint16(i) === 41;
  return isEdns || isDnsClass(view.getUint16(i + 2)) ? DNS : 0;
}
