import type { RemoteInfo } from 'node:dgram';
import type { AddressInfo } from 'node:net';
import { ETHERNET_HEADER } from '../../shaping/kit/tunnel.js';
import type { AppliedDefense } from '../../shaping/shaper.js';
import { UsageError } from '../../shared/errors.js';
import type { Rng } from '../../shared/rng.js';
import { Direction } from '../../trace/trace.js';
import { createAlarm, now, type Waiting } from './alarm.js';
import {
  CONTROL,
  LONGEST_DATAGRAM,
  OUTER_HEADERS,
  OVERHEAD,
  readRecords,
  type Segment,
  SMALLEST_FRAME,
} from './frame.js';
import { createPeer, type Limits } from './peer.js';
import { IPV6_EXTRA, lengthOffset, whyNotLive } from './planned.js';
import { createRealLink, firstFrame, LATEST } from './real-link.js';
import { createReassembly } from './reassembly.js';
import { createSecretRng } from './secret-rng.js';
import { createSender, HANDSHAKE_FRAME } from './sender.js';
import { openSockets, type Place } from './sockets.js';
import { createStaging } from './staging.js';
import type { TunnelStatistics } from './statistics.js';

export { whyNotLive } from './planned.js';
export type { Place } from './sockets.js';

export interface TunnelOptions {
  /** Address and port to listen on: for the VPN's client at the home, for the home at the far end. */
  readonly listen: Place;
  /** At the home: the far end. */
  readonly peer?: Place;
  /** At the far end: the VPN's server. Exactly one of `peer` and `forward` is given. */
  readonly forward?: Place;
  /** Secret that both ends share: 32 bytes. */
  readonly secret: Uint8Array;
  /** Defenses that each end puts in place; none by default. */
  readonly defenses?: readonly AppliedDefense[];
  /** Bytes of the longest IP packet on the path to the other end; by default the interface's MTU, at most 1500. */
  readonly mtu?: number;
  /** Bytes that may wait in the shapers; a datagram beyond that is lost. 10^6 by default. */
  readonly queue?: number;
  readonly waiting?: Waiting;
  readonly rng?: Rng;
  /** Seconds of the shapers' clock in one real second, for experiments; 1 by default. */
  readonly speed?: number;
  /**
   * Receives the content of each frame as it leaves, and the frame's first bytes: ground truth for experiments. The content is null for
   * a frame beside those that the defense plans, such as a handshake while nothing else is sent.
   */
  readonly onSent?: (segments: readonly Segment[] | null, prefix: Uint8Array) => void;
  /** Receives each datagram of the VPN that comes in, and its number among those sent; -1 for one that is lost here. */
  readonly onTaken?: (payload: Uint8Array, number: number) => void;
  /** When sessions are renewed and end, in place of the usual limits: for tests. */
  readonly limits?: Partial<Limits>;
}

/** One end of a tunnel, running. */
export interface TunnelEnd {
  readonly listening: AddressInfo;
  /** Bytes of the longest IP packet on the path between the ends. */
  readonly mtu: number;
  /** Bytes of the longest datagram of the VPN that leaves in one frame. */
  readonly room: number;
  /** Bytes by which frames are longer on the wire than the defense plans; see {@link lengthOffset}. */
  readonly offset: number;
  statistics(): TunnelStatistics;
  /** Resolves when the first session with the other end is open. */
  readonly opening: Promise<void>;
  /** Rejects when a shaper breaks its contract; the end is then closed. */
  readonly failure: Promise<never>;
  close(): void;
}

const QUEUE = 1e6;
/** Milliseconds between two looks at which handshake is due. */
const TICK = 250;

/**
 * Opens one end of a tunnel. The home's end takes what the VPN's client sends to `listen` and sends it, shaped and sealed, to `peer`.
 * The far end listens for that and passes it on to `forward`. Replies go the same way back. Each end serves one client: the one heard
 * last. The far end takes as the home's address the source of the newest authentic frame of the session.
 *
 * The home opens a session by a handshake at once, and renews it; see {@link createPeer}. Without a session, the far end sends only
 * answers to handshakes, each as long as what it answers. The home keeps up the frames that its defense has begun, as random bytes.
 * @throws UsageError, InputError: one line
 */
