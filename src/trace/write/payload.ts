import type { Rng } from '../../shared/rng.js';

/**
 * Payloads for packets of which only the length is known: of the right protocol, exactly as long as asked, and complete
 * in themselves, so that any reader takes each for what the trace says it is. They carry no information.
 */

/** TLS record header, and the most that one record holds (RFC 8446, section 5.1). */
const TLS_HEADER = 5;
const TLS_LARGEST = 16384;
/** The shortest messages: a question for the root name; a request or status line and an empty line. */
const SHORTEST_DNS = 12 + 5;
const SHORTEST_REQUEST = 'GET / HTTP/1.1\r\n\r\n'.length;
const SHORTEST_HTTP = 'HTTP/1.1 204 \r\n\r\n'.length;
/** From here on a message has a body. */
const SHORTEST_WITH_BODY = 64;
const NTP_LENGTH = 48;
const SHORTEST_DHCP = 244;
/** Type and receiver, counter, authentication tag; operation and peer, packet number, tag. */
const WIREGUARD_OVERHEAD = 8 + 8 + 16;
const OPENVPN_OVERHEAD = 4 + 4 + 16;
/** The letter x. */
const TEXT = 0x78;

/** `text` and `zeros` show no protocol: what Wireshark seldom takes for one in a TCP stream, and in a datagram. */
export type Application =
  | 'tls'
  | 'http'
  | 'dns'
  | 'dns-over-tcp'
  | 'dhcp'
  | 'ntp'
  | 'wireguard'
  | 'openvpn'
  | 'text'
  | 'zeros';

/** Properties of a payload besides its application. */
export interface Message {
  /** Asks (outbound) or answers. */
  readonly isOutbound: boolean;
  /** Number of the conversation, and of the message among those of its direction, from 0. */
  readonly conversation: number;
  readonly count: number;
  /** Random bytes from {@link createNoise}. */
  readonly noise: Uint8Array;
}

/** A number of 16 bits that the two ends of an exchange have in common: the first message of each, the second, and so on. */
export function exchangeOf(message: Message): number {
  return keyOf(message) & 0xffff;
}

function keyOf({ conversation, count }: Message): number {
  return conversation * 31 + count;
}

type Fill = (out: Buffer, at: number, length: number, message: Message) => void;

const FILL: Readonly<Record<Application, Fill>> = {
  tls: fillTls,
  http: fillHttp,
  dns: fillDns,
  'dns-over-tcp': (out, at, length, message) => {
    out.writeUInt16BE(length - 2, at);
    fillDns(out, at + 2, length - 2, message);
  },
  dhcp: fillDhcp,
  ntp: fillNtp,
  wireguard: fillWireguard,
  openvpn: fillOpenvpn,
  text: (out, at, length) => out.fill(TEXT, at, at + length),
  zeros: (out, at, length) => out.fill(0, at, at + length),
};

/** The fewest bytes in which a payload of `application` can be told for what it is. */
export function shortestPayload(application: Application): number {
  if (application === 'tls') return TLS_HEADER + 1;
  if (application === 'http') return SHORTEST_HTTP;
  if (application === 'dns') return SHORTEST_DNS;
  if (application === 'dns-over-tcp') return 2 + SHORTEST_DNS;
  if (application === 'dhcp') return SHORTEST_DHCP;
  if (application === 'wireguard') return WIREGUARD_OVERHEAD;
  if (application === 'openvpn') return OPENVPN_OVERHEAD;
  return application === 'ntp' ? NTP_LENGTH : 0;
}

/** Fills `length` bytes of `out` from `at`, at least {@link shortestPayload} of them. */
export function fillPayload(out: Buffer, at: number, length: number, application: Application, message: Message): void {
  FILL[application](out, at, length, message);
}

const NOISE_BYTES = 1 << 16;

/** Makes 64 kB of random bytes, which look like ciphertext. Every record takes some of them. */
export function createNoise(rng: Rng): Uint8Array {
  const words = new Uint32Array(NOISE_BYTES / 4);
  for (let i = 0; i < words.length; i++) words[i] = rng.integer(0, 0xffffffff);
  return new Uint8Array(words.buffer);
}

/** Fills with noise from a place that depends on `key`, on the direction and on which `part` of a message it is. */
function fillNoise(
  out: Buffer,
  at: number,
  length: number,
  { noise, isOutbound }: Message,
  key: number,
  part = 0,
): void {
  const mixed = Math.imul(key, 0x9e3779b1) ^ Math.imul(4 * part + (isOutbound ? 1 : 2), 0x85ebca6b);
  const end = at + length;
  for (let from = (mixed ^ (mixed >>> 15)) >>> 16; at < end; from = 0) {
    const some = noise.subarray(from, from + end - at);
    out.set(some, at);
    at += some.length;
  }
}

/** Records of application data, as equal as they can be. */
function fillTls(out: Buffer, at: number, length: number, message: Message): void {
  const records = Math.ceil(length / (TLS_HEADER + TLS_LARGEST));
  for (let left = records; left > 0; left--) {
    const record = Math.ceil(length / left);
    const size = record - TLS_HEADER;
    out[at] = 23;
    out.writeUInt16BE(0x0303, at + 1);
    out.writeUInt16BE(size, at + 3);
    fillNoise(out, at + TLS_HEADER, size, message, keyOf(message), left);
    at += record;
    length -= record;
  }
}

