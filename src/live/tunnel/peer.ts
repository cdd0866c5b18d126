import { randomBytes } from 'node:crypto';
import { Direction } from '../../trace/trace.js';
import { now } from './alarm.js';
import { deriveKey } from './key.js';
import { type Established, type Initiation, initiate, MESSAGE_OVERHEAD, readInitiation } from './noise.js';
import { createReplayWindow, type ReplayWindow } from './replay.js';
import {
  countNumber,
  countOf,
  createSeals,
  createVersionOneReader,
  type NamedKey,
  randomNumber,
  sessionName,
  VERSION,
  versionOf,
} from './seal.js';

/** Limits of sessions: times in seconds, counts in datagrams. The values are WireGuard's unless stated otherwise. */
export interface Limits {
  /** Age at which the home begins another session, less a random part of up to a tenth. */
  readonly rekeyAfter: number;
  /** Age at which a session ends in any case. */
  readonly rejectAfter: number;
  /** Datagrams sent, after which the home begins another session and after which the session ends. */
  readonly rekeyMessages: number;
  readonly rejectMessages: number;
}

const LIMITS: Limits = { rekeyAfter: 120, rejectAfter: 180, rekeyMessages: 2 ** 40, rejectMessages: 2 ** 44 };

/** Seconds of sending without an answer, after which the home begins a handshake to see whether the other end is there. */
const SILENCE = 5;
/** While answers to these handshakes are all that arrives, the time doubles up to this many seconds. */
const LONGEST_SILENCE = 60;
/** Seconds from the first attempt to the second. Each later wait is twice as long, up to the last, and varies randomly by a fifth. */
const FIRST_RETRY = 1;
const LAST_RETRY = 15;
/** Seconds that an attempt inside the session waits, since message and answer queue behind the packets that the shapers hold. */
const INSIDE_RETRY = 20;
const JITTER = 0.2;
/** Handshakes that the far end answers in a row, and per second. */
const ANSWER_BURST = 10;
const ANSWER_RATE = 5;
/** Initiations that are remembered and not answered again. */
const MOST_SEEN = 4096;
/** Milliseconds by which the offset between the two clocks may vary while they count as the same clocks. */
const SAME_CLOCK = 500;
/** Clock offsets that are remembered. */
const MOST_OFFSETS = 4;
/** Sessions that the far end has agreed to without hearing a frame of them. */
const MOST_OFFERED = 4;

/** Bytes drawn at random when an end starts, by which the other end tells a start from a rekey. */
const START = 8;
/** Bytes of the home's clock, in milliseconds of Unix time. */
const TIME = 6;
const ECHO = 8;
const INITIATION = MESSAGE_OVERHEAD + START + TIME;
/** Bytes of the longer of the two handshake messages. A response begins with an echo of the initiation that it answers. */
export const HANDSHAKE = ECHO + MESSAGE_OVERHEAD + START;

/**
 * Why a datagram is refused: too short; sealed with a key unknown here (a stranger's, or one from before a restart); not authentic;
 * received before; a handshake that seems older than this end; a handshake beyond the rate; another version of the format.
 */
export type Refusal = 'short' | 'unknown' | 'forged' | 'replayed' | 'stale' | 'limited' | 'version';

export type Received =
  | {
      readonly type: 'data';
      readonly plaintext: Buffer;
      /** Whether it is the newest datagram of the other end so far, so that its source is the other end's address. */
      readonly isNewest: boolean;
      /** At the far end: whether the home has just shown that it holds the keys of a session, which is used from now on. */
      readonly isOpening: boolean;
    }
  /** At the far end: a handshake and its answer. Its sender has proved nothing yet. */
  | { readonly type: 'initiation'; readonly answer: Buffer }
  /** At the home: the far end's answer, which opened a session. */
  | { readonly type: 'response' };

/** Handshakes and sessions of one end with the other, without sockets or timers. */
export interface Peer {
  /** Whether data can be sent. */
  readonly isOpen: boolean;
  /** Seals a plaintext into a datagram, in pieces; null where there is no session. @param isQuiet true where no answer is expected */
  seal(plaintext: Uint8Array, isQuiet?: boolean): Uint8Array[] | null;
  /** Seals a handshake message into a datagram, in pieces. @param length bytes of its plaintext, {@link HANDSHAKE} or more */
  sealHandshake(message: Buffer, length: number): Uint8Array[];
  open(datagram: Buffer): Received | Refusal;
  /** Takes a handshake message that arrived inside a session. */
  takeHandshake(message: Buffer): Received | Refusal;
  /**
   * Ends sessions that are over, and returns the handshake message that the home has to send now.
   * @param canGoInside whether a message may be sent as data of the session
   */
  poll(canGoInside: boolean): { readonly message: Buffer; readonly isInside: boolean } | null;
  readonly statistics: PeerStatistics;
}

export interface PeerStatistics {
  /** Whether there is a session, and the seconds since it was agreed on. */
  readonly isOpen: boolean;
  readonly age: number | null;
  /** Sessions opened so far. */
  readonly opened: number;
  /** At the home: handshakes begun since the last one that was answered. */
  readonly attempts: number;
  /** Starts of the other end noticed so far. */
  readonly starts: number;
  /** Version of the format that the other end speaks, where it differs; else null. */
  readonly otherVersion: number | null;
}

