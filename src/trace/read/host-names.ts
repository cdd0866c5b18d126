/**
 * Reads the names of hosts from the beginnings of payloads: the server name of a TLS ClientHello (RFC 6066, section 3), the Host of an HTTP
 * request (RFC 9112, section 3.2), the addresses that DNS answers with (RFC 1035, section 4.1).
 *
 * Each packet is read for itself, so a name behind the end of its segment, or behind what was captured of it, is not found. Nor is one in
 * QUIC, whose first packets are encrypted, if only for show. Multicast DNS is left alone: it names hosts of the home.
 */

import { isIPv4 } from 'node:net';
import { grown } from '../../shared/columns.js';
import { InputError } from '../../shared/errors.js';
import { ipv4Text, ipv6Text } from '../addresses.js';
import { ANSWER_COLUMNS, type HostNames } from '../names.js';
import { Protocol } from '../trace.js';
import { FRAGMENT, type Frame, TCP } from './frame.js';

/** Takes note of the names in packets, one after another. */
export interface NameReader {
  /** Reads the packet in `frame`, of the given {@link Protocol} bits, which goes in `direction`: see {@link HostNames.called}. */
  packet(frame: Frame, protocols: number, direction: number, time: number): void;
  names(): HostNames;
}

/** A home asks for some thousand names; a flood of invented ones would fill the memory. */
const MAX_NAMES = 2 ** 20;
const MAX_ANSWERS = 2 ** 22;

const DNS_PORT = 53;
const [TYPE_A, TYPE_AAAA, CLASS_IN] = [1, 28, 1] as const;

export function createNameReader(): NameReader {
  const names = createTexts(MAX_NAMES, 'host names');
  const addresses = createTexts(MAX_ANSWERS, 'addresses in answers of DNS');
  let called = new Uint32Array(64);
  let answers = ANSWER_COLUMNS.allocate(64);
  let rows = 0;

  const addAnswer = (time: number, direction: number, name: number, address: string): void => {
    if (rows === answers.time.length) answers = ANSWER_COLUMNS.grow(answers);
    if (rows === MAX_ANSWERS) throw new InputError(`expected at most ${MAX_ANSWERS} answers of DNS, found more`);
    answers.time[rows] = time;
    answers.direction[rows] = direction;
    answers.name[rows] = name;
    answers.address[rows++] = addresses.rowOf(address);
  };

  /** Reads an answer at [from, end). All its addresses are the asked name's, by whatever chain of aliases. */
  const readAnswer = (view: DataView, from: number, end: number, direction: number, time: number): void => {
    if (end - from < 12) return;
    // An answer, to a usual question, without error.
    if ((view.getUint16(from + 2) & 0xf80f) !== 0x8000 || view.getUint16(from + 4) !== 1) return;
    let at = from + 12;
    let asked = '';
    for (let size = at < end ? view.getUint8(at) : 0; size > 0; size = at < end ? view.getUint8(at) : 0) {
      // The first name of a message has nothing before it to point to.
      if (size > 63 || at + 1 + size > end) return;
      asked += `${asked === '' ? '' : '.'}${latin1(view, at + 1, at + 1 + size)}`;
      at += 1 + size;
    }
    const name = hostName(asked);
    if (name === '') return;
    at += 1 + 4;
    for (let left = view.getUint16(from + 6); left > 0; left--) {
      at = skipName(view, at, end);
      if (at + 10 > end) return;
      const [type, length, data] = [view.getUint16(at), view.getUint16(at + 8), at + 10];
      const isInternet = view.getUint16(at + 2) === CLASS_IN;
      at = data + length;
      if (at > end) return;
      if (isInternet && type === TYPE_A && length === 4) {
        addAnswer(time, direction, names.rowOf(name), ipv4Text(view.getUint32(data)));
      } else if (isInternet && type === TYPE_AAAA && length === 16) {
        const word = (i: number) => view.getUint32(data + i * 4);
        addAnswer(time, direction, names.rowOf(name), ipv6Text(word(0), word(1), word(2), word(3)));
      }
    }
  };

  return {
    packet(frame, protocols, direction, time) {
      const { view, payloadAt } = frame;
      const end = Math.min(frame.end, frame.payloadEnd);
      if (payloadAt >= end || frame.fragment === FRAGMENT.LATER) return;
      const isTcp = frame.transport === TCP;
      if ((protocols & Protocol.DNS) !== 0 && frame.sourcePort === DNS_PORT) {
        // Over TCP, each message has its length in front.
        readAnswer(view, payloadAt + (isTcp ? 2 : 0), end, direction, time);
      }
      if (!isTcp || (direction < called.length && called[direction] !== 0)) return;
      let name = '';
      if ((protocols & Protocol.TLS) !== 0) name = serverName(view, payloadAt, end);
      else if ((protocols & Protocol.HTTP) !== 0) name = requestHost(view, payloadAt, end);
      if (name === '') return;
      while (direction >= called.length) called = grown(called);
      called[direction] = names.rowOf(name);
    },
    names: () => ({
      names: names.texts,
      called,
      answers: ANSWER_COLUMNS.trim(answers, rows),
      addresses: addresses.texts,
    }),
  };
}