/** Donenfeld, "WireGuard" (NDSS 2017), section 5.4.6: type 4, the receiver's index, a counter, both with the lowest byte first. */
function fillWireguard(out: Buffer, at: number, length: number, message: Message): void {
  out.writeUInt32LE(4, at);
  fillNoise(out, at + 4, 4, message, message.conversation);
  out.writeUInt32LE(message.count, at + 8);
  out.writeUInt32LE(0, at + 12);
  fillNoise(out, at + 16, length - 16, message, keyOf(message), 1);
}

/** OpenVPN's P_DATA_V2 with an AEAD cipher: operation 9 with key 0, peer 0, packet number from 1. */
function fillOpenvpn(out: Buffer, at: number, length: number, message: Message): void {
  out.writeUInt32BE(0x48000000, at);
  out.writeUInt32BE(message.count + 1, at + 4);
  fillNoise(out, at + 8, length - 8, message, keyOf(message));
}

function fillHttp(out: Buffer, at: number, length: number, { isOutbound }: Message): void {
  if (length < SHORTEST_WITH_BODY) {
    const isRequest = isOutbound && length >= SHORTEST_REQUEST;
    const filler = 'x'.repeat(length - (isRequest ? SHORTEST_REQUEST : SHORTEST_HTTP));
    out.write(isRequest ? `GET /${filler} HTTP/1.1\r\n\r\n` : `HTTP/1.1 204 ${filler}\r\n\r\n`, at, 'latin1');
    return;
  }
  const start = isOutbound ? 'POST / HTTP/1.1' : 'HTTP/1.1 200 OK';
  const fixed = start.length + '\r\nContent-Length: 00000\r\n\r\n'.length;
  const body = length - fixed;
  out.write(`${start}\r\nContent-Length: ${String(body).padStart(5, '0')}\r\n\r\n`, at, 'latin1');
  // Zeros are no text, so that nobody prints them.
  out.fill(0, at + fixed, at + length);
}

/** RFC 2131, section 2: Ethernet; then the cookie, the option that says inform or acknowledge, and the end. */
function fillDhcp(out: Buffer, at: number, length: number, message: Message): void {
  const { isOutbound } = message;
  out.fill(0, at, at + length);
  out[at] = isOutbound ? 1 : 2;
  out.writeUInt16BE(0x0106, at + 1);
  out.writeUInt32BE(exchangeOf(message), at + 4);
  out.writeUInt32BE(0x63825363, at + 236);
  out.writeUIntBE(isOutbound ? 0x350108 : 0x350105, at + 240, 3);
  out[at + 243] = 255;
}

/** RFC 5905, section 7.3: version 4, client or server; a server of stratum 2; all times unknown. */
function fillNtp(out: Buffer, at: number, length: number, { isOutbound }: Message): void {
  out.fill(0, at, at + length);
  out[at] = isOutbound ? 0x23 : 0x24;
  out[at + 1] = isOutbound ? 0 : 2;
}

/** RFC 1035: one question whose name fills the message; an answer has one address; what is too long for a name is padding. */
function fillDns(out: Buffer, at: number, length: number, message: Message): void {
  const { isOutbound } = message;
  const answer = 16;
  const end = at + length;
  out.fill(0, at, end);
  let name = length - 12 - 4;
  // No name takes two bytes: it is the root, and the last byte stays over.
  let answers = 0;
  if (!isOutbound && name - answer >= 3) {
    answers = 1;
    name -= answer;
  }
  // A name has at most 255 bytes; the rest goes into the padding option of EDNS (RFC 7830): record 11, option 4.
  const isPadded = name > 255;
  const padding = isPadded ? name - 32 - 15 : 0;
  if (isPadded) name = 32;
  out.writeUInt16BE(exchangeOf(message), at);
  out.writeUInt16BE(isOutbound ? 0x0100 : 0x8180, at + 2);
  out.writeUInt16BE(1, at + 4);
  out.writeUInt16BE(answers, at + 6);
  out.writeUInt16BE(isPadded ? 1 : 0, at + 10);
  at = fillName(out, at + 12, name);
  // Type A, class IN.
  out.writeUInt16BE(1, at);
  out.writeUInt16BE(1, at + 2);
  at += 4;
  if (answers === 1) {
    // The question's name again, type A, class IN, five minutes, four bytes of address (of documentation, RFC 5737).
    out.writeUInt16BE(0xc00c, at);
    out.writeUInt16BE(1, at + 2);
    out.writeUInt16BE(1, at + 4);
    out.writeUInt32BE(300, at + 6);
    out.writeUInt16BE(4, at + 10);
    out.writeUInt32BE(0xc0000201, at + 12);
    at += answer;
  }
  if (isPadded) {
    // Root name, type 41, a size in place of the class, no flags, one option: 12, padding.
    out.writeUInt16BE(41, at + 1);
    out.writeUInt16BE(4096, at + 3);
    out.writeUInt16BE(4 + padding, at + 9);
    out.writeUInt16BE(12, at + 11);
    out.writeUInt16BE(padding, at + 13);
  }
}

/** A name of exactly `length` bytes, labels of at most 63; returns where it ends. */
function fillName(out: Buffer, at: number, length: number): number {
  // The byte of the root, which is 0 already.
  let left = length === 2 ? 0 : length - 1;
  while (left > 0) {
    let label = Math.min(63, left - 1);
    // A rest of one byte would be an empty label.
    if (left - 1 - label === 1) label--;
    out[at] = label;
    out.fill(TEXT, at + 1, at + 1 + label);
    at += 1 + label;
    left -= 1 + label;
  }
  return at + 1;
}
