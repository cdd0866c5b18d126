import { randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { z } from 'zod';
import { ETHERNET_HEADER, encapsulationOf, tunnelParameters } from '../../shaping/kit/tunnel.js';
import type { AppliedDefense } from '../../shaping/shaper.js';
import { InputError, UsageError } from '../../shared/errors.js';
import type { Rng } from '../../shared/rng.js';
import { Direction } from '../../trace/trace.js';
import { createAlarm, now, type Waiting } from './alarm.js';
import {
  CONTROL,
  fitFrame,
  LONGEST_DATAGRAM,
  OUTER_HEADERS,
  OVERHEAD,
  readRecords,
  type Segment,
  SMALLEST_FRAME,
  writeRecords,
} from './frame.js';
import { createPeer, HANDSHAKE, type Limits } from './peer.js';
import { createRealLink, firstFrame, LATEST } from './real-link.js';
import { createReassembly } from './reassembly.js';
import { createSecretRng } from './secret-rng.js';
import { createQuantiles, type TunnelStatistics } from './statistics.js';

/** A host, as a name or an address, and a UDP port. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

export interface TunnelOptions {
  /** At the home: where the VPN's client sends to. At the far end: where the home sends to. */
  readonly listen: Place;
  /** At the home: the far end. */
  readonly peer?: Place;
  /** At the far end: the VPN's server. Exactly one of `peer` and `forward` is given. */
  readonly forward?: Place;
  /** The secret that both ends share: 32 bytes. */
  readonly secret: Uint8Array;
  /** What each end puts in place; none where left out. */
  readonly defenses?: readonly AppliedDefense[];
  /** Longest IP packet of the path to the other end; by default that of the interface, and at most 1500. */
  readonly mtu?: number;
  /** Bytes that may wait in the shapers; what comes then is lost. By default 10^6. */
  readonly queue?: number;
  readonly waiting?: Waiting;
  readonly rng?: Rng;
  /** Seconds on the shapers' clock in one of the world's: for experiments. By default 1. */
  readonly speed?: number;
  /**
   * Told of each frame as it leaves, what it carries, and the bytes that it begins with: for experiments, which need the truth. Null
   * for a frame beside those that the defense plans: of a handshake while nothing else is sent.
   */
  readonly onSent?: (segments: readonly Segment[] | null, prefix: Uint8Array) => void;
  /** Told of each datagram of the VPN that comes in, and its number among those that are sent; -1 for one that is lost here. */
  readonly onTaken?: (payload: Uint8Array, number: number) => void;
  /** When sessions are renewed and end, where not as usual: for tests. */
  readonly limits?: Partial<Limits>;
}

/** One end of a tunnel, at work. */
export interface TunnelEnd {
  readonly listening: AddressInfo;
  /** Of the path between the ends, in bytes. */
  readonly mtu: number;
  /** The longest datagram of the VPN that leaves in one frame. */
  readonly room: number;
  /** How much longer frames are on the wire than the defense plans; see {@link lengthOffset}. */
  readonly offset: number;
  statistics(): TunnelStatistics;
  /** Resolves when the first session with the other end is open. */
  readonly opening: Promise<void>;
  /** Rejects when a shaper breaks its contract; the end is closed then. */
  readonly failure: Promise<never>;
  close(): void;
}

/** RFC 8200: every path takes an IPv6 packet of that length; less leaves no room for IPv4 either, our choice. */
export const SMALLEST_MTU = 1280;
/** Jumbo frames: a record's length has 15 bits. */
export const LARGEST_MTU = 9216;
const USUAL_MTU = 1500;
const QUEUE = 1e6;
const IPV6_EXTRA = 20;
/** Bytes that the system is asked to keep for us while we are at something else. */
const SOCKET_BUFFER = 1 << 20;
/** Milliseconds from one look at what is due in the handshake to the next. */
const TICK = 250;
/** The shortest frame that a handshake fits in. */
const HANDSHAKE_FRAME = SMALLEST_FRAME + HANDSHAKE;
/**
 * Seconds. Frames are being sent where the next is planned that soon. A handshake takes the place of cover where it can; after half
 * that time, of any frame; after all of it, it leaves beside them.
 */
const SOON = 1;
/** Seconds for which datagrams of the VPN wait for a session. */
const LONGEST_WAIT = 5;

/**
 * Why a sequence of defenses cannot run at the ends of a tunnel, each of which sends in one direction alone, in one line; null
 * where it can.
 */
export function whyNotLive(parts: readonly Pick<AppliedDefense, 'defense'>[]): string | null {
  for (const [i, { defense }] of parts.entries()) {
    if (defense.notLive) return `defense ${defense.name}: cannot run live: ${defense.notLive}`;
    const next = parts[i + 1];
    if (defense.tunnel && next) {
      return `defense ${defense.name}: is a tunnel, and cannot run live with another behind it, found ${next.defense.name}`;
    }
  }
  return null;
}

