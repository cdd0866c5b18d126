import { InputError } from '../../shared/errors.js';
import { cannotWrite, createAtomicFile, PRIVATE } from '../../shared/files.js';
import { createRng, type Rng } from '../../shared/rng.js';
import type { Label } from '../labels/label-file.js';
import { TCP, UDP } from '../read/frame.js';
import { ipv4Word, ipv6Words, isGroupMac, normaliseIp, normaliseMac, scopeOf } from '../scope.js';
import { Direction, NO_DEVICE, Protocol, type Trace } from '../trace.js';
import { type Application, createNoise, exchangeOf, fillPayload, type Message, shortestPayload } from './payload.js';

export interface WritePcapOptions {
  /** Nanoseconds keep every time of a trace exactly; microseconds are for the oldest readers. */
  readonly resolution?: 'nanosecond' | 'microsecond';
  /** MAC addresses of the rows of `devices`, {@link deviceMac}'s where there is none. */
  readonly macs?: readonly (string | undefined)[];
  /** The capture is from outside the gateway: no frame bears a device's MAC address, all are between gateway and provider. */
  readonly outside?: boolean;
  /** Of what looks encrypted; the same bytes each time by default. */
  readonly rng?: Rng;
}

export interface WrittenPcap {
  readonly packets: number;
  /** Size of the file. */
  readonly bytes: number;
  /** Raw IP where no flow of the trace has a link header, Ethernet otherwise. */
  readonly link: 'ethernet' | 'raw-ip';
}

const MAGIC = { nanosecond: 0xa1b23c4d, microsecond: 0xa1b2c3d4 } as const;
const LINK_TYPE = { ethernet: 1, 'raw-ip': 101 } as const;
const SNAPLEN = 262144;
const ETHERNET = 14;
const SHORTEST_FRAME = 60;
/** The length field of an IP header has 16 bits. */
const LARGEST_PACKET = 65535;
const CHUNK = 4 << 20;

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
/** For what is no IP: local experiments (IEEE 802). Its content is unknown, so it must not claim to be ARP. */
const ETHERTYPE_OTHER = 0x88b5;
const ICMP = 1;
const IGMP = 2;
const ICMPV6 = 58;
/** A port of many plugs and bulbs (Tuya's), at which Wireshark expects IPDC: of what shows nothing, zeros are whole messages. */
const TUYA = 6668;
/** For an IP protocol whose content is unknown, or a packet too short for its own header: experiments (RFC 3692). */
const IP_OTHER = 253;

const SYN = 2;
const PSH = 8;
const ACK = 16;
/** TCP option 2, 4 bytes: 1460 (RFC 9293, section 3.7.1). */
const MAXIMUM_SEGMENT = 0x020405b4;
/** No operation, then option 3, 3 bytes: windows are not scaled (RFC 7323, section 2.2). */
const WINDOW_SCALE = 0x01030300;
/** Twice no operation, then option 8, 10 bytes: two times to follow (RFC 7323, section 3.2 and appendix A). */
const TIMESTAMPS = 0x0101080a;
const TIMESTAMPS_LENGTH = 12;

/** The gateway's MAC address in captures that are written here, and the provider's outside it; locally administered, as all are. */
export const GATEWAY_MAC = '02:48:56:ff:ff:fe';
export const PROVIDER_MAC = '02:48:56:ff:ff:fd';

/** The MAC address, in captures that are written here, of a row of `devices`. */
export function deviceMac(device: number): string {
  const hex = device.toString(16).padStart(4, '0');
  return `02:48:56:00:${hex.slice(0, 2)}:${hex.slice(2)}`;
}

/** Labels of a trace's devices for a capture of it that is written here, in which they have the MAC addresses `macs`. */
export function deviceLabels({ devices }: Trace, macs: WritePcapOptions['macs'] = []): Label[] {
  return devices.map(({ name, category }, device) => ({
    address: macs[device] ?? deviceMac(device),
    kind: 'mac',
    device: name,
    category,
  }));
}

