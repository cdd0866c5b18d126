import { MAX_CAPTURED } from './capture.js';
import { createFrame, type DropReason, type Frame, KEPT } from './frame.js';
import { type Link, linkOf } from './links.js';
import { readNetwork } from './network.js';
import { unwrap } from './unwrap.js';

/** Reads the layers of captured packets, one after another, into one {@link Frame}. */
export interface Dissector {
  readonly frame: Frame;
  readonly link: Link;
  /** Sets the link type of the packets that follow, and the number of bytes of the frame check sequence at the end of each. */
  setLink(link: Link, checkSequence: number): void;
  /** As {@link PacketSink.packet}; returns why the packet cannot be used, or `KEPT`. `frame` is filled as far as it can be read. */
  read(view: DataView, at: number, captured: number, original: number, time: number): DropReason;
}

const ETHERNET = 1;

/** Times from here on, in the year 2106, are beyond a classic capture, and damage in the others. */
const MAX_TIME = 2 ** 32;

export function createDissector(): Dissector {
  const frame = createFrame();
  let link: Link = linkOf(-1);
  let checkSequence = 0;
  return {
    frame,
    get link() {
      return link;
    },
    setLink(next, bytes) {
      link = next;
      checkSequence = bytes;
    },
    read(view, at, captured, original, time) {
      frame.view = view;
      frame.at = at;
      frame.end = at + captured;
      frame.networkAt = at;
      frame.transportAt = at;
      if (link.read === null) return `link type not supported: ${link.name}`;
      if (captured === 0) return 'nothing captured of it';
      if (original > MAX_CAPTURED) return 'frame length out of range';
      if (!(time >= 0 && time < MAX_TIME)) return 'timestamp out of range';
      // Some writers put 0, or the length without what the driver added, for the length on the wire.
      frame.wireEnd = at + Math.max(original, captured);
      if (checkSequence > 0) {
        frame.wireEnd = Math.max(at, frame.wireEnd - checkSequence);
        frame.end = Math.min(frame.end, frame.wireEnd);
      }
      frame.uncounted = 0;
      frame.place = 0;
      frame.hasSource = false;
      frame.hasDestination = false;
      const hasTrailer = link.type === ETHERNET && cutTrailer(frame);
      let reason = link.read(frame);
      if (reason === KEPT) reason = readNetwork(frame);
      if (reason !== KEPT) return reason;
      // In front of the trailer are up to three bytes of padding.
      if (hasTrailer && frame.wireEnd - frame.networkEnd <= 3) {
        frame.wireEnd = frame.networkEnd;
        frame.end = Math.min(frame.end, frame.wireEnd);
      }
      return unwrap(frame);
    },
  };
}

/**
 * PCAPdroid, which captures on a phone, writes behind each packet a trailer of a magic number, the app's id (4), its name (20) and a checksum
 * (4). It was never on the wire.
 */
const TRAILER_MAGIC = 0x01072021;
const TRAILER = 32;

/** Takes PCAPdroid's trailer off the end, if there is one. It is there, too, where the packet in front of it is cut. */
function cutTrailer(frame: Frame): boolean {
  const at = frame.end - TRAILER;
  if (at - frame.at < 14 || frame.view.getUint32(at) !== TRAILER_MAGIC) return false;
  frame.end = at;
  frame.wireEnd -= TRAILER;
  return true;
}
