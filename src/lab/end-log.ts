import type { Segment } from '../live/tunnel/frame.js';
import { type ColumnsOf, defineTable } from '../shared/columns.js';
import { isData } from './wireguard.js';

/** One row per datagram of the VPN that came in. */
const TAKEN = defineTable({
  takenLength: Uint32Array,
  /** 1 where the datagram carries a packet. */
  takenIsData: Uint8Array,
  /** The number of the datagram; -1 for one that was lost at the end. */
  takenNumber: Float64Array,
});

/** One row per frame that was sent. */
const SENT = defineTable({
  /** The first six bytes on the wire as a number: they look random, and no two frames share them. */
  sentPrefix: Float64Array,
  /** The row after the frame's last segment. */
  sentEnd: Uint32Array,
});

/** One row per segment of a datagram that was sent. */
const SEGMENTS = defineTable({
  segmentNumber: Float64Array,
  segmentOffset: Uint32Array,
  segmentBytes: Uint32Array,
});

/** Datagrams that an end of the tunnel took in and frames that it sent, in order, as columns. */
export type EndColumns = ColumnsOf<typeof TAKEN> & ColumnsOf<typeof SENT> & ColumnsOf<typeof SEGMENTS>;

/** The number under which a frame of the tunnel is logged, from its first six bytes. */
export function prefixNumber(bytes: Uint8Array): number {
  let value = 0;
  for (let i = 0; i < 6; i++) value = value * 256 + bytes[i]!;
  return value;
}

export function createEndLog() {
  let datagrams = TAKEN.allocate(1024);
  let frames = SENT.allocate(1024);
  let parts = SEGMENTS.allocate(1024);
  let taken = 0;
  let sent = 0;
  let segments = 0;
  return {
    taken(payload: Uint8Array, number: number): void {
      if (taken === datagrams.takenLength.length) datagrams = TAKEN.grow(datagrams);
      datagrams.takenLength[taken] = payload.length;
      datagrams.takenIsData[taken] = isData(payload, payload.length) ? 1 : 0;
      datagrams.takenNumber[taken++] = number;
    },
    sent(carried: readonly Segment[] | null, prefix: Uint8Array): void {
      // Handshakes beside the frames of the defense are left out, like those of the VPN.
      if (!carried) return;
      for (const { datagram, offset, bytes } of carried) {
        if (segments === parts.segmentBytes.length) parts = SEGMENTS.grow(parts);
        parts.segmentNumber[segments] = datagram.number;
        parts.segmentOffset[segments] = offset;
        parts.segmentBytes[segments++] = bytes;
      }
      if (sent === frames.sentEnd.length) frames = SENT.grow(frames);
      frames.sentPrefix[sent] = prefixNumber(prefix);
      frames.sentEnd[sent++] = segments;
    },
    columns(): EndColumns {
      return {
        ...TAKEN.slice(datagrams, 0, taken),
        ...SENT.slice(frames, 0, sent),
        ...SEGMENTS.slice(parts, 0, segments),
      };
    },
  };
}