/**
 * Writes a trace as a classic pcap file: frames of exactly its lengths and times with correct headers and checksums, and
 * payloads that show the protocols of the trace and carry nothing. A TCP segment begins where the one before ended. What a
 * frame is too short to hold is left out, from the inside: payload, transport, IP; a TLS segment of under 6 bytes is written as a
 * keep-alive, and a piece of a DHCP message is malformed to any reader. A TCP segment with a payload of which the trace shows no
 * application (padding behind an acknowledgement) goes on with that of its conversation. Which frames are cover changes no
 * byte of the file; nor does whose a frame is, but for the MAC address of its flow's owner.
 * @throws InputError where a frame is shorter than an Ethernet header or longer than an IP packet can be, a time lies outside
 * 1970 to 2106, or the file cannot be written
 */
export function writePcap(trace: Trace, path: string, options: WritePcapOptions = {}): WrittenPcap {
  const { resolution = 'nanosecond' } = options;
  const units = resolution === 'nanosecond' ? 1e9 : 1e6;
  const isRaw = trace.packets > 0 && usesRawIp(trace);
  const link = isRaw ? 'raw-ip' : 'ethernet';
  const fill = createFrameWriter(trace, isRaw ? 0 : ETHERNET, options);
  const out = Buffer.alloc(CHUNK);
  const file = createAtomicFile(path, PRIVATE);
  try {
    out.writeUInt32LE(MAGIC[resolution], 0);
    out.writeUInt16LE(2, 4);
    out.writeUInt16LE(4, 6);
    out.writeUInt32LE(SNAPLEN, 16);
    out.writeUInt32LE(LINK_TYPE[link], 20);
    let at = 24;
    for (let i = 0; i < trace.packets; i++) {
      const length = trace.length[i]!;
      checkLength(length, isRaw, i, path);
      if (at + 16 + length > out.length) {
        file.write(out.subarray(0, at));
        at = 0;
      }
      const time = trace.time[i]!;
      let seconds = Math.floor(time);
      let fraction = Math.round((time - seconds) * units);
      if (fraction === units) {
        seconds++;
        fraction = 0;
      }
      if (!(seconds >= 0 && seconds < 2 ** 32)) {
        throw new InputError(`${path}: packet ${i}: expected a time from 1970 to 2106, found ${time} s`);
      }
      out.writeUInt32LE(seconds, at);
      out.writeUInt32LE(fraction, at + 4);
      out.writeUInt32LE(length, at + 8);
      out.writeUInt32LE(length, at + 12);
      fill(out, at + 16, i);
      at += 16 + length;
    }
    file.write(out.subarray(0, at));
    file.commit();
    return { packets: trace.packets, bytes: file.size, link };
  } catch (cause) {
    file.discard();
    // A full disk and the like; what is not the system's fault is ours.
    if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause;
    throw cannotWrite(path, cause);
  }
}

function checkLength(length: number, isRaw: boolean, packet: number, path: string): void {
  const shortest = isRaw ? 1 : ETHERNET;
  const largest = LARGEST_PACKET + (isRaw ? 0 : ETHERNET);
  if (length >= shortest && length <= largest) return;
  throw new InputError(`${path}: packet ${packet}: expected ${shortest} to ${largest} bytes, found ${length}`);
}

/** Packets without a link header in front, all of them IP: an Ethernet header would take the place of their own. */
function usesRawIp(trace: Trace): boolean {
  for (let i = 0; i < trace.packets; i++) {
    if (trace.flows.header[trace.flow[i]!] !== 0 || (trace.protocols[i]! & Protocol.IP) === 0) return false;
    if (trace.length[i]! < 20) return false;
  }
  return true;
}

/** What the frames of a flow have in common, in each direction. */
interface FlowFrame {
  readonly isIpv6: boolean;
  /** Addresses in network order: local and remote. */
  readonly local: Uint8Array;
  readonly remote: Uint8Array;
  readonly localPort: number;
  readonly remotePort: number;
  /** The 16-bit words of both addresses, summed up for the pseudo-header of checksums. */
  readonly addressSum: number;
  readonly transport: number;
  readonly localMac: Uint8Array;
  readonly remoteMac: Uint8Array;
  readonly hops: number;
  readonly conversation: Conversation;
  /** The side of the conversation that is local. */
  readonly side: number;
}