export interface PeerOptions {
  /** Secret that both ends share: 32 bytes. */
  readonly secret: Uint8Array;
  readonly isHome: boolean;
  readonly limits?: Partial<Limits>;
  /** Monotonic clock, in seconds. */
  readonly clock?: () => number;
  /** System clock, in milliseconds of Unix time; it may be wrong. */
  readonly wall?: () => number;
  /** Random number in [0, 1) that spreads retries; it protects no secret. */
  readonly chance?: () => number;
}

interface Session {
  readonly send: NamedKey;
  readonly receive: NamedKey;
  readonly window: ReplayWindow;
  readonly born: number;
  /** Start of the other end that agreed to the session, in hexadecimal. */
  readonly start: string;
  sent: number;
}

export function createPeer({
  secret,
  isHome,
  limits: given,
  clock = now,
  wall = Date.now,
  chance = Math.random,
}: PeerOptions): Peer {
  const limits = { ...LIMITS, ...given };
  const [outbound, inbound] = [createSeals(secret, Direction.OUTBOUND), createSeals(secret, Direction.INBOUND)];
  const [sending, receiving] = isHome ? [outbound, inbound] : [inbound, outbound];
  const isVersionOne = createVersionOneReader(secret, isHome ? Direction.INBOUND : Direction.OUTBOUND);
  const psk = deriveKey(secret, 'noise psk');
  const prologue = Buffer.from(`homeveil tunnel ${VERSION}`);
  const start = randomBytes(START);

  /** Data is sent in the current session; late datagrams of the previous one are still taken. */
  let current: Session | null = null;
  let previous: Session | null = null;
  /** At the far end: sessions agreed to, of which no frame has arrived. */
  let offered: Session[] = [];
  /** At the home: the initiation that awaits an answer. */
  let pending: Initiation | null = null;
  let attempts = 0;
  let wasInside = false;
  let nextAttempt = Number.NEGATIVE_INFINITY;
  let rekeyAge = Number.POSITIVE_INFINITY;
  /** Time of the first datagram sent since one arrived, and the seconds that this may last. */
  let sentSince: number | null = null;
  let silence = SILENCE;
  const seen = new Set<string>();
  const begun = wall();
  const offsets: number[] = [];
  let answers = ANSWER_BURST;
  let answeredAt = clock();
  let opened = 0;
  let starts = 0;
  let lastStart: string | null = null;
  let otherVersion: number | null = null;

  /** Overwrites the keys of a session. Copies that Node makes itself are out of reach. */
  const erase = (session: Session | null): void => {
    session?.send.key.fill(0);
    session?.receive.key.fill(0);
  };

  const isAlive = (session: Session): boolean =>
    clock() - session.born < limits.rejectAfter && session.sent < limits.rejectMessages;

  const endSessions = (): void => {
    if (previous && !isAlive(previous)) {
      erase(previous);
      previous = null;
    }
    if (current && !isAlive(current)) {
      erase(current);
      current = null;
    }
    if (offered.some((one) => !isAlive(one))) {
      for (const one of offered) if (!isAlive(one)) erase(one);
      offered = offered.filter(isAlive);
    }
  };

  const agreed = ({ send, receive, hash }: Established, theirs: Buffer): Session => {
    const name = sessionName(hash);
    return {
      send: { name, key: send },
      receive: { name, key: receive },
      window: createReplayWindow(),
      born: clock(),
      start: theirs.toString('hex'),
      sent: 0,
    };
  };

  const use = (session: Session): void => {
    const isStart = session.start !== lastStart;
    erase(previous);
    previous = current;
    current = session;
    opened++;
    if (!isStart) return;
    // An end that has started again has lost its earlier sessions.
    erase(previous);
    previous = null;
    starts++;
    lastStart = session.start;
  };

  const takeResponse = (message: Buffer): Received | Refusal => {
    if (!pending?.message.subarray(0, ECHO).equals(message.subarray(0, ECHO))) return 'replayed';
    const finished = pending.finish(message.subarray(ECHO, HANDSHAKE));
    if (finished?.payload.length !== START) return 'forged';
    const session = agreed(finished.established, finished.payload);
    const isSame = session.start === lastStart;
    use(session);
    pending = null;
    attempts = 0;
    rekeyAge = limits.rekeyAfter * (1 - 0.1 * chance());
    if (sentSince !== null) silence = isSame ? Math.min(LONGEST_SILENCE, 2 * silence) : SILENCE;
    sentSince = null;
    return { type: 'response' };
  };

  const mayAnswer = (): boolean => {
    const at = clock();
    answers = Math.min(ANSWER_BURST, answers + (at - answeredAt) * ANSWER_RATE);
    answeredAt = at;
    if (answers < 1) return false;
    answers--;
    return true;
  };

  /**
   * Whether an initiation seems older than this end, so that it may have been recorded. A home whose clock is behind ours always seems
   * so; its initiations are accepted from the second on, when they show the same clock offset as an earlier one.
   */
  const seemsRecorded = (time: number): boolean => {
    if (time >= begun) return false;
    const offset = time - wall();
    if (offsets.some((one) => Math.abs(one - offset) < SAME_CLOCK)) return false;
    if (offsets.push(offset) > MOST_OFFSETS) offsets.shift();
    return true;
  };

  const takeInitiation = (message: Buffer): Received | Refusal => {
    const received = readInitiation(psk, prologue, message.subarray(0, INITIATION));
    if (received?.payload.length !== START + TIME) return 'forged';
    const e = message.toString('latin1', 0, 16);
    if (seen.has(e)) return 'replayed';
    if (seen.size === MOST_SEEN) seen.delete(seen.values().next().value!);
    seen.add(e);
    if (seemsRecorded(received.payload.readUIntBE(START, TIME))) return 'stale';
    if (!mayAnswer()) return 'limited';
    const response = received.respond(start);
    if (!response) return 'forged';
    if (offered.length === MOST_OFFERED) erase(offered.shift()!);
    offered.push(agreed(response.established, received.payload.subarray(0, START)));
    return { type: 'initiation', answer: Buffer.concat([message.subarray(0, ECHO), response.message]) };
  };

  const takeHandshake = (message: Buffer): Received | Refusal => {
    if (message.length < (isHome ? HANDSHAKE : INITIATION)) return 'forged';
    return isHome ? takeResponse(message) : takeInitiation(message);
  };

  const findSession = (name: Buffer): Session | null => {
    if (current?.receive.name.equals(name)) return current;
    if (previous?.receive.name.equals(name)) return previous;
    return offered.find(({ receive }) => receive.name.equals(name)) ?? null;
  };

  const openOfSession = (session: Session, number: Buffer, datagram: Buffer): Received | Refusal => {
    const count = countOf(number);
    if (count === null) return 'forged';
    if (!session.window.isNew(count)) return 'replayed';
    const plaintext = receiving.open(session.receive.key, number, datagram);
    if (!plaintext) return 'forged';
    const isHighest = session.window.accept(count);
    const isOpening = offered.includes(session);
    if (isOpening) {
      // Only a live home can derive these keys, which depend on the key that this end drew for the handshake.
      offered = offered.filter((one) => one !== session);
      for (const one of offered) erase(one);
      offered = [];
      use(session);
    }
    sentSince = null;
    silence = SILENCE;
    otherVersion = null;
    return { type: 'data', plaintext, isOpening, isNewest: isHighest && session === current };
  };

  return {
    get isOpen() {
      return current !== null && isAlive(current);
    },
    seal(plaintext, isQuiet = false) {
      if (!current || !isAlive(current)) return null;
      if (!isQuiet) sentSince ??= clock();
      return sending.seal(current.send, countNumber(current.sent++), plaintext);
    },
    sealHandshake(message, length) {
      const plaintext = Buffer.alloc(length);
      message.copy(plaintext);
      return sending.seal(sending.handshake, randomNumber(), plaintext);
    },
    open(datagram) {
      const prefix = receiving.readPrefix(datagram);
      if (!prefix) return 'short';
      const { name, number } = prefix;
      const version = versionOf(name);
      if (version !== null && version !== VERSION) {
        otherVersion = version;
        return 'version';
      }
      if (version !== null) {
        const message = receiving.open(receiving.handshake.key, number, datagram);
        return message ? takeHandshake(message) : 'forged';
      }
      endSessions();
      const session = findSession(name);
      if (session) return openOfSession(session, number, datagram);
      if (!isVersionOne(datagram)) return 'unknown';
      otherVersion = 1;
      return 'version';
    },
    takeHandshake,
    poll(canGoInside) {
      endSessions();
      if (!isHome) return null;
      const at = clock();
      const isSilent = sentSince !== null && at - sentSince >= silence;
      const isOld = current !== null && (at - current.born >= rekeyAge || current.sent >= limits.rekeyMessages);
      if (current !== null && !isOld && !isSilent) {
        pending = null;
        attempts = 0;
        return null;
      }
      // The other end may be unable to answer inside the session.
      if (isSilent && wasInside) attempts = 0;
      if (attempts > 0 && at < nextAttempt) return null;
      const time = Buffer.alloc(TIME);
      time.writeUIntBE(wall(), 0, TIME);
      pending = initiate(psk, prologue, Buffer.concat([start, time]));
      const isInside = canGoInside && current !== null && !isSilent && attempts === 0;
      wasInside = isInside;
      const wait = isInside ? INSIDE_RETRY : Math.min(LAST_RETRY, FIRST_RETRY * 2 ** attempts);
      nextAttempt = at + wait * (1 - JITTER + 2 * JITTER * chance());
      attempts++;
      return { message: pending.message, isInside };
    },
    get statistics() {
      const isOpen = current !== null && isAlive(current);
      const age = isOpen ? clock() - current!.born : null;
      return { isOpen, age, opened, attempts, starts, otherVersion };
    },
  };
}
