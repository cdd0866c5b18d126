import { grown } from '../shared/columns.js';
import { Cover, NO_DEVICE, type Trace, takePackets } from '../trace/trace.js';
import { createTally } from './tally.js';

/**
 * Which packets each frame carries, and how many bytes of each: rows `start[i]` to `start[i + 1]` of `packet` and `bytes`
 * belong to frame i. A frame without rows has nothing of any packet, not even padding.
 */
export interface Account {
  /** Frames + 1 values. */
  readonly start: Uint32Array;
  /** Row of the trace that entered. */
  readonly packet: Uint32Array;
  /** Bytes of the original frame, headers included; 0 in a frame of padding only. */
  readonly bytes: Uint32Array;
}

/** A trace, and how it came out of a defense (or of several, one after another). */
export interface DefendedTrace {
  /** Frames that the observer sees. */
  readonly trace: Trace;
  /** Packets that entered the first defense. */
  readonly original: Trace;
  /** From the frames of `trace` to the packets of `original`. */
  readonly account: Account;
  /** Seconds, per packet of `original`: when its last byte was on the wire; NaN for a packet that was lost. */
  readonly delivered: Float64Array;
  /** Real packets of `original` that were lost, whole or in part. */
  readonly dropped: number;
}

/** The same as far as costs and scores go: what traffic that was recorded under a defense, rather than simulated, gives. */
export type Observed = Omit<DefendedTrace, 'account'>;

/** Frames and their account as they leave a stage, before anyone has said which of them are cover. */
export interface Carried {
  readonly trace: Trace;
  readonly account: Account;
}

/** Each packet in a frame of its own. */
export function identityAccount(trace: Trace): Account {
  const start = new Uint32Array(trace.packets + 1);
  for (let i = 0; i < start.length; i++) start[i] = i;
  return { start, packet: start.slice(0, trace.packets), bytes: trace.length.slice() };
}

/**
 * The account of two stages in a row, from the frames of the second to the packets that entered the first.
 * A frame of the first stage is taken to hold its user bytes first, then its padding; if it holds more user bytes than it
 * has bytes on the wire (an encapsulation removed some), its last byte brings what is left. A frame of the second stage that got only
 * padding has a row of 0 bytes for the last packet of what it was cut from.
 */
export function composeAccounts(first: Carried, second: Account): Account {
  const { start: innerStart, packet: innerPacket, bytes: innerBytes } = first.account;
  const wire = first.trace.length;
  const frames = second.start.length - 1;
  // The reading position in each frame of the first stage: bytes on the wire, row of its account, bytes of that row.
  const read = new Uint32Array(first.trace.packets);
  const row = innerStart.slice(0, first.trace.packets);
  const rowRead = new Uint32Array(first.trace.packets);

  const start = new Uint32Array(frames + 1);
  let packet = new Uint32Array(innerPacket.length);
  let bytes = new Uint32Array(innerPacket.length);
  let rows = 0;
  const add = (id: number, taken: number): void => {
    if (rows === packet.length) {
      packet = grown(packet);
      bytes = grown(bytes);
    }
    packet[rows] = id;
    bytes[rows++] = taken;
  };
  for (let frame = 0; frame < frames; frame++) {
    start[frame] = rows;
    for (let j = second.start[frame]!; j < second.start[frame + 1]!; j++) {
      const inner = second.packet[j]!;
      const before = rows;
      read[inner]! += second.bytes[j]!;
      let wanted = read[inner] === wire[inner] ? Number.POSITIVE_INFINITY : second.bytes[j]!;
      while (wanted > 0 && row[inner]! < innerStart[inner + 1]!) {
        const at = row[inner]!;
        const taken = Math.min(wanted, innerBytes[at]! - rowRead[inner]!);
        add(innerPacket[at]!, taken);
        wanted -= taken;
        rowRead[inner]! += taken;
        if (rowRead[inner] === innerBytes[at]) {
          row[inner]!++;
          rowRead[inner] = 0;
        }
      }
      const last = row[inner]! - 1;
      if (rows === before && last >= innerStart[inner]!) add(innerPacket[last]!, 0);
    }
    rows = withoutPadding(packet, bytes, start[frame]!, rows);
  }
  start[frames] = rows;
  return { start, packet: packet.slice(0, rows), bytes: bytes.slice(0, rows) };
}

/** Takes the rows of 0 bytes out of those of a frame that carries bytes of a packet. @returns the row after its last */
function withoutPadding(packet: Uint32Array, bytes: Uint32Array, from: number, to: number): number {
  let end = from;
  for (let j = from; j < to; j++) {
    if (bytes[j] === 0) continue;
    packet[end] = packet[j]!;
    bytes[end++] = bytes[j]!;
  }
  return end === from ? to : end;
}

/** The frames in another order: row i of the result is frame `order[i]`. */
export function reorder({ trace, account }: Carried, order: Uint32Array): Carried {
  const { start, packet, bytes } = account;
  const moved = {
    start: new Uint32Array(start.length),
    packet: new Uint32Array(packet.length),
    bytes: new Uint32Array(bytes.length),
  };
  let rows = 0;
  for (let i = 0; i < order.length; i++) {
    moved.start[i] = rows;
    const frame = order[i]!;
    for (let j = start[frame]!; j < start[frame + 1]!; j++) {
      moved.packet[rows] = packet[j]!;
      moved.bytes[rows++] = bytes[j]!;
    }
  }
  moved.start[order.length] = rows;
  return { trace: takePackets(trace, order), account: moved };
}

/**
 * Says which frames are cover and whose the others are, and when each original packet was delivered.
 * Fills in `cover` and `device` of `carried.trace`.
 */
export function settle(original: Trace, carried: Carried): DefendedTrace {
  const { trace, account } = carried;
  const { start, packet, bytes } = account;
  const { time, cover, device } = trace;
  const left = original.length.slice();
  const delivered = new Float64Array(original.packets).fill(Number.NaN);
  const tally = createTally();
  for (let frame = 0; frame < trace.packets; frame++) {
    const end = start[frame + 1]!;
    const isShared = end - start[frame]! > 1;
    let user = 0;
    let padded = NO_DEVICE;
    let isReal = false;
    for (let j = start[frame]!; j < end; j++) {
      const id = packet[j]!;
      const rest = left[id]! - bytes[j]!;
      left[id] = rest;
      if (rest === 0 && bytes[j]! > 0) delivered[id] = time[frame]!;
      if (original.cover[id] !== 0) continue;
      isReal = true;
      if (bytes[j] === 0) {
        padded = original.device[id]!;
        continue;
      }
      user += bytes[j]!;
      if (isShared) tally.add(original.device[id]!, bytes[j]!);
      else device[frame] = original.device[id]!;
    }
    cover[frame] = user > 0 ? Cover.NONE : isReal ? Cover.PADDING : Cover.MADE;
    if (isShared && user > 0) device[frame] = tally.take();
    else if (isReal && user === 0) device[frame] = padded;
  }
  let dropped = 0;
  for (let i = 0; i < original.packets; i++) if (left[i] !== 0 && original.cover[i] === 0) dropped++;
  return { trace, original, account, delivered, dropped };
}