/** Texts by row; row 0 is ''. */
function createTexts(most: number, what: string) {
  const texts = [''];
  const rows = new Map([['', 0]]);
  return {
    texts,
    rowOf(text: string): number {
      let row = rows.get(text);
      if (row === undefined) {
        if (texts.length > most) throw new InputError(`expected at most ${most} ${what}, found more`);
        row = texts.push(text) - 1;
        rows.set(text, row);
      }
      return row;
    },
  };
}

function latin1(view: DataView, from: number, to: number): string {
  return Buffer.from(view.buffer, view.byteOffset + from, to - from).toString('latin1');
}

/** A host name in lower case; '' for any other text, such as an address or what an attacker may have put there. */
function hostName(text: string): string {
  const name = text.toLowerCase().replace(/\.$/, '');
  return name.length <= 253 && /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(name) && !isIPv4(name) ? name : '';
}

/** The offset behind a name of DNS, which may end in a pointer to an earlier one. */
function skipName(view: DataView, at: number, end: number): number {
  while (at < end) {
    const size = view.getUint8(at);
    if (size === 0) return at + 1;
    if (size >= 0xc0) return at + 2;
    at += 1 + size;
  }
  return end;
}

/** The server name in a ClientHello (RFC 8446, section 4.1.2), as far as it is before `end`; '' for none. */
function serverName(view: DataView, from: number, end: number): string {
  const [handshake, clientHello] = [22, 1];
  if (end - from < 44 || view.getUint8(from) !== handshake || view.getUint8(from + 5) !== clientHello) return '';
  // Behind the headers of record and message, the version and the random number: session, ciphers, compression.
  let at = from + 5 + 4 + 2 + 32;
  at += 1 + view.getUint8(at);
  if (at + 2 > end) return '';
  at += 2 + view.getUint16(at);
  if (at + 1 > end) return '';
  at += 1 + view.getUint8(at) + 2;
  while (at + 4 <= end) {
    const [type, length, data] = [view.getUint16(at), view.getUint16(at + 2), at + 4];
    at = data + length;
    if (type !== 0) continue;
    // The length of the list, the type of its first name, 0 for a host's, and the length of that.
    if (data + 5 > end || view.getUint8(data + 2) !== 0) return '';
    const nameEnd = data + 5 + view.getUint16(data + 3);
    return nameEnd <= Math.min(end, at) ? hostName(latin1(view, data + 5, nameEnd)) : '';
  }
  return '';
}

/** Bytes of a request in which its Host is looked for: most clients put it first. */
const LONGEST_REQUEST = 4096;

/** The host of a request that begins at `from`, without its port; '' for none. */
function requestHost(view: DataView, from: number, end: number): string {
  const text = latin1(view, from, Math.min(end, from + LONGEST_REQUEST));
  const body = text.indexOf('\r\n\r\n');
  const head = body < 0 ? text : text.slice(0, body + 2);
  if (!/^[A-Z-]+ \S+ HTTP\/1\.\d\r\n/.test(head)) return '';
  // A line without an end may be cut.
  const line = /\r\nhost:[ \t]*([^\r\n]*?)[ \t]*\r\n/i.exec(head);
  return line === null ? '' : hostName(line[1]!.replace(/:\d*$/, ''));
}
