import { encode, RECURSION_DESIRED } from 'dns-packet';
import { Direction } from '../trace/trace.js';
import type { Part } from './script.js';

const LARGEST_RECORD = 16_384;
const RECORD_HEADER = 5;
/** Filling byte. No TLS record, HTTP method or DNS header begins with it. */
const FILLER = 0xa5;

const REQUEST = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\nX-Fill: ');
const RESPONSE = Buffer.from('HTTP/1.1 200 OK\r\nX-Fill: ');

/** Payload of a message, `bytes` bytes long; for DNS the query, whose length depends on the name. */
export function payloadOf(part: Part, direction: Direction, bytes: number, index: number): Buffer {
  switch (part.speech) {
    case 'record':
      return records(bytes);
    case 'http': {
      const text = Buffer.alloc(bytes, 'x');
      (direction === Direction.OUTBOUND ? REQUEST : RESPONSE).copy(text);
      return text;
    }
    case 'dns':
      return encode({
        ...{ type: 'query', id: part.localPort, flags: RECURSION_DESIRED },
        questions: [{ type: 'A', name: part.name }],
      });
    case 'dns-like':
      return likeDns(bytes, direction, index);
    default:
      return Buffer.alloc(bytes, FILLER);
  }
}

/** TLS records of application data (RFC 5246, section 6.2), `bytes` long in all, headers included. */
function records(bytes: number): Buffer {
  const text = Buffer.alloc(bytes, FILLER);
  for (let at = 0; bytes - at > RECORD_HEADER; at += RECORD_HEADER + LARGEST_RECORD) {
    text.writeUInt8(23, at);
    text.writeUInt16BE(0x0303, at + 1);
    text.writeUInt16BE(Math.min(LARGEST_RECORD, bytes - at - RECORD_HEADER), at + 3);
  }
  return text;
}

/** A valid DNS header and question, then zeros: recognised as DNS, with the recorded length. */
function likeDns(bytes: number, direction: Direction, index: number): Buffer {
  const text = Buffer.alloc(bytes);
  if (bytes < 17) return text.fill(FILLER);
  text.writeUInt16BE(index & 0xffff, 0);
  text.writeUInt16BE(direction === Direction.OUTBOUND ? 0x0100 : 0x8180, 2);
  text.writeUInt16BE(1, 4);
  // Question: the root, type A, class IN.
  text.writeUInt16BE(1, 13);
  text.writeUInt16BE(1, 15);
  return text;
}
