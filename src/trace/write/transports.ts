import { TCP, UDP } from '../read/frame.js';
import type { Conversation, FlowFrame } from './flow-frames.js';
import { type Application, exchangeOf, fillPayload, type Message, shortestPayload } from './payload.js';

export const ICMPV6 = 58;
const SYN = 2;
const PSH = 8;
const ACK = 16;
/** TCP option 2, 4 bytes: a maximum segment of 1460 bytes (RFC 9293, section 3.7.1). */
const MAXIMUM_SEGMENT = 0x020405b4;
/** No operation, then option 3, 3 bytes: windows are not scaled (RFC 7323, section 2.2). */
const WINDOW_SCALE = 0x01030300;
/** Two no-operations, then option 8, 10 bytes, which two timestamps complete (RFC 7323, section 3.2 and appendix A). */
const TIMESTAMPS = 0x0101080a;
const TIMESTAMPS_LENGTH = 12;

/** A packet as the transport layer sees it. */
export interface PacketView extends Message {
  readonly flow: FlowFrame;
  readonly application: Application;
  /** The frame has Ethernet's minimum length, so padding may be in it. */
  readonly isShortest: boolean;
  /** The frame may be longer than the packet in it. */
  readonly canPad: boolean;
}

/**
 * Writes a segment (RFC 9293) into [at, end).
 * @returns the end of the segment; the rest of the frame is Ethernet padding
 */
export function writeTcp(out: Buffer, at: number, end: number, packet: PacketView): number {
  const { flow, isOutbound, application } = packet;
  const { conversation } = flow;
  const { sequence, largest } = conversation;
  const room = end - at - 20;
  const own = isOutbound ? flow.side : 1 - flow.side;
  const isFirst = largest[own] === 0;
  const isShort = room < shortestPayload(application);
  // A short HTTP payload can be the rest of the previous message.
  const isRest = isShort && room > 0 && application === 'http' && conversation.application === 'http';
  const isTooShort = isShort && !isRest;
  let options = 0;
  // A segment that shows no application is mostly an acknowledgement, with Ethernet padding or with options.
  if (application === 'text' ? packet.isShortest : isTooShort && isFirst && packet.canPad) {
    options = isFirst && room >= 4 ? 4 : 0;
    end = at + 20 + options;
  } else if (application === 'text' && room <= 40 && room % 4 === 0) options = room;
  const payload = at + 20 + options;
  const size = end - payload;
  // A payload too short for its application is a keep-alive, which repeats earlier bytes (RFC 9293, section 3.8.4).
  const isRepeat = size > 0 && isTooShort;
  // If the other side has sent more than its own SYN, the capture began within the connection.
  const isSyn = size === 0 && isFirst && largest[1 - own]! <= 1 && conversation.count[1 - own]! <= 1;
  const isAck = !isSyn || largest[1 - own]! > 0;
  // A segment that acknowledges nothing new changes the window: a repeated one would report a loss (RFC 5681, section 2).
  const before = conversation.acknowledged[1 - own];
  const acknowledged = isAck ? acknowledge(conversation, 1 - own, size > 0) : 0;
  if (size === 0 && acknowledged === before) conversation.window[own]! ^= 1;

  writePorts(out, at, packet);
  out.writeUInt32BE((sequence[own]! - (isRepeat ? size : 0)) >>> 0, at + 4);
  out.writeUInt32BE(acknowledged, at + 8);
  out[at + 12] = (5 + options / 4) << 4;
  out[at + 13] = (isSyn ? SYN : 0) | (isAck ? ACK : 0) | (size > 0 ? PSH : 0);
  out.writeUInt16BE(conversation.window[own]!, at + 14);
  out.writeUInt32BE(0, at + 16);
  writeOptions(out, at + 20, payload, isSyn, conversation.count[own]!, conversation.count[1 - own]!);
  if (size > 0) {
    const shown = isTooShort ? 'zeros' : isRest ? 'text' : continued(conversation, application, size);
    fillPayload(out, payload, size, shown, packet);
  }
  if (!isRepeat) sequence[own]! += isSyn ? 1 : size;
  largest[own] = Math.max(largest[own]!, size, 1);
  out.writeUInt16BE(checksum(out, at, end, flow.addressSum + TCP + (end - at)), at + 16);
  return end;
}

