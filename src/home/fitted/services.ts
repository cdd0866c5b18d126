import { isIPv6 } from 'node:net';
import { scopeOf } from '../../trace/scope.js';
import { Protocol, type Trace } from '../../trace/trace.js';
import type { FittedService } from './profile.js';

/** Lowest ephemeral port (Linux: 32768, IANA: 49152). */
const FIRST_EPHEMERAL = 32_768;
/** Application protocols that separate services, even on the same port. */
const APPLICATIONS = Protocol.TLS | Protocol.HTTP;
/** Most services of a device; the rest are one for each transport and reach. */
const MOST_SERVICES = 32;
/** Most remote hosts of a service. */
const MOST_HOSTS = 16;

const TRANSPORTS: Readonly<Record<number, string>> = {
  0: 'link',
  1: 'icmp',
  2: 'igmp',
  6: 'tcp',
  17: 'udp',
  58: 'icmpv6',
};

/** A device's services, and the service of each of its flows. */
export interface ServiceTable {
  readonly services: readonly FittedService[];
  /** By row of `flows`; -1 for flows of other devices. */
  readonly ofFlow: Int32Array;
}

interface Candidate {
  readonly key: string;
  readonly flows: number[];
  packets: number;
}

/**
 * Finds the services of a device: flows of the same transport, application, reach and remote port are one service. Where the device is
 * the server, so that its own port is constant, the remote port is left open.
 * @param rows the device's packets
 */
export function findServices(trace: Trace, rows: Uint32Array): ServiceTable {
  const { flows } = trace;
  const packets = new Map<number, number>();
  const applications = new Map<number, number>();
  for (const row of rows) {
    const flow = trace.flow[row]!;
    packets.set(flow, (packets.get(flow) ?? 0) + 1);
    applications.set(flow, (applications.get(flow) ?? 0) | (trace.protocols[row]! & APPLICATIONS));
  }

  const byKey = new Map<string, Candidate>();
  for (const [flow, count] of packets) {
    const [remote, local] = [flows.remotePort[flow]!, flows.localPort[flow]!];
    const isServer = remote >= FIRST_EPHEMERAL && local > 0 && local < FIRST_EPHEMERAL;
    const key = JSON.stringify([...linkOf(trace, flow), isServer ? -local : remote, applications.get(flow)!]);
    const candidate = byKey.get(key);
    if (!candidate) byKey.set(key, { key, flows: [flow], packets: count });
    else {
      candidate.flows.push(flow);
      candidate.packets += count;
    }
  }
  // The most used come first; those beyond the limit lose their port.
  const ranked = [...byKey.values()].sort((a, b) => b.packets - a.packets || (a.key < b.key ? -1 : 1));
  const rest = new Map<string, Candidate>();
  for (const candidate of ranked.splice(MOST_SERVICES)) {
    const key = JSON.stringify((JSON.parse(candidate.key) as unknown[]).slice(0, 4));
    const into = rest.get(key);
    if (into) into.flows.push(...candidate.flows);
    else rest.set(key, candidate);
  }

  const ofFlow = new Int32Array(flows.count).fill(-1);
  const services = [...ranked, ...rest.values()].map((candidate, index) => {
    for (const flow of candidate.flows) ofFlow[flow] = index;
    return describe(trace, candidate.flows);
  });
  return { services, ofFlow };
}

type Reach = FittedService['reach'];

/** The properties that flows of one service share. */
function linkOf({ flows }: Trace, flow: number): [transport: number, ip: 0 | 4 | 6, reach: Reach, header: number] {
  const remote = flows.addresses[flows.remoteAddress[flow]!]!;
  const local = flows.addresses[flows.localAddress[flow]!]!;
  const scope = scopeOf(remote);
  const hasIp = scope !== 'none' || scopeOf(local) !== 'none';
  const ip = hasIp ? (isIPv6(remote) || isIPv6(local) ? 6 : 4) : 0;
  const reach = flows.wan[flow] === 1 ? 'internet' : !hasIp ? 'link' : scope === 'group' ? 'group' : 'lan';
  return [flows.transport[flow]!, ip, reach, flows.header[flow]!];
}

function describe(trace: Trace, members: readonly number[]): FittedService {
  const { flows } = trace;
  const [transport, ipVersion, reach, linkHeaderBytes] = linkOf(trace, members[0]!);
  const same = (ports: Uint16Array) =>
    members.every((f) => ports[f] === ports[members[0]!]) ? ports[members[0]!]! : null;
  const remotePort = same(flows.remotePort);
  const local = same(flows.localPort);
  const isSteady = local !== null && (members.length > 1 || local < FIRST_EPHEMERAL);
  const hosts = new Map<number, number>();
  for (const f of members) hosts.set(flows.remoteAddress[f]!, (hosts.get(flows.remoteAddress[f]!) ?? 0) + 1);
  const counts = [...hosts.values()].sort((a, b) => b - a).slice(0, MOST_HOSTS);
  const sum = counts.reduce((total, n) => total + n, 0);
  const name = [
    TRANSPORTS[transport] ?? `ip ${transport}`,
    ...(remotePort ? [remotePort] : local ? [`from ${local}`] : []),
    ...(reach === 'link' ? [] : [reach]),
    ...(ipVersion === 6 ? ['ipv6'] : []),
  ].join(' ');
  return {
    name,
    transport,
    ipVersion,
    reach,
    remotePort,
    localPort: isSteady ? local : null,
    linkHeaderBytes,
    hostShares: counts.map((n) => Number((n / sum).toPrecision(3))),
  };
}
