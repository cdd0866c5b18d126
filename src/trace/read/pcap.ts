import type { ByteSource } from './bytes.js';
import { MAX_CAPTURED, type PacketSink, reportEnd } from './capture.js';
import { linkOf } from './links.js';

/** A magic number of the classic format: byte order, unit of the fraction of a second, length of a record's header. */
interface Variant {
  readonly little: boolean;
  readonly units: number;
  readonly recordHeader: number;
}

/** As read in big-endian order. `a1b2cd34` is Kuznetzov's, with 8 more bytes in each record header. */
const MAGIC: ReadonlyMap<number, Variant> = new Map([
  [0xa1b2c3d4, { little: false, units: 1e6, recordHeader: 16 }],
  [0xd4c3b2a1, { little: true, units: 1e6, recordHeader: 16 }],
  [0xa1b23c4d, { little: false, units: 1e9, recordHeader: 16 }],
  [0x4d3cb2a1, { little: true, units: 1e9, recordHeader: 16 }],
  [0xa1b2cd34, { little: false, units: 1e6, recordHeader: 24 }],
  [0x34cdb2a1, { little: true, units: 1e6, recordHeader: 24 }],
]);

export function isPcap(magic: number): boolean {
  return MAGIC.has(magic);
}

/**
 * Reads a classic capture file as far as it is intact.
 * https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-05.html
 */
export async function readPcap(source: ByteSource, sink: PacketSink): Promise<void> {
  if (!(await source.need(24))) return reportEnd(source, sink, 'a file header', 24);
  const header = source.view;
  const { little, units, recordHeader } = MAGIC.get(header.getUint32(0))!;
  const major = header.getUint16(4, little);
  const minor = header.getUint16(6, little);
  if (major !== 2) return sink.problem(4, `expected pcap version 2, found ${major}.${minor}`);
  const type = header.getUint32(20, little);
  // The upper bits tell, where bit 26 is set, the length of the frame check sequence in units of 16 bits.
  sink.link(linkOf(type & 0x03ff_ffff), (type & 0x0400_0000) === 0 ? 0 : (type >>> 28) * 2, 20);
  // Before version 2.3 the two lengths stood the other way round, and some programs of 2.3 kept to that.
  const lengthsSwapped = minor < 3;
  const lengthsUnsure = minor === 3;
  source.at = 24;
  for (;;) {
    const { view, end } = source;
    let at = source.at;
    let needed = recordHeader;
    while (end - at >= recordHeader) {
      let captured = view.getUint32(at + 8, little);
      let original = view.getUint32(at + 12, little);
      if (lengthsSwapped || (lengthsUnsure && captured > original)) [captured, original] = [original, captured];
      if (captured > MAX_CAPTURED) {
        const expected = `expected a record of at most ${MAX_CAPTURED} captured bytes`;
        return sink.problem(source.base + at, `${expected}, found a length of ${captured}`);
      }
      if (end - at - recordHeader < captured) {
        needed = recordHeader + captured;
        break;
      }
      const fraction = view.getUint32(at + 4, little);
      const time = fraction < units ? view.getUint32(at, little) + fraction / units : Number.NaN;
      sink.packet(view, at + recordHeader, captured, original, time);
      at += recordHeader + captured;
    }
    source.at = at;
    if (await source.need(needed)) continue;
    const isWhole = source.at === source.end && source.fault === '';
    if (!isWhole) reportEnd(source, sink, needed === recordHeader ? 'a record header' : 'a record', needed);
    return;
  }
}
