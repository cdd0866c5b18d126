import { type Frame, NETWORK, TCP, UDP } from './frame.js';

/** Whether packets that a capture holds more than once are left out but for the first. */
export const DUPLICATES = ['drop', 'keep'] as const;
export type Duplicates = (typeof DUPLICATES)[number];

/** Why a packet that is a copy of an earlier one is not kept. */
export const DUPLICATE = 'duplicate';

/** Seconds within which a packet may be a copy of another. */
export const DUPLICATE_WINDOW = 0.01;

/** Verdicts of {@link DuplicateFilter.judge}. */
export const VERDICT = {
  /** Not seen before. */
  NEW: 0,
  /** A copy. */
  COPY: 1,
  /** The same bytes once more in the same place: a copy if the capture copies throughout, else the sender's repetition. */
  REPEAT: 2,
} as const;
type Verdict = (typeof VERDICT)[keyof typeof VERDICT];

/**
 * Finds packets that a capture holds more than once: `tcpdump -i any` has a frame from each interface that it passes, a mirror port
 * once for coming in and once for going out, Windows' pktmon from each layer. Two packets are the same if they are at most
 * {@link DUPLICATE_WINDOW} apart and agree from the network header on, whatever the link header: in their headers with the checksum of
 * what they carry, in its length, and in its first, its last and some other bytes. What is the same is judged by where it was seen:
 *
 * - In different places (interface, VLAN, direction): copies. A place that has a packet n times stands for n packets, so that what a
 *   sender repeats is kept.
 * - In the same place, where the sender numbers its packets (an IPv4 identification that is not 0, the sequence control of an encrypted
 *   802.11 frame): copies, since a repetition has a number of its own. What is sent again over the air is found before: retransmissions.ts.
 * - In the same place, without a number: retransmissions, or what is sent twice for safety, unless there is so much of it that it can
 *   only be copies ({@link DuplicateFilter.repeatsAreCopies}).
 * - With one hop less in another place: forwarded by a router that translates no addresses, and the same packet still.
 *
 * Memory is fixed: among more than some thousand packets within the window, copies may be missed.
 */
export interface DuplicateFilter {
  /** Forgets all packets: those of another file are no copies. */
  clear(): void;
  /**
   * Judges the packet in `frame`, and remembers it.
   * @param place where it was captured: equal numbers for the same interface
   * @param source number of its sender on the link, 0 for none
   * @param row where it will be kept, if it is
   */
  judge(frame: Frame, time: number, place: number, source: number, row: number): Verdict;
  /** After {@link VERDICT.COPY}: the row of the packet that it is a copy of. */
  readonly original: number;
  /** After {@link VERDICT.COPY}: hops that it is behind the original: 1 or -1 where a router forwarded one as the other, else 0. */
  readonly hops: number;
  /** After {@link VERDICT.REPEAT}: a number for its sender. */
  readonly sender: number;
  /**
   * Whether what was found as {@link VERDICT.REPEAT} are copies, by what was judged so far: for each sender. Most packets are repeated, or
   * most of this sender's TCP segments with data (a mirror may copy one direction only), or those of most senders who repeat any.
   */
  repeatsAreCopies(): (sender: number) => boolean;
}

/** Packets remembered: within the window there are as many at 100,000 a second, more than a gigabit a second of large ones. */
const PACKETS = 1024;
/** Places to look for them by their digests. Both are powers of two. */
const SLOTS = 4096;
/** Packets compared with each one at most. */
const STEPS = 16;
/** A mirror repeats each packet. A smaller share than this, or fewer, are taken for senders' own repetitions. */
const COPIED_SHARE = 0.6;
const COPIED_PACKETS = 5;
/** Senders told apart: a power of two. */
const SENDERS = 1024;

/** Bytes that are compared of a long packet behind its addresses: at its beginning, in some places between, and at its end. */
const HEAD = 32;
const BETWEEN = 16;
const TAIL = 16;

/** Words for each packet remembered. */
const [HASH_A, HASH_B, PLACE, SOURCE, HOPS, COUNT, ROW, BEFORE] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
/** Set in the word of hops once a packet is counted as repeated, or where it need not be: the same bytes were sent before the window, too. */
const IS_COUNTED = 256;
/** Set where the same bytes, number included, were sent before the window, too: a generator's, which numbers nothing. */
const IS_OLD = 512;
/** Added for each copy in the same place. Of more than so many, what comes is a generator's stream. */
const ONE_COPY = 1 << 16;
const MOST_COPIES = 8;
const WORDS = 8;

