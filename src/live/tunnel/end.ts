import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { z } from 'zod';
import type { AppliedDefense } from '../../shaping/shaper.js';
import { ETHERNET_HEADER, encapsulationOf, tunnelParameters } from '../../shaping/tunnel.js';
import { InputError, UsageError } from '../../shared/errors.js';
import type { Rng } from '../../shared/rng.js';
import { Direction } from '../../trace/trace.js';
import { createAlarm, now, type Waiting } from './alarm.js';
import {
  fitFrame,
  LONGEST_DATAGRAM,
  OUTER_HEADERS,
  OVERHEAD,
  readRecords,
  type Segment,
  SMALLEST_FRAME,
  writeRecords,
} from './frame.js';
import { createRealLink, LATEST } from './real-link.js';
import { createReassembly } from './reassembly.js';
import { createOpener, createSealer } from './seal.js';
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
  /** Told of each frame as it leaves, what it carries, and the bytes that it begins with: for experiments, which need the truth. */
  readonly onSent?: (segments: readonly Segment[], prefix: Uint8Array) => void;
  /** Told of each datagram of the VPN that comes in, and its number among those that are sent; -1 for one that is lost here. */
  readonly onTaken?: (payload: Uint8Array, number: number) => void;
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
 * heard last; the far end takes as the home's address the one that the newest authentic frame came from.
 * @throws UsageError, InputError: one line
 */
export async function openTunnelEnd(options: TunnelOptions): Promise<TunnelEnd> {
  const { listen, peer, forward, secret, defenses = [], queue = QUEUE, waiting = 'sleep', speed = 1 } = options;
  const obstacle = whyNotLive(defenses);
  if (obstacle !== null) throw new UsageError(obstacle);
  if ((peer === undefined) === (forward === undefined)) throw new UsageError('expected either a peer or a forward');
  const isHome = peer !== undefined;
  const direction = isHome ? Direction.OUTBOUND : Direction.INBOUND;
  const [listenAt, sendTo] = await Promise.all([resolve(listen), resolve((peer ?? forward)!)]);
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

  const sealer = createSealer(secret, direction);
  const opener = createOpener(secret, isHome ? Direction.INBOUND : Direction.OUTBOUND);
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
  const lost = { overflow: 0, unfit: 0, undeliverable: 0 };
  const refused = { short: 0, forged: 0, replayed: 0, stale: 0, malformed: 0 };
  const count = { longer: 0, cut: 0, unsent: 0, failed: 0, sessions: 0 };
  /** Of the frame sent last: when it was to leave, and did. */
  let planned = Number.NaN;
  let left = Number.NaN;
  let datagrams = 0;
  /** Where the listener's other side is: the VPN's client at the home, the home at the far end. */
  let caught: RemoteInfo | null = null;
  let isOpen = true;

  const countFailure = (error: Error | null): void => {
    if (error) count.failed++;
  };

  const put = (length: number, segments: readonly Segment[]): void => {
    const text = plaintext.subarray(0, length - SMALLEST_FRAME);
    writeRecords(text, segments);
    const pieces = sealer.seal(text);
    sent.frames++;
    sent.bytes += length + (family === 6 ? IPV6_EXTRA : 0);
    if (segments.length === 0) sent.cover++;
    options.onSent?.(segments, pieces[0]!);
    const to = isHome ? sendTo : caught;
    if (to) outer.send(pieces, to.port, to.address, countFailure);
    else count.unsent++;
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

  const takeIn = (payload: Buffer, from: RemoteInfo): void => {
    if (isHome) caught = from;
    if (payload.length === 0 || payload.length > LONGEST_DATAGRAM) {
      lost.unfit++;
      return;
    }
    taken.datagrams++;
    taken.bytes += payload.length;
    if (link.held.own + OVERHEAD + payload.length > queue) {
      lost.overflow++;
      options.onTaken?.(payload, -1);
      return;
    }
    const number = datagrams++ >>> 0;
    options.onTaken?.(payload, number);
    guarded(() => link.send({ number, payload }, clock()));
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

  const receive = (datagram: Buffer, from: RemoteInfo): void => {
    const result = opener.open(datagram);
    if (typeof result === 'string') {
      refused[result]++;
      return;
    }
    if (!isHome && result.isNewest) caught = from;
    if (result.isNewSession) {
      count.sessions++;
      reassembly.clear();
    }
    const records = readRecords(result.plaintext);
    if (!records) {
      refused.malformed++;
      return;
    }
    received.frames++;
    received.bytes += datagram.length + OUTER_HEADERS + (family === 6 ? IPV6_EXTRA : 0);
    if (records.length === 0) received.cover++;
    for (const record of records) {
      const whole = reassembly.add(record);
      if (!whole) continue;
      deliver(whole);
      // What a shaper cannot let go of as fast as it comes would be counted for ever.
      if (link.held.other <= queue) guarded(() => link.heard(whole.length, clock()));
    }
  };

  inner.on('message', takeIn);
  outer.on('message', receive);
  for (const socket of [inner, outer]) {
    // Of the connected one: the VPN's server does not listen just now.
    socket.on('error', countFailure);
    growBuffers(socket);
  }

  return {
    listening: listener.address(),
    mtu,
    room: largest - OVERHEAD,
    offset: lengthOffset(defenses, family),
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
      held: link.held.own,
      lost: { ...lost, dropped: link.dropped, incomplete: reassembly.incomplete },
      refused: { ...refused },
      stalls: link.stalls,
      ...count,
    }),
  };
}

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