/** Fills [at, end) with the usual options, or no-operations where none fit. Timestamps count packets so far. */
function writeOptions(out: Buffer, at: number, end: number, isSyn: boolean, time: number, echo: number): void {
  if (isSyn && end - at >= 4) at = out.writeUInt32BE(MAXIMUM_SEGMENT, at);
  if (isSyn && end - at === 4 + TIMESTAMPS_LENGTH) at = out.writeUInt32BE(WINDOW_SCALE, at);
  if (end - at >= TIMESTAMPS_LENGTH) {
    at = out.writeUInt32BE(TIMESTAMPS, at);
    at = out.writeUInt32BE(time, at);
    at = out.writeUInt32BE(echo, at);
  }
  out.fill(1, at, end);
}

/** The application to write for `size` bytes: the one the trace shows, or else the conversation's, as readers will assume. */
function continued(conversation: Conversation, shown: Application, size: number): Application {
  const known = conversation.application;
  if (shown === 'text') return size >= shortestPayload(known) ? known : shown;
  // A conversation that has been TLS stays TLS (application.ts).
  if (known !== 'tls') conversation.application = shown;
  return shown;
}

/** Acknowledges bytes that side `of` has sent: all with data, otherwise two segments at a time (RFC 9293, section 3.8.6.3). */
function acknowledge({ sequence, acknowledged, largest }: Conversation, of: number, withData: boolean): number {
  const outstanding = (sequence[of]! - acknowledged[of]!) >>> 0;
  acknowledged[of]! += withData ? outstanding : Math.min(outstanding, 2 * largest[of]!);
  return acknowledged[of]!;
}

/** Writes a datagram: RFC 768. */
export function writeUdp(out: Buffer, at: number, end: number, packet: PacketView): void {
  const { flow, application } = packet;
  const size = end - at - 8;
  const fits = size >= shortestPayload(application);
  writePorts(out, at, packet);
  out.writeUInt16BE(end - at, at + 4);
  out.writeUInt16BE(0, at + 6);
  fillPayload(out, at + 8, size, fits ? application : 'zeros', packet);
  // A checksum of 0 would mean that there is none.
  out.writeUInt16BE(checksum(out, at, end, flow.addressSum + UDP + (end - at)) || 0xffff, at + 6);
}

/** Writes an echo request or reply: RFC 792; RFC 4443, section 4. */
export function writeEcho(out: Buffer, at: number, end: number, packet: PacketView): void {
  const { flow, isOutbound } = packet;
  const [request, reply] = flow.isIpv6 ? [128, 129] : [8, 0];
  out.fill(0, at, end);
  out[at] = isOutbound ? request : reply;
  out.writeUInt16BE(exchangeOf(packet), at + 4);
  const pseudoHeader = flow.isIpv6 ? flow.addressSum + ICMPV6 + (end - at) : 0;
  out.writeUInt16BE(checksum(out, at, end, pseudoHeader), at + 2);
}

/** Writes a membership report, then zeros: RFC 2236, section 2. */
export function writeIgmp(out: Buffer, at: number, end: number, { flow }: PacketView): void {
  out.fill(0, at, end);
  out[at] = 0x16;
  out.set(flow.remote, at + 4);
  out.writeUInt16BE(checksum(out, at, end, 0), at + 2);
}

function writePorts(out: Buffer, at: number, { flow, isOutbound }: PacketView): void {
  out.writeUInt16BE(isOutbound ? flow.localPort : flow.remotePort, at);
  out.writeUInt16BE(isOutbound ? flow.remotePort : flow.localPort, at + 2);
}

/** The complement of the ones' complement sum of 16-bit words (RFC 1071), added to an earlier `sum`. */
export function checksum(out: Buffer, from: number, to: number, sum: number): number {
  let i = from;
  for (; i + 1 < to; i += 2) sum += (out[i]! << 8) | out[i + 1]!;
  if (i < to) sum += out[i]! << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
