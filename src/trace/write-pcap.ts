import { InputError } from '../shared/errors.js';
import { createAtomicFile } from '../shared/files.js';
import { type Application, fillPayload, shortestPayload } from './payload.js';
import { ipv4Word, ipv6Words, isGroupMac, normaliseIp, normaliseMac, scopeOf } from './scope.js';
import { Direction, NO_DEVICE, Protocol, type Trace } from './trace.js';

export interface WritePcapOptions {
  /** Nanoseconds keep every time of a trace exactly; microseconds are for the oldest readers. */
  readonly resolution?: 'nanosecond' | 'microsecond';
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
const TCP = 6;
const UDP = 17;
const ICMPV6 = 58;
/** For an IP protocol whose content is unknown, or a packet too short for its own header: experiments (RFC 3692). */
const IP_OTHER = 253;

const SYN = 2;
const PSH = 8;
const ACK = 16;
/** TCP option 2, 4 bytes: 1460 (RFC 9293, section 3.7.1). */
const MAXIMUM_SEGMENT = 0x020405b4;

/** The gateway's MAC address in captures that are written here; locally administered, as all of them are. */
export const GATEWAY_MAC = '02:48:56:ff:ff:fe';

/** The MAC address, in captures that are written here, of a row of `devices`. */
export function deviceMac(device: number): string {
  const hex = device.toString(16).padStart(4, '0');
  return `02:48:56:00:${hex.slice(0, 2)}:${hex.slice(2)}`;
}

/**
 * Writes a trace as a classic pcap file: frames of exactly its lengths and times with correct headers and checksums, and
 * payloads that show the protocols of the trace and carry nothing. A TCP segment begins where the one before ended.
 * What a frame is too short to hold is left out, from the inside: payload, transport, IP.
 * @throws InputError where a frame is shorter than an Ethernet header or longer than an IP packet can be, a time lies outside
 * 1970 to 2106, or the file cannot be written
 */
export function writePcap(trace: Trace, path: string, options: WritePcapOptions = {}): WrittenPcap {
  const { resolution = 'nanosecond' } = options;
  const units = resolution === 'nanosecond' ? 1e9 : 1e6;
  const isRaw = trace.packets > 0 && usesRawIp(trace);
  const link = isRaw ? 'raw-ip' : 'ethernet';
  const fill = createFrameWriter(trace, isRaw ? 0 : ETHERNET);
  const out = Buffer.alloc(CHUNK);
  const file = createAtomicFile(path);
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
    throw new InputError(`${path}: cannot be written: ${(cause as Error).message}`, { cause });
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
  readonly remoteMac: Uint8Array;
  /** Of each direction (outbound first): next sequence number, and up to where the other side has acknowledged. */
  readonly sequence: Uint32Array;
  readonly acknowledged: Uint32Array;
  /** Of each direction: its largest segment, 0 before the first. */
  readonly largest: Uint16Array;
  /** Of each direction: packets so far. */
  readonly count: Uint32Array;
  readonly hops: number;
}

/** What the transport layer is told of a packet. */
interface PacketView {
  readonly flow: FlowFrame;
  /** The same number for the first packet of each direction of a flow, for the second, and so on. */
  readonly key: number;
  readonly isOutbound: boolean;
  readonly application: Application;
  /** An Ethernet frame of the least length there is, which padding may have brought it to. */
  readonly isShortest: boolean;
  /** The frame may be longer than the packet in it. */
  readonly canPad: boolean;
}

/** A function that writes frame `i` of the trace at a place in a buffer, all its bytes. */
function createFrameWriter(trace: Trace, base: number): (out: Buffer, at: number, i: number) => void {
  const macs = trace.devices.map((_, device) => macBytes(deviceMac(device)));
  const nobody = macBytes(deviceMac(NO_DEVICE));
  const peers = findPeers(trace);
  const flows = new Array<FlowFrame | undefined>(trace.flows.count);
  let packetId = 0;

  return (out, at, i) => {
    const row = trace.flow[i]!;
    flows[row] ??= createFlowFrame(trace, row, peers[row]);
    const flow = flows[row];
    const isOutbound = trace.direction[i] === Direction.OUTBOUND;
    const protocols = trace.protocols[i]!;
    const end = at + trace.length[i]!;
    const ip = at + base;
    const isIp = (protocols & Protocol.IP) !== 0 && end - ip >= (flow.isIpv6 ? 40 : 20);
    if (base > 0) {
      const own = macs[trace.device[i]!] ?? nobody;
      out.set(isOutbound ? flow.remoteMac : own, at);
      // No frame comes from a group: what does in the trace comes from behind the gateway.
      out.set(isOutbound ? own : (flow.remoteMac[0]! & 1) === 1 ? GATEWAY : flow.remoteMac, at + 6);
      const type = flow.isIpv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
      out.writeUInt16BE(isIp ? type : ETHERTYPE_OTHER, at + 12);
    }
    if (!isIp) {
      out.fill(0, ip, end);
      return;
    }
    const payload = ip + (flow.isIpv6 ? 40 : 20);
    const transport = transportOf(protocols, flow, end - payload);
    const application = applicationOf(protocols, transport, flow);
    const key = row * 31 + flow.count[isOutbound ? 0 : 1]++;
    const isShortest = base > 0 && end - at <= SHORTEST_FRAME;
    const packet: PacketView = { flow, key, isOutbound, application, isShortest, canPad: base > 0 };
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

/**
 * The device whose address a row of `addresses` is, by row of flow: the peers in flows that stay on the LAN. A labelled peer's
 * own packets are in flows of its own, so a flow with inbound packets has a peer that is no device.
 */
function findPeers({ packets, flow, flows, direction, device }: Trace): (number | undefined)[] {
  const owners = new Map<number, number>();
  const hasInbound = new Uint8Array(flows.count);
  for (let i = 0; i < packets; i++) {
    owners.set(flows.localAddress[flow[i]!]!, device[i]!);
    if (direction[i] === Direction.INBOUND) hasInbound[flow[i]!] = 1;
  }
  return Array.from(flows.remoteAddress, (address, row) =>
    flows.wan[row] === 1 || hasInbound[row] === 1 ? undefined : owners.get(address),
  );
}

function createFlowFrame(trace: Trace, row: number, peer: number | undefined): FlowFrame {
  const { flows } = trace;
  const localText = normaliseIp(flows.addresses[flows.localAddress[row]!] ?? '');
  const remoteRow = flows.remoteAddress[row]!;
  const remoteText = normaliseIp(flows.addresses[remoteRow] ?? '');
  const isIpv6 = (remoteText ?? localText ?? '').includes(':');
  // Where an address is missing, or of the other kind, one of documentation stands in (RFC 5737, RFC 3849).
  const stand = (text: string | null, ipv4: string, ipv6: string) =>
    addressBytes(text !== null && text.includes(':') === isIpv6 ? text : isIpv6 ? ipv6 : ipv4);
  const local = stand(localText, '192.168.0.2', 'fd00::2');
  const remote = stand(remoteText, '203.0.113.1', '2001:db8::1');

  let remoteMac = GATEWAY;
  const linkAddress = normaliseMac(flows.addresses[remoteRow] ?? '');
  if (peer !== undefined) remoteMac = macBytes(deviceMac(peer));
  else if (linkAddress !== null && isGroupMac(linkAddress)) remoteMac = macBytes(linkAddress);
  else if (remoteText !== null && scopeOf(remoteText) === 'group') remoteMac = groupMac(remote);

  let addressSum = 0;
  for (const bytes of [local, remote]) {
    for (let i = 0; i < bytes.length; i += 2) addressSum += (bytes[i]! << 8) | bytes[i + 1]!;
  }
  // Initial sequence numbers: any will do that differ.
  const initial = Math.imul(row + 1, 0x9e3779b1);
  return {
    isIpv6,
    local,
    remote,
    localPort: flows.localPort[row]!,
    remotePort: flows.remotePort[row]!,
    addressSum,
    transport: flows.transport[row]!,
    remoteMac,
    sequence: Uint32Array.of(initial, Math.imul(initial, 0x85ebca6b)),
    acknowledged: Uint32Array.of(initial, Math.imul(initial, 0x85ebca6b)),
    largest: new Uint16Array(2),
    count: new Uint32Array(2),
    // What is meant for the link alone must not have been forwarded (RFC 5082).
    hops: remoteMac === GATEWAY ? 64 : 255,
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
  const room = end - at - 20;
  const own = isOutbound ? 0 : 1;
  const { sequence, largest } = flow;
  const isFirst = largest[own] === 0;
  const isTooShort = room < shortestPayload(application);
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
  const isSyn = size === 0 && isFirst;
  const isAck = !isSyn || largest[1 - own]! > 0;

  writePorts(out, at, packet);
  out.writeUInt32BE((sequence[own]! - (isRepeat ? size : 0)) >>> 0, at + 4);
  out.writeUInt32BE(isAck ? acknowledge(flow, 1 - own, size > 0) : 0, at + 8);
  out[at + 12] = (5 + options / 4) << 4;
  out[at + 13] = (isSyn ? SYN : 0) | (isAck ? ACK : 0) | (size > 0 ? PSH : 0);
  out.writeUInt16BE(65535, at + 14);
  out.writeUInt32BE(0, at + 16);
  // No-operation options: nothing is known of the real ones, but that a SYN names its maximum segment size.
  out.fill(1, at + 20, payload);
  if (isSyn && options >= 4) out.writeUInt32BE(MAXIMUM_SEGMENT, at + 20);
  fillPayload(out, payload, size, isTooShort ? 'zeros' : application, isOutbound, packet.key);
  if (!isRepeat) sequence[own]! += isSyn ? 1 : size;
  largest[own] = Math.max(largest[own]!, size, 1);
  out.writeUInt16BE(checksum(out, at, end, flow.addressSum + TCP + (end - at)), at + 16);
  return end;
}

/** Acknowledges what side `of` has sent: all of it along with data, otherwise two segments at a time (RFC 9293, 3.8.6.3). */
function acknowledge({ sequence, acknowledged, largest }: FlowFrame, of: number, withData: boolean): number {
  const outstanding = (sequence[of]! - acknowledged[of]!) >>> 0;
  acknowledged[of]! += withData ? outstanding : Math.min(outstanding, 2 * largest[of]!);
  return acknowledged[of]!;
}

/** RFC 768. */
function writeUdp(out: Buffer, at: number, end: number, packet: PacketView): void {
  const { flow, isOutbound, application } = packet;
  const size = end - at - 8;
  const fits = size >= shortestPayload(application);
  writePorts(out, at, packet);
  out.writeUInt16BE(end - at, at + 4);
  out.writeUInt16BE(0, at + 6);
  fillPayload(out, at + 8, size, fits ? application : 'zeros', isOutbound, packet.key);
  // A checksum of 0 would mean that there is none.
  out.writeUInt16BE(checksum(out, at, end, flow.addressSum + UDP + (end - at)) || 0xffff, at + 6);
}

/** An echo request or reply: RFC 792; RFC 4443, section 4. */
function writeEcho(out: Buffer, at: number, end: number, { flow, isOutbound, key }: PacketView): void {
  const [request, reply] = flow.isIpv6 ? [128, 129] : [8, 0];
  out.fill(0, at, end);
  out[at] = isOutbound ? request : reply;
  out.writeUInt16BE(key & 0xffff, at + 4);
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
  const port = Math.min(flow.localPort, flow.remotePort);
  if (port === 67) return 'dhcp';
  return port === 123 ? 'ntp' : 'zeros';
}

/** RFC 1071: the complement of the ones' complement sum of 16-bit words; `sum` is what was added up before. */
function checksum(out: Buffer, from: number, to: number, sum: number): number {
  let i = from;
  for (; i + 1 < to; i += 2) sum += (out[i]! << 8) | out[i + 1]!;
  if (i < to) sum += out[i]! << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

const GATEWAY = macBytes(GATEWAY_MAC);

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
