import type { Segment } from '../live/tunnel/frame.js';
import { grown } from '../shaping/account.js';
import { isData } from './wireguard.js';

/** What an end of the tunnel took in and sent, in its order, one column each. */
export interface EndColumns {
  /** Per datagram of the VPN that came in: its length; 1 where it carries a packet; its number, -1 for one that was lost at the end. */
  readonly takenLength: Uint32Array;
  readonly takenIsData: Uint8Array;
  readonly takenNumber: Float64Array;
  /** Per frame: the first six bytes that are on the wire, as a number, which look like chance and come once; the row after its last segment. */
  readonly sentPrefix: Float64Array;
  readonly sentEnd: Uint32Array;
  /** Per segment: number of the datagram, first byte, bytes. */
  readonly segmentNumber: Float64Array;
  readonly segmentOffset: Uint32Array;
  readonly segmentBytes: Uint32Array;
}

/** Of a frame of the tunnel, from the bytes that it begins with. */
export function prefixNumber(bytes: Uint8Array): number {
  let value = 0;
  for (let i = 0; i < 6; i++) value = value * 256 + bytes[i]!;
  return value;
}

export function createEndLog() {
  const columns = {
    takenLength: new Uint32Array(1024),
    takenIsData: new Uint8Array(1024),
    takenNumber: new Float64Array(1024),
    sentPrefix: new Float64Array(1024),
    sentEnd: new Uint32Array(1024),
    segmentNumber: new Float64Array(1024),
    segmentOffset: new Uint32Array(1024),
    segmentBytes: new Uint32Array(1024),
  };
  let taken = 0;
  let sent = 0;
  let segments = 0;
  const makeRoom = (prefix: string, size: number): void => {
    for (const name of Object.keys(columns) as (keyof typeof columns)[]) {
      if (name.startsWith(prefix) && columns[name].length === size) columns[name] = grown(columns[name]) as never;
    }
  };
  return {
    taken(payload: Uint8Array, number: number): void {
      makeRoom('taken', taken);
      columns.takenLength[taken] = payload.length;
      columns.takenIsData[taken] = isData(payload, payload.length) ? 1 : 0;
      columns.takenNumber[taken++] = number;
    },
    sent(carried: readonly Segment[] | null, prefix: Uint8Array): void {
      // A handshake beside the frames of the defense is left out, as the VPN's own are.
      if (!carried) return;
      for (const { datagram, offset, bytes } of carried) {
        makeRoom('segment', segments);
        columns.segmentNumber[segments] = datagram.number;
        columns.segmentOffset[segments] = offset;
        columns.segmentBytes[segments++] = bytes;
      }
      makeRoom('sent', sent);
      columns.sentPrefix[sent] = prefixNumber(prefix);
      columns.sentEnd[sent++] = segments;
    },
    columns(): EndColumns {
      const size = (name: string) => (name.startsWith('taken') ? taken : name.startsWith('sent') ? sent : segments);
      return Object.fromEntries(
        Object.entries(columns).map(([name, column]) => [name, column.slice(0, size(name))]),
      ) as unknown as EndColumns;
    },
  };
}
