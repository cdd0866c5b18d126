import { isIPv4 } from 'node:net';
import { TCP } from '../../trace/read/frame.js';
import { ipv4Word } from '../../trace/scope.js';
import { Cover, createTraceBuilder, Direction, Protocol, type Trace } from '../../trace/trace.js';

export interface WireOptions {
  /** Source and destination of every packet; null where packets keep their addresses. */
  readonly rewrite: { readonly from: string; readonly to: string } | null;
  /** Longest IP packet that the interface sends, in bytes. */
  readonly mtu: number;
  readonly direction: 'out' | 'in' | 'both';
  /** Whether to take only packets without user data. */
  readonly coverOnly: boolean;
  /** Seconds of the trace to take. */
  readonly seconds: number;
}

export interface WireTrace {
  /** IPv4 packets without link header, ready for the wire. */
  readonly trace: Trace;
  /** Packets that cannot be sent, by reason. */
  readonly leftOut: Readonly<Record<string, number>>;
  /** Frames that the capturing host had merged, each split into several packets. */
  readonly merged: number;
}

/** Bytes of the shortest IPv4 header, and of it with the headers of UDP and TCP. */
const IP = 20;
const WITH_UDP = IP + 8;
const WITH_TCP = IP + 20;
const ICMP = 1;
const ICMPV6 = 58;

/**
 * Converts the packets of a trace, IPv6 too, to IPv4 packets of the same length that one host can send. Where addresses are rewritten,
 * packets of both directions go the same way; a packet towards the home keeps its source and destination port, which identify it.
 */
export function toWire(trace: Trace, options: WireOptions): WireTrace {
  const { rewrite, mtu, direction, coverOnly, seconds } = options;
  const { flows } = trace;
  const builder = createTraceBuilder(trace.devices, [''], Math.max(1, trace.packets));
  const leftOut: Record<string, number> = {};
  /** New flow of each old flow and direction; -1 for none yet. */
  const rows = new Int32Array(flows.count * 2).fill(-1);
  let merged = 0;

  const flowOf = (flow: number, isOutbound: boolean): number => {
    const at = flow * 2 + (rewrite !== null && isOutbound ? 1 : 0);
    if (rows[at]! >= 0) return rows[at]!;
    const transport = flows.transport[flow]! === ICMPV6 ? ICMP : flows.transport[flow]!;
    const ports = [flows.localPort[flow]!, flows.remotePort[flow]!] as const;
    const isTurned = rewrite !== null && !isOutbound;
    rows[at] = builder.flow({
      transport,
      localPort: ports[isTurned ? 1 : 0],
      remotePort: ports[isTurned ? 0 : 1],
      localAddress: rewrite?.from ?? flows.addresses[flows.localAddress[flow]!]!,
      remoteAddress: rewrite?.to ?? flows.addresses[flows.remoteAddress[flow]!]!,
      wan: true,
      header: 0,
    });
    return rows[at]!;
  };
  const isAddressed = (flow: number): boolean =>
    isIPv4(flows.addresses[flows.localAddress[flow]!]!) && isIPv4(flows.addresses[flows.remoteAddress[flow]!]!);

  const first = trace.packets > 0 ? trace.time[0]! : 0;
  for (let i = 0; i < trace.packets && trace.time[i]! - first <= seconds; i++) {
    const flow = trace.flow[i]!;
    const isOutbound = trace.direction[i] === Direction.OUTBOUND;
    if (coverOnly && trace.cover[i] !== Cover.MADE) continue;
    if (direction !== 'both' && isOutbound !== (direction === 'out')) continue;
    const length = trace.length[i]! - flows.header[flow]!;
    const reason = whyNot(trace.protocols[i]!, length, rewrite !== null || isAddressed(flow));
    if (reason !== null) {
      leftOut[reason] = (leftOut[reason] ?? 0) + 1;
      continue;
    }
    const row = {
      time: trace.time[i]!,
      length,
      direction: rewrite === null ? trace.direction[i]! : Direction.OUTBOUND,
      protocols: trace.protocols[i]!,
      port: trace.port[i]!,
      flow: flowOf(flow, isOutbound),
      device: trace.device[i]!,
      cover: trace.cover[i]!,
    };
    if (length <= mtu) {
      builder.push(row);
      continue;
    }
    merged++;
    const headers = flows.transport[flow] === TCP ? WITH_TCP : WITH_UDP;
    for (let left = length - headers; left > 0; left -= mtu - headers) {
      builder.push({ ...row, length: headers + Math.min(left, mtu - headers) });
    }
  }
  return { trace: builder.build(), leftOut, merged };
}

function whyNot(protocols: number, length: number, isAddressed: boolean): string | null {
  if ((protocols & Protocol.IP) === 0) return 'no IP';
  if (length < IP) return 'shorter than an IP header';
  return isAddressed ? null : 'no IPv4 address';
}

/** Source and destination address of each packet of a wire trace, as two numbers per packet. */
export function endsOf({ packets, direction, flow, flows }: Trace): Uint32Array {
  const words = Uint32Array.from(flows.addresses, (address) => (isIPv4(address) ? ipv4Word(address) : 0));
  const ends = new Uint32Array(packets * 2);
  for (let i = 0; i < packets; i++) {
    const local = words[flows.localAddress[flow[i]!]!]!;
    const remote = words[flows.remoteAddress[flow[i]!]!]!;
    const isOutbound = direction[i] === Direction.OUTBOUND;
    ends[2 * i] = isOutbound ? local : remote;
    ends[2 * i + 1] = isOutbound ? remote : local;
  }
  return ends;
}
