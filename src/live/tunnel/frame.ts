import { IP_HEADER } from '../../shaping/kit/parts.js';
import { ETHERNET_HEADER } from '../../shaping/kit/tunnel.js';
import { TAG } from './aead.js';
import { PREFIX } from './seal.js';

/**
 * Format of the tunnel's frames. All lengths are of frames as an observer counts them, in bytes: Ethernet 14, IPv4 20, UDP 8,
 * prefix, plaintext, tag. Over IPv6 every frame is 20 bytes longer.
 *
 * A plaintext is any number of records, then zeros. A record is a bit that marks the last record of its datagram, its length (15 bits),
 * the number of the datagram (32 bits), the offset in the datagram (16 bits), and bytes of it. A plaintext without records is cover.
 */
const UDP_HEADER = 8;
export const OUTER_HEADERS = ETHERNET_HEADER + IP_HEADER + UDP_HEADER;
const RECORD_HEADER = 8;
const LAST = 0x8000;

/** Bytes of the shortest frame, and of every frame without records and padding. */
export const SMALLEST_FRAME = OUTER_HEADERS + PREFIX + TAG;
/** Bytes by which a frame is longer than the datagram that it carries whole. */
export const OVERHEAD = SMALLEST_FRAME + RECORD_HEADER;
/** Bytes of the longest payload of UDP over IPv4. */
export const LONGEST_DATAGRAM = 65_507;

/** Lowest number of a handshake inside a session, which is sent like a datagram but not delivered. */
export const CONTROL = 0xffff_ff00;

/** A datagram of the VPN, or a handshake message that is sent like one. */
export interface Datagram {
  /** Number given by the sending end, modulo {@link CONTROL}. */
  readonly number: number;
  readonly payload: Uint8Array;
}

/** Some of the bytes of a datagram. */
export interface Segment {
  readonly datagram: Datagram;
  readonly offset: number;
  /** At least 1. */
  readonly bytes: number;
}

/**
 * Cuts out what the bytes `from` to `to` of a frame carry, where the frame is OVERHEAD, less one record header, followed by the records
 * of `segments`. Bytes of record headers carry nothing, since a frame that carries the bytes after them has headers of its own.
 */
export function cutSegments(segments: readonly Segment[], from: number, to: number): Segment[] {
  const cut: Segment[] = [];
  let start = OVERHEAD;
  for (const { datagram, offset, bytes } of segments) {
    const low = Math.max(from, start);
    const high = Math.min(to, start + bytes);
    if (low < high) cut.push({ datagram, offset: offset + low - start, bytes: high - low });
    start += bytes + RECORD_HEADER;
  }
  return cut;
}

/** Bytes of the shortest frame that carries `segments`. */
function frameFor(segments: readonly Segment[]): number {
  return segments.reduce((sum, { bytes }) => sum + RECORD_HEADER + bytes, SMALLEST_FRAME);
}

/**
 * Fits a planned frame to a wire that takes frames of at most `largest` bytes. The frame stays as planned where possible, is longer where
 * its content does not fit, and is cut into several where the wire does not take it; all of these but the last have `largest` bytes.
 */
export function fitFrame(
  planned: number,
  segments: readonly Segment[],
  largest: number,
  put: (length: number, segments: readonly Segment[]) => void,
): void {
  let left = Math.max(planned, frameFor(segments));
  let rest = segments;
  while (left > largest) {
    put(largest, cutSegments(rest, 0, largest));
    rest = cutSegments(rest, largest, Number.POSITIVE_INFINITY);
    left = Math.max(left - largest + SMALLEST_FRAME, frameFor(rest));
  }
  put(left, rest);
}

/** Writes the records of `segments` and zeros into all of `plaintext`. */
export function writeRecords(plaintext: Buffer, segments: readonly Segment[]): void {
  let at = 0;
  for (const { datagram, offset, bytes } of segments) {
    const isLast = offset + bytes === datagram.payload.length;
    plaintext.writeUInt16BE(bytes | (isLast ? LAST : 0), at);
    plaintext.writeUInt32BE(datagram.number, at + 2);
    plaintext.writeUInt16BE(offset, at + 6);
    plaintext.set(datagram.payload.subarray(offset, offset + bytes), at + RECORD_HEADER);
    at += RECORD_HEADER + bytes;
  }
  plaintext.fill(0, at);
}

/** A received part of a datagram. */
export interface Received {
  readonly number: number;
  readonly offset: number;
  readonly bytes: Buffer;
  readonly isLast: boolean;
}

/** Reads the records of a plaintext; null where its format is wrong. */
export function readRecords(plaintext: Buffer): Received[] | null {
  const records: Received[] = [];
  for (let at = 0; at + RECORD_HEADER <= plaintext.length; ) {
    const head = plaintext.readUInt16BE(at);
    if (head === 0) break;
    const length = head & ~LAST;
    const number = plaintext.readUInt32BE(at + 2);
    const offset = plaintext.readUInt16BE(at + 6);
    at += RECORD_HEADER;
    if (length === 0 || at + length > plaintext.length || offset + length > LONGEST_DATAGRAM) return null;
    records.push({ number, offset, bytes: plaintext.subarray(at, at + length), isLast: (head & LAST) !== 0 });
    at += length;
  }
  return records;
}
