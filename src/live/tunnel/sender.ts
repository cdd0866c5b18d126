import { randomBytes } from 'node:crypto';
import { now } from './alarm.js';
import { CONTROL, fitFrame, OUTER_HEADERS, type Segment, SMALLEST_FRAME, writeRecords } from './frame.js';
import { HANDSHAKE, type Peer } from './peer.js';
import type { Address } from './sockets.js';
import { createQuantiles } from './statistics.js';

/** Bytes of the shortest frame that a handshake fits in. */
export const HANDSHAKE_FRAME = SMALLEST_FRAME + HANDSHAKE;
/**
 * Seconds. Frames count as being sent where the next is planned that soon. A handshake takes the place of a cover frame where it can;
 * after half that time, of any frame; after all of it, it leaves beside them.
 */
const SOON = 1;

/** A handshake message on its way into a frame. */
export interface Outgoing {
  readonly message: Buffer;
  readonly to: Address;
  /** Bytes of its frame where it takes the place of no planned frame. */
  readonly length: number;
  /** Bytes of the longest planned frame whose place it may take. */
  readonly longest: number;
}

export interface SenderOptions {
  readonly peer: Pick<Peer, 'seal' | 'sealHandshake'>;
  /** Bytes of the longest frame that the path takes. */
  readonly largest: number;
  /** Bytes by which frames are longer than the defense plans. */
  readonly offset: number;
  /** Bytes that the observer counts in each frame besides its length here. */
  readonly extra: number;
  /** Whether frames without a session are replaced by random bytes, so that the stream of frames goes on. */
  readonly keepsUp: boolean;
  /** Seconds on the shapers' clock. */
  readonly clock: () => number;
  /** Address of the other end; null while it is unknown. */
  readonly to: () => Address | null;
  /** Seconds until the next planned frame. */
  readonly untilNext: () => number;
  /** Puts a datagram, given in pieces, on the wire. */
  readonly put: (pieces: Uint8Array[], to: Address) => void;
  /** Receives what each frame carries; see `TunnelOptions.onSent`. */
  readonly onSent?: (segments: readonly Segment[] | null, prefix: Uint8Array) => void;
}

const isOfVpn = ({ datagram }: Segment): boolean => datagram.number < CONTROL;

/** Turns the frames that a defense plans, and handshakes, into datagrams for the other end. */
export function createSender({ peer, largest, offset, extra, keepsUp, clock, ...options }: SenderOptions) {
  const plaintext = Buffer.alloc(largest);
  const late = createQuantiles();
  const spacing = createQuantiles();
  const sent = { frames: 0, cover: 0, bytes: 0 };
  const count = { longer: 0, cut: 0, unsent: 0 };
  /** Times at which the frame sent last was planned to leave, and left. */
  let planned = Number.NaN;
  let left = Number.NaN;
  /** A handshake message that waits for a frame, since `since` in seconds of {@link now}. */
  let outbox: Outgoing | null = null;
  let since = 0;

  const isStreaming = (): boolean => options.untilNext() < SOON;

  const putOut = (pieces: Uint8Array[], length: number, segments: readonly Segment[] | null, to: Address): void => {
    sent.frames++;
    sent.bytes += length + extra;
    if (!segments || segments.length === 0) sent.cover++;
    options.onSent?.(segments, pieces[0]!);
    options.put(pieces, to);
  };

  /** @param isPlanned whether it takes the place of a frame of the defense */
  const putHandshake = ({ message, to }: Outgoing, length: number, isPlanned: boolean): void => {
    outbox = null;
    putOut(peer.sealHandshake(message, length - SMALLEST_FRAME), length, isPlanned ? [] : null, to);
  };

  const put = (length: number, segments: readonly Segment[]): void => {
    if (outbox && length >= HANDSHAKE_FRAME && length <= outbox.longest) {
      const isCover = segments.length === 0;
      if (isCover || now() - since > SOON / 2) {
        if (!isCover) count.unsent++;
        putHandshake(outbox, length, true);
        return;
      }
    }
    const text = plaintext.subarray(0, length - SMALLEST_FRAME);
    writeRecords(text, segments);
    const to = options.to();
    const pieces = to && peer.seal(text);
    if (pieces) {
      putOut(pieces, length, segments.filter(isOfVpn), to);
      return;
    }
    if (segments.length > 0 || !keepsUp) count.unsent++;
    if (to && keepsUp) putOut([randomBytes(length - OUTER_HEADERS)], length, [], to);
  };

  /** Sends the handshake that waits, unless a planned frame may still take it. */
  const flush = (): void => {
    if (!outbox || (isStreaming() && now() - since < SOON)) return;
    putHandshake(outbox, outbox.length, false);
  };

  return {
    isStreaming,
    flush,
    /** Sends a frame of `length` bytes that the defense planned for `time`. */
    frame(time: number, length: number, segments: readonly Segment[]): void {
      const wanted = length + offset;
      let frames = 0;
      fitFrame(wanted, segments, largest, (fitting, some) => {
        frames++;
        if (wanted <= largest && fitting > wanted) count.longer++;
        put(fitting, some);
      });
      if (frames > 1) count.cut++;
      const at = clock();
      late.add(at - time);
      if (!Number.isNaN(left)) spacing.add(Math.abs(at - left - (time - planned)));
      planned = time;
      left = at;
    },
    /** Has a handshake message leave soon, in place of one that waits. */
    handshake(message: Outgoing): void {
      outbox = message;
      since = now();
    },
    /** Sends one empty frame of the session beside those that the defense plans; no answer to it is expected. */
    empty(length: number): void {
      const to = options.to();
      const pieces = to && peer.seal(plaintext.subarray(0, length - SMALLEST_FRAME).fill(0), true);
      if (pieces) putOut(pieces, length, null, to);
    },
    /** Frames sent so far. */
    get frames() {
      return sent.frames;
    },
    statistics: () => ({ sent: { ...sent }, late: late.spread(), spacing: spacing.spread(), ...count }),
  };
}
