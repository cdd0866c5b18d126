import { createRng, type Rng } from '../../shared/rng.js';
import { TCP, UDP } from '../read/frame.js';
import { Direction, Protocol, type Trace } from '../trace.js';
import { deviceMac, macBytes } from './device-macs.js';
import { createFlowFrames, type FlowFrame, GATEWAY } from './flow-frames.js';
import { type Application, createNoise } from './payload.js';
import { checksum, ICMPV6, type PacketView, writeEcho, writeIgmp, writeTcp, writeUdp } from './transports.js';

/** Bytes of an Ethernet header. */
export const ETHERNET = 14;
const SHORTEST_FRAME = 60;
const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
/** Local experiments (IEEE 802), for frames without IP: their content is unknown, so they must not claim to be ARP. */
const ETHERTYPE_OTHER = 0x88b5;
const ICMP = 1;
const IGMP = 2;
/** Experiments (RFC 3692), for an IP protocol of unknown content and for packets too short for their transport header. */
const IP_OTHER = 253;

export interface FrameOptions {
  /** MAC addresses of the rows of `devices`; {@link deviceMac} where none is given. */
  readonly macs?: readonly (string | undefined)[];
  /** Writes the capture as seen outside the gateway: all frames go between gateway and provider. */
  readonly outside?: boolean;
  /** Source of the bytes that look encrypted; by default the same bytes each time. */
  readonly rng?: Rng;
}

/**
 * Returns a function that writes all bytes of frame `i` of the trace into a buffer. Call it for each frame in turn.
 * @param base bytes of the link header in front of each packet: 14 for Ethernet, 0 for none
 */
export function createFrameWriter(
  trace: Trace,
  base: 0 | typeof ETHERNET,
  { macs, outside = false, rng = createRng(1, 'payload') }: FrameOptions,
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
      // No frame has a group as its source. Such a packet of the trace comes through the gateway.
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

/** The IP protocol for a packet of a flow with `room` bytes after the IP header. */
function transportOf(protocols: number, flow: FlowFrame, room: number): number {
  if ((protocols & Protocol.TCP) !== 0) return room >= 20 ? TCP : IP_OTHER;
  if ((protocols & Protocol.UDP) !== 0) return room >= 8 ? UDP : IP_OTHER;
  const isControl = flow.isIpv6 ? flow.transport === ICMPV6 : flow.transport === ICMP || flow.transport === IGMP;
  return isControl && room >= 8 ? flow.transport : IP_OTHER;
}

/** The application that a payload shows. TLS over UDP is left out, since no reader would recognise it. */
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

/** Applications over UDP by the lower of the two ports. */
const DATAGRAMS: ReadonlyMap<number, Application> = new Map([
  [67, 'dhcp'],
  [123, 'ntp'],
  [1194, 'openvpn'],
  [51820, 'wireguard'],
]);

/** Writes the IP header: RFC 791, section 3.1; RFC 8200, section 3. */
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