/**
 * Bytes by which frames are longer on the wire than the defense plans, all of them by as many. A defense that is a tunnel reckons with
 * the headers of WireGuard or OpenVPN, ours are longer; and all reckon with IPv4.
 */
export function lengthOffset(defenses: readonly AppliedDefense[], family: 4 | 6): number {
  const last = defenses.at(-1);
  const planned = last?.defense.tunnel ? tunnelParameters.safeParse(z.looseObject({}).parse(last.parameters)) : null;
  // A cell header of 4 bytes is planned for, a record's is 8.
  const cell = planned?.success ? OVERHEAD - 4 - encapsulationOf(planned.data).frame(0) : 0;
  return cell + (family === 6 ? IPV6_EXTRA : 0);
}

/**
 * Opens one end of a tunnel. The home's end takes in what the VPN's client sends to `listen`, and sends it, shaped and sealed, to
 * `peer`; the far end listens for that and passes it on to `forward`; and the same way back. Each takes one client: the one that was
 * heard last; the far end takes as the home's address the one that the newest authentic frame of the session came from.
 *
 * The home opens a session at once, by a handshake, and renews it; see {@link createPeer}. While there is none, the far end sends
 * nothing but answers to handshakes, each as long as what it answers; the home keeps up the frames that its defense has begun, as random bytes.
 * @throws UsageError, InputError: one line
 */