/** What two ends have told each other so far: of one flow, or of the flows of both where both are devices of the home. */
interface Conversation {
  readonly id: number;
  /** Of each side: next sequence number, and up to where the other side has acknowledged. */
  readonly sequence: Uint32Array;
  readonly acknowledged: Uint32Array;
  /** Of each side: its largest segment, 0 before the first. */
  readonly largest: Uint16Array;
  /** Of each side: packets so far. */
  readonly count: Uint32Array;
  /** Of each side: bytes that it says it has room for. */
  readonly window: Uint16Array;
  /** What a reader takes a segment for that does not say what it is. */
  application: Application;
}

/** What the transport layer is told of a packet. */
interface PacketView extends Message {
  readonly flow: FlowFrame;
  readonly application: Application;
  /** An Ethernet frame of the least length there is, which padding may have brought it to. */
  readonly isShortest: boolean;
  /** The frame may be longer than the packet in it. */
  readonly canPad: boolean;
}

/**
 * A function that writes frame `i` of the trace at a place in a buffer, all its bytes; to be called for each in turn.
 * @param base bytes of the link header that is written before each packet: 14 for Ethernet, 0 for none
 */
export function createFrameWriter(
  trace: Trace,
  base: 0 | typeof ETHERNET,
  { macs, outside = false, rng = createRng(1, 'payload') }: WritePcapOptions,
): (out: Buffer, at: number, i: number) => void {
  const noise = createNoise(rng);
  const stations = outside ? null : trace.devices.map((_, device) => macBytes(macs?.[device] ?? deviceMac(device)));
  const createFlow = createFlowFrames(trace, stations);
  const flows = new Array<FlowFrame | undefined>(trace.flows.count);
  let packetId = 0;

  return (out, at, i) => {
    const row = trace.flow[i]!;
    flows[row] ??= createFlow(row);
    const flow = flows[row];
    const isOutbound = trace.direction[i] === Direction.OUTBOUND;
    const protocols = trace.protocols[i]!;
    const end = at + trace.length[i]!;
    const ip = at + base;
    const isIp = (protocols & Protocol.IP) !== 0 && end - ip >= (flow.isIpv6 ? 40 : 20);
    if (base > 0) {
      const { localMac, remoteMac } = flow;
      out.set(isOutbound ? remoteMac : localMac, at);
      // No frame comes from a group: what does in the trace comes from behind the gateway.
      out.set(isOutbound ? localMac : (remoteMac[0]! & 1) === 1 ? GATEWAY : remoteMac, at + 6);
      const type = flow.isIpv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
      out.writeUInt16BE(isIp ? type : ETHERTYPE_OTHER, at + 12);
    }
    if (!isIp) {
      out.fill(0, ip, end);
      return;
    }
    const payload = ip + (flow.isIpv6 ? 40 : 20);
    const transport = transportOf(protocols, flow, end - payload);
    const packet: PacketView = {
      flow,
      conversation: flow.conversation.id,
      count: flow.conversation.count[isOutbound ? flow.side : 1 - flow.side]!++,
      isOutbound,
      noise,
      application: applicationOf(protocols, transport, flow),
      isShortest: base > 0 && end - at <= SHORTEST_FRAME,
      canPad: base > 0,
    };
    let packetEnd = end;
    if (transport === TCP) packetEnd = writeTcp(out, payload, end, packet);
    else if (transport === UDP) writeUdp(out, payload, end, packet);
    else if (transport === IP_OTHER) out.fill(0, payload, end);
    else if (transport === IGMP) writeIgmp(out, payload, end, packet);
    else writeEcho(out, payload, end, packet);
    out.fill(0, packetEnd, end);
    packetId = (packetId + 1) & 0xffff;
    writeIp(out, ip, packetEnd, transport, isOutbound, flow, packetId);
  };
}

/** The protocol that a packet of a flow is written with, `room` bytes after the IP header. */
function transportOf(protocols: number, flow: FlowFrame, room: number): number {
  if ((protocols & Protocol.TCP) !== 0) return room >= 20 ? TCP : IP_OTHER;
  if ((protocols & Protocol.UDP) !== 0) return room >= 8 ? UDP : IP_OTHER;
  const isControl = flow.isIpv6 ? flow.transport === ICMPV6 : flow.transport === ICMP || flow.transport === IGMP;
  return isControl && room >= 8 ? flow.transport : IP_OTHER;
}

