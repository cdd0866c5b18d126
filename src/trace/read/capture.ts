import type { ByteSource } from './bytes.js';
import type { Link } from './links.js';

/** Receives from a reader of a capture format each packet, and what the reader cannot read. */
export interface PacketSink {
  /** The link type of the packets that follow, as declared at `offset`; each ends in `checkSequence` bytes of such. */
  link(link: Link, checkSequence: number, offset: number): void;
  /**
   * A packet of which `captured` bytes stand at `at` of `view`, and that had `original` bytes on the wire. `time` is in
   * seconds since the Unix epoch, NaN where what is written is no time.
   */
  packet(view: DataView, at: number, captured: number, original: number, time: number): void;
  /** A packet that is there but cannot be used. */
  drop(reason: string): void;
  /** One line: what was expected and what was found, `offset` bytes into the file. */
  problem(offset: number, text: string): void;
}

/** Longer packets are taken for damage: no link that is read here has frames as long; tcpdump and Wireshark agree. */
export const MAX_CAPTURED = 262_144;

/** Reports that the file ends inside something `needed` bytes long that begins at the current position. */
export function reportEnd(source: ByteSource, sink: PacketSink, what: string, needed: number): void {
  const cause = source.fault === '' ? '' : ` (${source.fault})`;
  const found = source.end - source.at;
  sink.problem(source.base + source.at, `expected ${what} of ${needed} bytes, found the end after ${found}${cause}`);
}