export async function openTunnelEnd(options: TunnelOptions): Promise<TunnelEnd> {
  const { listen, secret, defenses = [], queue = QUEUE, waiting = 'sleep', speed = 1 } = options;
  const obstacle = whyNotLive(defenses);
  if (obstacle !== null) throw new UsageError(obstacle);
  if ((options.peer === undefined) === (options.forward === undefined))
    throw new UsageError('expected either a peer or a forward');
  const isHome = options.peer !== undefined;
  const direction = isHome ? Direction.OUTBOUND : Direction.INBOUND;
  const { inner, outer, listener, sendTo, family, mtu } = await openSockets(listen, options, options.mtu);
  const extra = family === 6 ? IPV6_EXTRA : 0;
  const largest = ETHERNET_HEADER + mtu - extra;
  const cellOffset = lengthOffset(defenses, 4);

  const peer = createPeer({ secret, isHome, limits: options.limits });
  const reassembly = createReassembly();
  const staging = createStaging((payload) => {
    lost.waited++;
    options.onTaken?.(payload, -1);
  });
  const clock = speed === 1 ? now : () => now() * speed;
  const opened = clock();
  const taken = { datagrams: 0, bytes: 0 };
  const delivered = { datagrams: 0, bytes: 0 };
  const received = { frames: 0, cover: 0, bytes: 0 };
  const lost = { overflow: 0, unfit: 0, undeliverable: 0, waited: 0 };
  const refused = { short: 0, unknown: 0, forged: 0, replayed: 0, stale: 0, limited: 0, version: 0, malformed: 0 };
  let failed = 0;
  let datagrams = 0;
  let controls = 0;
  /** Starts of the other end that were noticed so far. */
  let starts = 0;
  /** Address on the listener's other side: the VPN's client at the home, the home at the far end. */
  let caught: RemoteInfo | null = null;
  let isOpen = true;
  let onOpening: () => void;
  const opening = new Promise<void>((resolve) => {
    onOpening = resolve;
  });

  const countFailure = (error: Error | null): void => {
    if (error) failed++;
  };

  const rng = options.rng ?? createSecretRng();
  /** Bytes of a frame beside those that the defense plans: the length that it gives a lone datagram as short as a handshake. */
  const single = isHome
    ? Math.min(
        largest,
        Math.max(HANDSHAKE_FRAME, firstFrame(defenses, direction, HANDSHAKE_FRAME - OVERHEAD) + cellOffset),
      )
    : HANDSHAKE_FRAME;
  const sender = createSender({
    ...{ peer, largest, offset: cellOffset, extra, keepsUp: isHome, clock, onSent: options.onSent },
    to: () => (isHome ? sendTo : caught),
    untilNext: () => (link.next - clock()) / speed,
    // A shaper may have failed in the meantime.
    put: (pieces, to) => isOpen && outer.send(pieces, to.port, to.address, countFailure),
  });
  const link = createRealLink({ defenses, direction, rng, onFrame: sender.frame, latest: LATEST * speed });
  const alarm = createAlarm(() => guarded(() => link.advance(clock())), waiting);

  let fail: (error: unknown) => void;
  const failure = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failure.catch(() => {});

  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    alarm.close();
    clearInterval(ticks);
    inner.close();
    outer.close();
  };

  /** Runs shapers and sets the alarm for their next timer; closes the end where they fail. */
  const guarded = (work: () => void): void => {
    if (!isOpen) return;
    try {
      work();
      alarm.set(link.next / speed);
    } catch (thrown) {
      close();
      fail(thrown);
    }
  };

  const send = (payload: Buffer): void => {
    const number = datagrams++ % CONTROL;
    options.onTaken?.(payload, number);
    guarded(() => link.send({ number, payload }, clock()));
  };

  const takeIn = (payload: Buffer, from: RemoteInfo): void => {
    if (isHome) caught = from;
    if (payload.length === 0 || payload.length > LONGEST_DATAGRAM) {
      lost.unfit++;
      return;
    }
    taken.datagrams++;
    taken.bytes += payload.length;
    if (link.held.own + staging.bytes + OVERHEAD + payload.length > queue) {
      lost.overflow++;
      options.onTaken?.(payload, -1);
    } else if (peer.isOpen) {
      send(payload);
    } else {
      staging.add(payload);
    }
  };

  const sendStaged = (): void => {
    for (const payload of staging.take()) send(payload);
  };

  /** Sends a handshake message as data of the session: nothing distinguishes it from a datagram of the VPN. */
  const sendInside = (message: Buffer): void => {
    const number = CONTROL + (controls++ & 0xff);
    guarded(() => link.send({ number, payload: message }, clock()));
  };

  const tick = (): void => {
    const due = peer.poll(sender.isStreaming());
    if (due?.isInside) sendInside(due.message);
    else if (due) sender.handshake({ message: due.message, to: sendTo, length: single, longest: largest });
    sender.flush();
    // An address is believed for as long as the session in which it was seen.
    if (!isHome && !peer.isOpen) caught = null;
    staging.expire();
  };

  /** Sends a frame of the new session: the far end uses a session only once it has heard a frame of it. */
  const confirm = (): void => {
    const before = sender.frames;
    sendStaged();
    if (sender.frames === before && !sender.isStreaming()) sender.empty(single);
  };

  const deliver = (payload: Buffer): void => {
    // A shaper may have failed at the previous datagram of the same frame.
    if (!isOpen) return;
    if (!isHome) inner.send(payload, countFailure);
    else if (caught) inner.send(payload, caught.port, caught.address, countFailure);
    else {
      lost.undeliverable++;
      return;
    }
    delivered.datagrams++;
    delivered.bytes += payload.length;
  };

  const answer = (message: Buffer, to: Buffer, from: RemoteInfo): void => {
    // The answer is no longer than the request, whose sender may only have recorded it.
    const length = Math.min(largest, to.length + OUTER_HEADERS);
    if (length < HANDSHAKE_FRAME) return;
    sender.handshake({ message, to: from, length, longest: length });
    sender.flush();
  };

  /** @param outside datagram in which a handshake came; null for one that came inside the session */
  const receive = (result: ReturnType<typeof peer.open>, outside: Buffer | null, from: RemoteInfo): void => {
    if (typeof result === 'string') {
      refused[result]++;
    } else if (result.type === 'response') {
      noticeStart();
      confirm();
    } else if (result.type === 'initiation') {
      if (outside) answer(result.answer, outside, from);
      else sendInside(result.answer);
    } else {
      if (!isHome && result.isNewest) caught = from;
      if (result.isOpening) {
        noticeStart();
        sendStaged();
      }
      takeRecords(result.plaintext, from);
    }
  };

  const noticeStart = (): void => {
    onOpening();
    if (peer.statistics.starts === starts) return;
    starts = peer.statistics.starts;
    // The other end counts its datagrams from 0 again.
    reassembly.clear();
  };

  const takeRecords = (text: Buffer, from: RemoteInfo): void => {
    const records = readRecords(text);
    if (!records) {
      refused.malformed++;
      return;
    }
    received.frames++;
    received.bytes += text.length + SMALLEST_FRAME + extra;
    if (records.length === 0) received.cover++;
    for (const record of records) {
      const whole = reassembly.add(record);
      if (!whole) continue;
      if (record.number >= CONTROL) {
        receive(peer.takeHandshake(whole), null, from);
        continue;
      }
      deliver(whole);
      // A shaper that cannot release packets as fast as they come would hold ever more of them.
      if (link.held.other <= queue) guarded(() => link.heard(whole.length, clock()));
    }
  };

  inner.on('message', takeIn);
  outer.on('message', (datagram, from) => receive(peer.open(datagram), datagram, from));
  // An error of the connected socket means that the VPN's server does not listen at the moment.
  for (const socket of [inner, outer]) socket.on('error', countFailure);
  const ticks = setInterval(tick, TICK);
  tick();

  return {
    listening: listener.address(),
    mtu,
    room: largest - OVERHEAD,
    offset: lengthOffset(defenses, family),
    opening,
    failure,
    close,
    statistics: () => ({
      ...sender.statistics(),
      seconds: clock() - opened,
      taken: { ...taken },
      delivered: { ...delivered },
      received: { ...received },
      held: link.held.own + staging.bytes,
      lost: { ...lost, dropped: link.dropped, incomplete: reassembly.incomplete },
      refused: { ...refused },
      stalls: link.stalls,
      session: peer.statistics,
      sessions: peer.statistics.starts,
      failed,
    }),
  };
}