/** Whose flows and addresses are, as their first packets tell that are any device's. */
interface Owners {
  /** By row of flow. */
  readonly ofFlow: Uint16Array;
  /** By row of `addresses`. */
  readonly ofAddress: Uint16Array;
  /** By row of flow: the device at the other end; NO_DEVICE for none. */
  readonly peer: Uint16Array;
}

/**
 * A labelled peer's own packets are in flows of its own, so a flow with inbound packets has a peer that is no device. A flow in
 * which no packet is any device's, as a defense opens for cover, is of the device whose address it has.
 */
function findOwners({ packets, flow, flows, direction, device }: Trace): Owners {
  const { count, localAddress, remoteAddress, wan } = flows;
  const ofFlow = new Uint16Array(count).fill(NO_DEVICE);
  const ofAddress = new Uint16Array(flows.addresses.length).fill(NO_DEVICE);
  const hasInbound = new Uint8Array(count);
  for (let i = 0; i < packets; i++) {
    const row = flow[i]!;
    if (direction[i] === Direction.INBOUND) hasInbound[row] = 1;
    if (ofFlow[row] === NO_DEVICE) ofFlow[row] = device[i]!;
    if (ofAddress[localAddress[row]!] === NO_DEVICE) ofAddress[localAddress[row]!] = device[i]!;
  }
  const peer = new Uint16Array(count).fill(NO_DEVICE);
  for (let row = 0; row < count; row++) {
    if (ofFlow[row] === NO_DEVICE) ofFlow[row] = ofAddress[localAddress[row]!]!;
    if (wan[row] === 0 && hasInbound[row] === 0) peer[row] = ofAddress[remoteAddress[row]!]!;
  }
  return { ofFlow, ofAddress, peer };
}

/** @param stations MAC addresses of the devices; null for a capture from outside the gateway */
function createFlowFrames(trace: Trace, stations: readonly Uint8Array[] | null): (row: number) => FlowFrame {
  const { flows } = trace;
  const owners = findOwners(trace);
  const nobody = macBytes(deviceMac(NO_DEVICE));
  const conversations = new Map<string, Conversation>();

  const remoteMacOf = (row: number, remote: Uint8Array, text: string | null): Uint8Array => {
    if (stations === null) return PROVIDER;
    const peer = stations[owners.peer[row]!];
    if (peer) return peer;
    const linkAddress = normaliseMac(flows.addresses[flows.remoteAddress[row]!] ?? '');
    if (linkAddress !== null && isGroupMac(linkAddress)) return macBytes(linkAddress);
    return text !== null && scopeOf(text) === 'group' ? groupMac(remote) : GATEWAY;
  };

  return (row) => {
    const localText = normaliseIp(flows.addresses[flows.localAddress[row]!] ?? '');
    const remoteText = normaliseIp(flows.addresses[flows.remoteAddress[row]!] ?? '');
    const isIpv6 = (remoteText ?? localText ?? '').includes(':');
    // Where an address is missing, or of the other kind, one of documentation stands in (RFC 5737, RFC 3849).
    const stand = (text: string | null, ipv4: string, ipv6: string) =>
      addressBytes(text !== null && text.includes(':') === isIpv6 ? text : isIpv6 ? ipv6 : ipv4);
    const local = stand(localText, '192.168.0.2', 'fd00::2');
    const remote = stand(remoteText, '203.0.113.1', '2001:db8::1');
    const localPort = flows.localPort[row]!;
    const remotePort = flows.remotePort[row]!;
    const transport = flows.transport[row]!;

    const ends = [`${local.join('.')}/${localPort}`, `${remote.join('.')}/${remotePort}`];
    const side = ends[0]! <= ends[1]! ? 0 : 1;
    const key = `${transport} ${ends[side]} ${ends[1 - side]}`;
    let conversation = conversations.get(key);
    if (!conversation) {
      const isPlain = localPort !== TUYA && remotePort !== TUYA;
      conversation = createConversation(row, isPlain ? 'text' : 'zeros');
      conversations.set(key, conversation);
    }

    let addressSum = 0;
    for (const bytes of [local, remote]) {
      for (let i = 0; i < bytes.length; i += 2) addressSum += (bytes[i]! << 8) | bytes[i + 1]!;
    }
    const remoteMac = remoteMacOf(row, remote, remoteText);
    return {
      isIpv6,
      local,
      remote,
      localPort,
      remotePort,
      addressSum,
      transport,
      localMac: stations === null ? GATEWAY : (stations[owners.ofFlow[row]!] ?? nobody),
      remoteMac,
      // What is meant for the link alone must not have been forwarded (RFC 5082).
      hops: remoteMac === GATEWAY || remoteMac === PROVIDER ? 64 : 255,
      conversation,
      side,
    };
  };
}