export function createDuplicateFilter(): DuplicateFilter {
  const words = new Int32Array(PACKETS * WORDS);
  const times = new Float64Array(PACKETS);
  /** By hash, the number of the packet remembered last; BEFORE leads on to earlier ones. Numbers begin at 1. */
  const last = new Int32Array(SLOTS);
  const digest = new Int32Array(2);
  let number = 0;
  /** Telling packets, each counted once, and how many of them are repeated in the same place: TCP segments by sender, and all others. */
  const seen = new Uint32Array(SENDERS);
  const repeated = new Uint32Array(SENDERS);
  const others = { seen: 0, repeated: 0 };
  let sender = 0;
  let original = 0;
  let hops = 0;

  const clear = (): void => {
    last.fill(0);
    number = 0;
  };
  const remember = (slot: number, time: number, place: number, source: number, hops: number, row: number): void => {
    if (number === 0x7fffffff) clear();
    number++;
    const at = (number & (PACKETS - 1)) * WORDS;
    words[at + HASH_A] = digest[0]!;
    words[at + HASH_B] = digest[1]!;
    words[at + PLACE] = place;
    words[at + SOURCE] = source;
    words[at + HOPS] = hops;
    words[at + COUNT] = 1;
    words[at + ROW] = row;
    words[at + BEFORE] = last[slot]!;
    times[number & (PACKETS - 1)] = time;
    last[slot] = number;
  };

  const countSeen = (frame: Frame): void => {
    if (!isTellingIfRepeated(frame)) return;
    if (frame.transport === TCP) seen[senderOf(frame)]!++;
    else others.seen++;
  };
  const countRepeated = (frame: Frame): void => {
    if (!isTellingIfRepeated(frame)) return;
    if (frame.transport === TCP) repeated[senderOf(frame)]!++;
    else others.repeated++;
  };

  return {
    clear() {
      clear();
      others.seen = 0;
      others.repeated = 0;
      seen.fill(0);
      repeated.fill(0);
    },
    judge(frame, time, place, source, row) {
      const ttl = digestOf(frame, digest);
      const a = digest[0]!;
      const b = digest[1]!;
      const slot = a & (SLOTS - 1);
      /** The same packet in the same place; in other places, the one seen most often. */
      let same = -1;
      let other = -1;
      /** Its sender had nothing else to say some time before, and may say it as often as it likes; TCP has sequence numbers. */
      let isHabit = false;
      let isOld = false;
      let steps = 0;
      for (let n = last[slot]!; n > number - PACKETS && n > 0 && steps < STEPS; steps++) {
        const at = (n & (PACKETS - 1)) * WORDS;
        n = words[at + BEFORE]!;
        if (words[at + HASH_A] !== a || words[at + HASH_B] !== b) continue;
        const isSamePlace = words[at + PLACE] === place;
        const isSameSource = words[at + SOURCE] === source;
        const distance = (words[at + HOPS]! & 255) - ttl;
        if (Math.abs(time - times[at >> 3]!) > DUPLICATE_WINDOW) {
          isOld ||= isSamePlace;
          isHabit ||= isSamePlace && frame.transport !== TCP;
        } else if (distance === 0 && isSamePlace && isSameSource) same = at;
        else {
          const isCopied = distance === 0 && (isSameSource || source === 0 || words[at + SOURCE] === 0);
          const isForwarded = (distance === 1 || distance === -1) && !isSamePlace;
          if ((isCopied || isForwarded) && (other < 0 || words[at + COUNT]! > words[other + COUNT]!)) other = at;
        }
      }
      if (same < 0 && other < 0) {
        if (!isHabit) countSeen(frame);
        remember(slot, time, place, source, ttl | (isHabit ? IS_COUNTED : 0) | (isOld ? IS_OLD : 0), row);
        return VERDICT.NEW;
      }
      if (same >= 0) times[same >> 3] = time;
      const isOfOther = other >= 0 && (same < 0 || words[same + COUNT]! < words[other + COUNT]!);
      const isOfSame = !isOfOther && isNumbered(frame) && (words[same + HOPS]! & IS_OLD) === 0;
      if (isOfOther || isOfSame) {
        const of = isOfOther ? other : same;
        original = words[of + ROW]!;
        hops = (words[of + HOPS]! & 255) - ttl;
      }
      if (isOfOther) {
        if (same < 0) remember(slot, time, place, source, ttl, original);
        else words[same + COUNT]!++;
        return VERDICT.COPY;
      }
      sender = senderOf(frame);
      if ((words[same + HOPS]! & IS_COUNTED) === 0) {
        words[same + HOPS]! |= IS_COUNTED;
        countRepeated(frame);
      }
      if (isOfSame) {
        words[same + HOPS]! += ONE_COPY;
        if (words[same + HOPS]! >= MOST_COPIES * ONE_COPY) words[same + HOPS]! |= IS_OLD;
        return VERDICT.COPY;
      }
      words[same + COUNT]!++;
      words[same + ROW] = row;
      return VERDICT.REPEAT;
    },
    get original() {
      return original;
    },
    get hops() {
      return hops;
    },
    get sender() {
      return sender;
    },
    repeatsAreCopies() {
      let ofAll = others.seen;
      let ofAny = 0;
      let ofCopied = 0;
      for (let i = 0; i < SENDERS; i++) {
        ofAll += seen[i]!;
        ofAny += repeated[i]!;
        if (areMost(repeated[i]!, seen[i]!)) ofCopied += repeated[i]!;
      }
      if (areMost(ofAny + others.repeated, ofAll)) return () => true;
      const ofMost = ofCopied >= COPIED_PACKETS && ofCopied >= ofAny / 2;
      return (one) => areMost(repeated[one]!, seen[one]!) || (ofMost && seen[one]! < COPIED_PACKETS / COPIED_SHARE);
    },
  };
}