export async function openTunnelEnd(options: TunnelOptions): Promise<TunnelEnd> {
  const { listen, peer: peerAt, forward, secret, defenses = [], queue = QUEUE, waiting = 'sleep', speed = 1 } = options;
  const obstacle = whyNotLive(defenses);
  if (obstacle !== null) throw new UsageError(obstacle);
  if ((peerAt === undefined) === (forward === undefined)) throw new UsageError('expected either a peer or a forward');
  const isHome = peerAt !== undefined;
  const direction = isHome ? Direction.OUTBOUND : Direction.INBOUND;
  const [listenAt, sendTo] = await Promise.all([resolve(listen), resolve((peerAt ?? forward)!)]);
  const listener = await bind(listenAt);
  let caller: Socket;
  let mtu: number;
  try {
    caller = isHome ? await bind({ ...ANY[sendTo.family], port: 0 }) : await connect(sendTo);
    mtu = options.mtu ?? (isHome ? await mtuTowards(sendTo) : mtuOf(listenAt.address));
  } catch (thrown) {
    listener.close();
    throw thrown;
  }
  const outer = isHome ? caller : listener;
  const inner = isHome ? listener : caller;
  const family = isHome ? sendTo.family : listenAt.family;
  const largest = ETHERNET_HEADER + mtu - (family === 6 ? IPV6_EXTRA : 0);
  const cellOffset = lengthOffset(defenses, 4);

  const peer = createPeer({ secret, isHome, limits: options.limits });
  const reassembly = createReassembly();
  const plaintext = Buffer.alloc(LARGEST_MTU);
  const late = createQuantiles();
  const spacing = createQuantiles();
  const clock = speed === 1 ? now : () => now() * speed;
  const opened = clock();
  const taken = { datagrams: 0, bytes: 0 };
  const delivered = { datagrams: 0, bytes: 0 };
  const sent = { frames: 0, cover: 0, bytes: 0 };
  const received = { frames: 0, cover: 0, bytes: 0 };
  const lost = { overflow: 0, unfit: 0, undeliverable: 0, waited: 0 };
  const refused = { short: 0, unknown: 0, forged: 0, replayed: 0, stale: 0, limited: 0, version: 0, malformed: 0 };
  const count = { longer: 0, cut: 0, unsent: 0, failed: 0 };
  /** Of the frame sent last: when it was to leave, and did. */
  let planned = Number.NaN;
  let left = Number.NaN;
  let datagrams = 0;
  let controls = 0;
  /** Starts of the other end that were noticed. */
  let starts = 0;
  /** Where the listener's other side is: the VPN's client at the home, the home at the far end. */
  let caught: RemoteInfo | null = null;
  /** Datagrams of the VPN that wait for a session. */
  let staged: { readonly payload: Buffer; readonly time: number }[] = [];
  let stagedBytes = 0;
  /** A handshake message that waits for a frame. */
  let outbox: Outgoing | null = null;
  let isOpen = true;
  let onOpening: () => void;
  const opening = new Promise<void>((resolve) => {
    onOpening = resolve;
  });

  const countFailure = (error: Error | null): void => {
    if (error) count.failed++;
  };

  const putOut = (
    pieces: Uint8Array[],
    length: number,
    segments: readonly Segment[] | null,
    to: { readonly port: number; readonly address: string },
  ): void => {
    // A shaper may have failed meanwhile.
    if (!isOpen) return;
    sent.frames++;
    sent.bytes += length + (family === 6 ? IPV6_EXTRA : 0);
    if (!segments || segments.length === 0) sent.cover++;
    options.onSent?.(segments, pieces[0]!);
    outer.send(pieces, to.port, to.address, countFailure);
  };

  /** @param isPlanned whether it takes the place of a frame of the defense */
  const putHandshake = ({ message, to }: Outgoing, length: number, isPlanned: boolean): void => {
    outbox = null;
    putOut(peer.sealHandshake(message, length - SMALLEST_FRAME), length, isPlanned ? [] : null, to);
  };

  const put = (length: number, planned: readonly Segment[]): void => {
    if (outbox && length >= HANDSHAKE_FRAME && length <= outbox.longest) {
      const isCover = planned.length === 0;
      if (isCover || now() - outbox.since > SOON / 2) {
        if (!isCover) count.unsent++;
        putHandshake(outbox, length, true);
        return;
      }
    }
    const text = plaintext.subarray(0, length - SMALLEST_FRAME);
    writeRecords(text, planned);
    const to = isHome ? sendTo : caught;
    const pieces = to && peer.seal(text);
    if (pieces) {
      putOut(pieces, length, planned.filter(isOfVpn), to);
      return;
    }
    if (planned.length > 0 || !isHome) count.unsent++;
    if (isHome) putOut([randomBytes(length - OUTER_HEADERS)], length, [], sendTo);
  };

  const onFrame = (time: number, length: number, segments: readonly Segment[]): void => {
    const wanted = length + cellOffset;
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
  };

  const rng = options.rng ?? createSecretRng();
  /** Of frames beside those that the defense plans: as long as what it makes of a single datagram as short as a handshake. */
  const single = isHome
    ? Math.min(
        largest,
        Math.max(HANDSHAKE_FRAME, firstFrame(defenses, direction, HANDSHAKE_FRAME - OVERHEAD) + cellOffset),
      )
    : HANDSHAKE_FRAME;
  const link = createRealLink({ defenses, direction, rng, onFrame, latest: LATEST * speed });
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

  /** Runs shapers, and sees to it that their next timer rings. */
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
    if (link.held.own + stagedBytes + OVERHEAD + payload.length > queue) {
      lost.overflow++;
      options.onTaken?.(payload, -1);
    } else if (peer.isOpen) {
      send(payload);
    } else {
      staged.push({ payload, time: now() });
      stagedBytes += OVERHEAD + payload.length;
    }
  };

  const dropStaged = (): void => {
    const oldest = now() - LONGEST_WAIT;
    if (!(staged[0] && staged[0].time < oldest)) return;
    const kept = staged.filter(({ time }) => time >= oldest);
    for (const { payload } of staged.slice(0, staged.length - kept.length)) {
      lost.waited++;
      stagedBytes -= OVERHEAD + payload.length;
      options.onTaken?.(payload, -1);
    }
    staged = kept;
  };

  const sendStaged = (): void => {
    dropStaged();
    const waited = staged;
    staged = [];
    stagedBytes = 0;
    for (const { payload } of waited) send(payload);
  };

  const isStreaming = (): boolean => link.next - clock() < SOON * speed;

  const flushOutbox = (): void => {
    if (!outbox || (isStreaming() && now() - outbox.since < SOON)) return;
    putHandshake(outbox, outbox.length, false);
  };

  /** As data of the session: nothing tells it from a datagram of the VPN. */
  const sendInside = (message: Buffer): void => {
    const number = CONTROL + (controls++ & 0xff);
    guarded(() => link.send({ number, payload: message }, clock()));
  };

  const tick = (): void => {
    const due = peer.poll(isStreaming());
    if (due?.isInside) sendInside(due.message);
    else if (due) outbox = { message: due.message, to: sendTo, length: single, longest: largest, since: now() };
    flushOutbox();
    // An address is believed for as long as the session in which it was seen.
    if (!isHome && !peer.isOpen) caught = null;
    dropStaged();
  };

  /** The far end believes a session when it has heard a frame of it. */
  const confirm = (): void => {
    const before = sent.frames;
    sendStaged();
    if (sent.frames > before || isStreaming()) return;
    const pieces = peer.seal(plaintext.subarray(0, single - SMALLEST_FRAME).fill(0), true);
    if (pieces) putOut(pieces, single, null, sendTo);
  };

  const deliver = (payload: Buffer): void => {
    // A shaper may have failed at the datagram before, of the same frame.
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
    // No byte more than came: whoever sent it may have recorded it.
    const length = Math.min(largest, to.length + OUTER_HEADERS);
    if (length < HANDSHAKE_FRAME) return;
    outbox = { message, to: from, length, longest: length, since: now() };
    flushOutbox();
  };

  /** @param outside the datagram that a handshake came in; null for one that came inside the session */
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
    // It counts its datagrams anew.
    reassembly.clear();
  };

  const takeRecords = (text: Buffer, from: RemoteInfo): void => {
    const records = readRecords(text);
    if (!records) {
      refused.malformed++;
      return;
    }
    received.frames++;
    received.bytes += text.length + SMALLEST_FRAME + (family === 6 ? IPV6_EXTRA : 0);
    if (records.length === 0) received.cover++;
    for (const record of records) {
      const whole = reassembly.add(record);
      if (!whole) continue;
      if (record.number >= CONTROL) {
        receive(peer.takeHandshake(whole), null, from);
        continue;
      }
      deliver(whole);
      // What a shaper cannot let go of as fast as it comes would be counted for ever.
      if (link.held.other <= queue) guarded(() => link.heard(whole.length, clock()));
    }
  };

  inner.on('message', takeIn);
  outer.on('message', (datagram, from) => receive(peer.open(datagram), datagram, from));
  for (const socket of [inner, outer]) {
    // Of the connected one: the VPN's server does not listen just now.
    socket.on('error', countFailure);
    growBuffers(socket);
  }
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
      seconds: clock() - opened,
      taken: { ...taken },
      delivered: { ...delivered },
      sent: { ...sent },
      received: { ...received },
      late: late.spread(),
      spacing: spacing.spread(),
      held: link.held.own + stagedBytes,
      lost: { ...lost, dropped: link.dropped, incomplete: reassembly.incomplete },
      refused: { ...refused },
      stalls: link.stalls,
      session: peer.statistics,
      sessions: peer.statistics.starts,
      ...count,
    }),
  };
}

