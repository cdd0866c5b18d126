import { MAX_CAPTURED } from './capture.js';
import { createFrame, type DropReason, type Frame, KEPT } from './frame.js';
import { type Link, linkOf } from './links.js';
import { readNetwork } from './network.js';

/** Reads the layers of captured packets, one after another, into one {@link Frame}. */
export interface Dissector {
  readonly frame: Frame;
  readonly link: Link;
  /** What follows is of this link type; each packet ends in `checkSequence` bytes of such. */
  setLink(link: Link, checkSequence: number): void;
  /** As {@link PacketSink.packet}; returns why the packet cannot be used, or `KEPT`. `frame` is filled as far as it can be read. */
  read(view: DataView, at: number, captured: number, original: number, time: number): DropReason;
}

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
      frame.hasSource = false;
      frame.hasDestination = false;
      const reason = link.read(frame);
      return reason === KEPT ? readNetwork(frame) : reason;
    },
  };
}