function areMost(repeated: number, of: number): boolean {
  return repeated >= COPIED_PACKETS && repeated >= COPIED_SHARE * of;
}

/** Maps an IP address to one of {@link SENDERS} numbers. */
function senderOf({ family, source0, source1, source2, source3 }: Frame): number {
  const word = family === 4 ? source0 : source0 ^ source1 ^ source2 ^ source3;
  return (word ^ (word >>> 12)) & (SENDERS - 1);
}

/**
 * Digests the captured part of the packet from the network header on, less what a router changes (hops left, and IPv4's header checksum), which it
 * returns as the number of hops left. Of a packet that was cut, only the headers count: how much was captured of it depends on the link header.
 */
function digestOf(frame: Frame, digest: Int32Array): number {
  const { view, networkAt: from, family, end } = frame;
  let at = from;
  let to = Math.min(end, frame.networkEnd);
  if (end < frame.networkEnd) {
    const hasPorts = frame.transport === TCP || frame.transport === UDP;
    to = Math.min(end, hasPorts ? frame.payloadAt : frame.transportAt + 8);
  }
  // Four states, which a processor works out side by side.
  let a = 0x9e3779b1 | 0;
  let b = (frame.networkEnd - from) | 0;
  let c = 0;
  let d = 0;
  let hops = 0;
  if (frame.network === NETWORK.IPV4) {
    a = mix(a, view.getInt32(at));
    b = mix(b, view.getInt32(at + 4));
    c = mix(view.getUint8(at + 9), view.getInt32(at + 12));
    d = view.getInt32(at + 16);
    hops = view.getUint8(at + 8);
    at += 20;
  } else if (frame.network === NETWORK.IPV6) {
    a = mix(a, view.getInt32(at));
    b = mix(b, view.getInt32(at + 4) & ~255);
    hops = view.getUint8(at + 7);
    at += 8;
  } else if (family === 0) {
    // The padding of short frames is not the same everywhere.
    while (to > at && view.getUint8(to - 1) === 0) to--;
    b = 0;
    if (frame.network === NETWORK.ENCRYPTED) {
      // An access point counts for each station by itself.
      b = frame.sequence;
      c = frame.destinationHigh;
      d = frame.destinationLow;
    }
  }
  if (to - at > HEAD + BETWEEN + TAIL) {
    const body = at + HEAD;
    const stride = (to - TAIL - body) >> 2;
    a = mix(a, view.getInt32(body));
    b = mix(b, view.getInt32(body + stride));
    c = mix(c, view.getInt32(body + 2 * stride));
    d = mix(d, view.getInt32(body + 3 * stride));
    for (; at < body; at += 16) {
      a = mix(a, view.getInt32(at));
      b = mix(b, view.getInt32(at + 4));
      c = mix(c, view.getInt32(at + 8));
      d = mix(d, view.getInt32(at + 12));
    }
    at = to - TAIL;
  }
  for (; at + 16 <= to; at += 16) {
    a = mix(a, view.getInt32(at));
    b = mix(b, view.getInt32(at + 4));
    c = mix(c, view.getInt32(at + 8));
    d = mix(d, view.getInt32(at + 12));
  }
  for (; at < to; at++) b = mix(b, view.getUint8(at) + 1);
  digest[0] = mix(mix(a, b), mix(c, d));
  digest[1] = mix(mix(d, a), mix(b, c));
  return hops;
}

function mix(state: number, word: number): number {
  const mixed = Math.imul(state ^ word, 0x85ebca6b);
  return (mixed << 15) | (mixed >>> 17);
}

/** Whether the packet has a number of its sender's that the next one will not have. */
function isNumbered({ network, view, networkAt }: Frame): boolean {
  if (network === NETWORK.ENCRYPTED) return true;
  return network === NETWORK.IPV4 && view.getUint16(networkAt + 4) !== 0;
}

/**
 * Whether the packet would tell of copies if it came again in the same place. To groups, senders repeat much; and to each segment of a burst they answer
 * with the same acknowledgement or reset.
 */
function isTellingIfRepeated(frame: Frame): boolean {
  if (frame.family === 0) return false;
  if (frame.transport === TCP && frame.payloadEnd <= frame.payloadAt) return false;
  if (frame.hasDestination) return ((frame.destinationHigh >> 8) & 1) === 0;
  return frame.family === 4 ? frame.destination0 >>> 28 < 14 : frame.destination0 >>> 24 !== 255;
}