function createConversation(id: number, application: Application): Conversation {
  // Initial sequence numbers: any will do that differ.
  const initial = Math.imul(id + 1, 0x9e3779b1);
  const sequence = Uint32Array.of(initial, Math.imul(initial, 0x85ebca6b));
  return {
    id,
    sequence,
    acknowledged: sequence.slice(),
    largest: new Uint16Array(2),
    count: new Uint32Array(2),
    window: Uint16Array.of(65535, 65535),
    application,
  };
}

/** RFC 791, section 3.1; RFC 8200, section 3. */
function writeIp(
  out: Buffer,
  at: number,
  end: number,
  transport: number,
  isOutbound: boolean,
  flow: FlowFrame,
  id: number,
): void {
  const source = isOutbound ? flow.local : flow.remote;
  const destination = isOutbound ? flow.remote : flow.local;
  if (flow.isIpv6) {
    out.writeUInt32BE(0x60000000, at);
    out.writeUInt16BE(end - at - 40, at + 4);
    out[at + 6] = transport;
    out[at + 7] = flow.hops;
    out.set(source, at + 8);
    out.set(destination, at + 24);
    return;
  }
  out.writeUInt16BE(0x4500, at);
  out.writeUInt16BE(end - at, at + 2);
  out.writeUInt16BE(id, at + 4);
  // Don't fragment.
  out.writeUInt16BE(0x4000, at + 6);
  out[at + 8] = flow.hops;
  out[at + 9] = transport;
  out.writeUInt16BE(0, at + 10);
  out.set(source, at + 12);
  out.set(destination, at + 16);
  out.writeUInt16BE(checksum(out, at, at + 20, 0), at + 10);
}