/** A handshake message on its way into a frame. */
interface Outgoing {
  readonly message: Buffer;
  readonly to: { readonly port: number; readonly address: string };
  /** Of the frame, where it is one beside those that the defense plans; and of the longest that it may take the place of. */
  readonly length: number;
  readonly longest: number;
  /** Seconds of {@link now}. */
  readonly since: number;
}

const isOfVpn = ({ datagram }: Segment): boolean => datagram.number < CONTROL;

interface Resolved {
  readonly address: string;
  readonly family: 4 | 6;
  readonly port: number;
}

async function resolve({ host, port }: Place): Promise<Resolved> {
  try {
    const { address, family } = await lookup(host);
    return { address, family: family === 6 ? 6 : 4, port };
  } catch (cause) {
    throw new InputError(`${host}: cannot be found: ${(cause as Error).message}`, { cause });
  }
}

/** Without a look-up on each send, which would put a frame off until after another turn of the event loop. */
function socketOf(family: 4 | 6): Socket {
  return createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    lookup: (address, _options, callback) => callback(null, address, isIP(address)),
  });
}

const ANY = { 4: { address: '0.0.0.0', family: 4 }, 6: { address: '::', family: 6 } } as const;

async function bind({ address, family, port }: Resolved): Promise<Socket> {
  const socket = socketOf(family);
  // First of all, since our look-up answers at once.
  const isListening = once(socket, 'listening');
  socket.bind(port, address);
  try {
    await isListening;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const what = code === 'EADDRINUSE' ? 'address in use' : message;
    throw new InputError(`${address}:${port}: cannot listen: ${what}`, { cause });
  }
  return socket;
}

async function connect({ address, family, port }: Resolved): Promise<Socket> {
  const socket = socketOf(family);
  const isConnected = once(socket, 'connect');
  socket.connect(port, address);
  try {
    await isConnected;
  } catch (cause) {
    throw new InputError(`${address}:${port}: cannot be reached: ${(cause as Error).message}`, { cause });
  }
  return socket;
}

/** The MTU of the interface by which a place is reached. Nothing is sent. */
async function mtuTowards(place: Resolved): Promise<number> {
  const probe = await connect(place);
  const { address } = probe.address();
  probe.close();
  return mtuOf(address);
}

/** The MTU of the interface that has `address`, where the system says it (Linux), and at most 1500. */
function mtuOf(address: string): number {
  const own = Object.entries(networkInterfaces()).find(([, all]) => all?.some((one) => one.address === address));
  if (!own) return USUAL_MTU;
  try {
    const mtu = Number(readFileSync(`/sys/class/net/${own[0]}/mtu`, 'utf8'));
    return mtu >= SMALLEST_MTU ? Math.min(USUAL_MTU, mtu) : USUAL_MTU;
  } catch {
    return USUAL_MTU;
  }
}

/** As far as the system allows; it grants less without a word. */
function growBuffers(socket: Socket): void {
  try {
    socket.setRecvBufferSize(SOCKET_BUFFER);
    socket.setSendBufferSize(SOCKET_BUFFER);
  } catch {
    // What there is must do.
  }
}