/** Writes a segment (RFC 9293) into [at, end); returns where it ends: what a frame has beyond is Ethernet's padding. */
function writeTcp(out: Buffer, at: number, end: number, packet: PacketView): number {
  const { flow, isOutbound, application } = packet;
  const { conversation } = flow;
  const { sequence, largest } = conversation;
  const room = end - at - 20;
  const own = isOutbound ? flow.side : 1 - flow.side;
  const isFirst = largest[own] === 0;
  const isShort = room < shortestPayload(application);
  // Of HTTP it can be the rest of the message before, as any text can.
  const isRest = isShort && room > 0 && application === 'http' && conversation.application === 'http';
  const isTooShort = isShort && !isRest;
  let options = 0;
  // A segment that shows no application is mostly an acknowledgement: padded to Ethernet's least, or with options.
  if (application === 'text' ? packet.isShortest : isTooShort && isFirst && packet.canPad) {
    options = isFirst && room >= 4 ? 4 : 0;
    end = at + 20 + options;
  } else if (application === 'text' && room <= 40 && room % 4 === 0) options = room;
  const payload = at + 20 + options;
  const size = end - payload;
  // Too short for its application: a keep-alive (RFC 9293, section 3.8.4), whose bytes are of what went before.
  const isRepeat = size > 0 && isTooShort;
  // Where the other side has sent more than its own SYN, the capture began within the connection.
  const isSyn = size === 0 && isFirst && largest[1 - own]! <= 1 && conversation.count[1 - own]! <= 1;
  const isAck = !isSyn || largest[1 - own]! > 0;
  // What acknowledges nothing new tells of a new window: the same again would report a loss (RFC 5681, section 2).
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

/** Fills [at, end) with the usual options; with no-operations where there are none of that length. Times are packets so far. */
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

/** What a payload of `size` bytes is written as: what the trace shows, or else what its conversation has been, as readers take it. */
function continued(conversation: Conversation, shown: Application, size: number): Application {
  const known = conversation.application;
  if (shown === 'text') return size >= shortestPayload(known) ? known : shown;
  // What has once been TLS stays so (application.ts).
  if (known !== 'tls') conversation.application = shown;
  return shown;
}

/** Acknowledges what side `of` has sent: all of it along with data, otherwise two segments at a time (RFC 9293, 3.8.6.3). */
function acknowledge({ sequence, acknowledged, largest }: Conversation, of: number, withData: boolean): number {
  const outstanding = (sequence[of]! - acknowledged[of]!) >>> 0;
  acknowledged[of]! += withData ? outstanding : Math.min(outstanding, 2 * largest[of]!);
  return acknowledged[of]!;
}

/** RFC 768. */
function writeUdp(out: Buffer, at: number, end: number, packet: PacketView): void {
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

/** An echo request or reply: RFC 792; RFC 4443, section 4. */
function writeEcho(out: Buffer, at: number, end: number, packet: PacketView): void {
  const { flow, isOutbound } = packet;
  const [request, reply] = flow.isIpv6 ? [128, 129] : [8, 0];
  out.fill(0, at, end);
  out[at] = isOutbound ? request : reply;
  out.writeUInt16BE(exchangeOf(packet), at + 4);
  const pseudoHeader = flow.isIpv6 ? flow.addressSum + ICMPV6 + (end - at) : 0;
  out.writeUInt16BE(checksum(out, at, end, pseudoHeader), at + 2);
}

/** A host's report that it is in a group, with zeros after it: RFC 2236, section 2. */
function writeIgmp(out: Buffer, at: number, end: number, { flow }: PacketView): void {
  out.fill(0, at, end);
  out[at] = 0x16;
  out.set(flow.remote, at + 4);
  out.writeUInt16BE(checksum(out, at, end, 0), at + 2);
}

function writePorts(out: Buffer, at: number, { flow, isOutbound }: PacketView): void {
  out.writeUInt16BE(isOutbound ? flow.localPort : flow.remotePort, at);
  out.writeUInt16BE(isOutbound ? flow.remotePort : flow.localPort, at + 2);
}

/** What a payload has to show; TLS over UDP is not written: no reader would know it. */
function applicationOf(protocols: number, transport: number, flow: FlowFrame): Application {
  if (transport === TCP) {
    if ((protocols & Protocol.TLS) !== 0) return 'tls';
    if ((protocols & Protocol.HTTP) !== 0) return 'http';
    return (protocols & Protocol.DNS) !== 0 ? 'dns-over-tcp' : 'text';
  }
  if ((protocols & Protocol.DNS) !== 0) return 'dns';
  if (transport !== UDP) return 'zeros';
  return DATAGRAMS.get(Math.min(flow.localPort, flow.remotePort)) ?? 'zeros';
}

/** By the lower port of the two. */
const DATAGRAMS: ReadonlyMap<number, Application> = new Map([
  [67, 'dhcp'],
  [123, 'ntp'],
  [1194, 'openvpn'],
  [51820, 'wireguard'],
]);

/** RFC 1071: the complement of the ones' complement sum of 16-bit words; `sum` is what was added up before. */
function checksum(out: Buffer, from: number, to: number, sum: number): number {
  let i = from;
  for (; i + 1 < to; i += 2) sum += (out[i]! << 8) | out[i + 1]!;
  if (i < to) sum += out[i]! << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

const GATEWAY = macBytes(GATEWAY_MAC);
const PROVIDER = macBytes(PROVIDER_MAC);

function macBytes(mac: string): Uint8Array {
  return Uint8Array.from(mac.split(':'), (part) => Number.parseInt(part, 16));
}

/** Four or sixteen bytes of a normal IP address. */
function addressBytes(address: string): Uint8Array {
  const words = address.includes(':') ? ipv6Words(address) : [ipv4Word(address)];
  return Uint8Array.from(words.flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]));
}

/** RFC 1112, section 6.4; RFC 2464, section 7; what is no multicast address is broadcast. */
function groupMac(address: Uint8Array): Uint8Array {
  if (address.length === 16) return Uint8Array.of(0x33, 0x33, ...address.subarray(12));
  const isMulticast = address[0]! >> 4 === 14;
  if (isMulticast) return Uint8Array.of(0x01, 0x00, 0x5e, address[1]! & 0x7f, address[2]!, address[3]!);
  return new Uint8Array(6).fill(0xff);
}
