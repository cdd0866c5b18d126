import { InputError } from '../../shared/errors.js';
import { createRng, type Rng } from '../../shared/rng.js';
import { Direction, type PacketRow, PROTOCOL_NAMES, type TraceBuilder } from '../../trace/trace.js';
import { highest, valueAt } from './distribution.js';
import type { FittedChannel, FittedDevice, FittedService } from './profile.js';
import { createWalk } from './walk.js';

/** Most packets of a channel, as a multiple of the expected number, and a number that is always allowed. */
const RUNAWAY = 100;
const FEWEST_BOUND = 2e6;
const ICMP = 1;
const FIRST_PORT = 32_768;
const LAST_PORT = 60_999;
/** Longest time that a channel runs before the observed span. */
const LONGEST_WARM_UP_SECONDS = 86_400;

/** The trace that packets go to, and the observed span of time. */
export interface FittedScene {
  readonly trace: TraceBuilder;
  /** Seconds since the Unix epoch. */
  readonly from: number;
  readonly to: number;
  readonly seed: number | string;
}

/** Generates the packets of one device, row `index` of the trace's devices. */
export function generateDevice(device: FittedDevice, index: number, scene: FittedScene): void {
  const chance = createRng(scene.seed, 'fitted', device.name);
  for (const [c, channel] of device.channels.entries()) {
    const open = device.services.map((service, s) =>
      createFlows(service, index, s, scene.trace, chance.stream('flows', c, s)),
    );
    generateChannel(device.name, channel, index, open, scene, chance.stream('channel', c));
  }
}

/**
 * Generates a channel. It begins before the observed span, by one to two times its longest usual gap, so that channels do not begin
 * together. A longer run begins with the packets of a shorter one.
 */
function generateChannel(
  name: string,
  channel: FittedChannel,
  device: number,
  open: readonly Flows[],
  { trace, from, to }: FittedScene,
  rng: Rng,
): void {
  const { kinds, packets } = channel;
  const direction = kinds.map((kind) => (kind.direction === 'out' ? Direction.OUTBOUND : Direction.INBOUND));
  const protocols = kinds.map((kind) => protocolBits(kind.protocols));
  const row: PacketRow = { time: 0, length: 0, direction: 0, protocols: 0, port: 0, flow: 0, device };
  const walk = createWalk(channel, from - (1 + rng.uniform()) * warmUp(channel), rng);
  // Time may not advance in a profile that was edited by hand.
  const most = Math.max(FEWEST_BOUND, RUNAWAY * channel.packetsPerHour * ((to - from) / 3600));
  for (let steps = 0; ; steps++) {
    const k = packets[walk.step()]!.kind;
    if (walk.now >= to) return;
    if (steps > most) {
      throw new InputError(
        `${name}: expected about ${channel.packetsPerHour} packets an hour, found far more: the profile is damaged`,
      );
    }
    const { bytes, service, flow: rank } = kinds[k]!;
    const flows = open[service]!;
    // Flows that began before the observed span stay in use; they enter the table with their first observed packet.
    const flow = rank === 'new' ? flows.start() : flows.use(rank);
    if (walk.now < from) continue;
    row.time = walk.now;
    row.length = bytes.length === 1 ? bytes[0]![1] : Math.round(valueAt(bytes, rng.uniform()));
    row.direction = direction[k]!;
    row.protocols = protocols[k]!;
    row.flow = flows.row(flow);
    row.port = flows.remotePort(flow);
    trace.push(row);
  }
}

/** The longest gap of those packets that are at least one in a thousand, but a day at most. */
function warmUp({ packets }: FittedChannel): number {
  const total = packets.reduce((sum, { count }) => sum + count, 0);
  const usual = packets.filter(({ count }) => count * 1000 >= total);
  return Math.min(LONGEST_WARM_UP_SECONDS, Math.max(1, ...usual.map(({ gapSeconds }) => highest(gapSeconds))));
}

function protocolBits(names: readonly string[]): number {
  return names.reduce((bits, name) => bits | (1 << (PROTOCOL_NAMES as readonly string[]).indexOf(name)), 0);
}

/** The flows of one service of one device, by number. A flow gets a row with its first observed packet. */
interface Flows {
  /** Starts a new flow. */
  start(): number;
  /** Uses a flow again: the one last used before `rank` others. */
  use(rank: number): number;
  row(flow: number): number;
  remotePort(flow: number): number;
}

const MOST_FLOWS = 8;

function createFlows(service: FittedService, device: number, index: number, trace: TraceBuilder, rng: Rng): Flows {
  const { transport, hostShares, remotePort, localPort } = service;
  const hasPorts = transport !== 0 && transport !== ICMP && (remotePort !== 0 || localPort !== 0);
  const total = hostShares.reduce((sum, share) => sum + share, 0);
  const local = service.ipVersion === 6 ? `fd48:5600::${(100 + device).toString(16)}` : homeAddress(100 + device);
  /** Newest first. */
  const recent: number[] = [];
  const flows: { host: number; localPort: number; remotePort: number; row: number }[] = [];
  /** Flows by host, where nothing else distinguishes them. */
  const steady = new Map<number, number>();
  let port = rng.integer(FIRST_PORT, LAST_PORT);
  const nextPort = () => {
    port += rng.integer(1, 4);
    if (port > LAST_PORT) port -= LAST_PORT - FIRST_PORT;
    return port;
  };
  const touch = (flow: number, rank: number) => {
    if (rank >= 0) recent.splice(rank, 1);
    recent.unshift(flow);
    if (recent.length > MOST_FLOWS) recent.pop();
    return flow;
  };
  const start = (): number => {
    let host = 0;
    for (
      let u = rng.uniform() * total - hostShares[0]!;
      u >= 0 && host < hostShares.length - 1;
      u -= hostShares[host]!
    ) {
      host++;
    }
    const near = localPort ?? (hasPorts ? nextPort() : 0);
    const far = remotePort ?? nextPort();
    if (localPort !== null && remotePort !== null) {
      const known = steady.get(host);
      if (known !== undefined) return touch(known, recent.indexOf(known));
    }
    const flow = flows.push({ host, localPort: near, remotePort: far, row: -1 }) - 1;
    if (localPort !== null && remotePort !== null) steady.set(host, flow);
    return touch(flow, -1);
  };
  return {
    start,
    use(rank) {
      if (recent.length === 0) return start();
      const at = Math.min(rank, recent.length - 1);
      const flow = recent[at]!;
      return at === 0 ? flow : touch(flow, at);
    },
    row(flow) {
      const entry = flows[flow]!;
      if (entry.row < 0) {
        entry.row = trace.flow({
          transport,
          localPort: entry.localPort,
          remotePort: entry.remotePort,
          localAddress: service.reach === 'link' ? '' : local,
          remoteAddress: remoteAddress(service, index, entry.host, device),
          wan: service.reach === 'internet',
          header: service.linkHeaderBytes,
        });
      }
      return entry.row;
    },
    remotePort: (flow) => flows[flow]!.remotePort,
  };
}

function homeAddress(host: number): string {
  return `192.168.${1 + (host >>> 8)}.${host & 255}`;
}

/** Invented addresses. Remote ones are in the ranges for benchmarks (RFC 2544, RFC 5180), which belong to nobody. */
function remoteAddress(
  { reach, ipVersion, remotePort }: FittedService,
  service: number,
  host: number,
  device: number,
): string {
  const number = ((device * 37 + service) * 64 + host) & 0x1ffff;
  switch (reach) {
    case 'internet':
      return ipVersion === 6
        ? `2001:2::${(number + 1).toString(16)}`
        : `198.${18 + (number >>> 16)}.${(number >>> 8) & 255}.${number & 255}`;
    case 'lan':
      return ipVersion === 6 ? `fd48:5600::${(2 + host).toString(16)}` : homeAddress(1 + host);
    case 'group':
      if (ipVersion === 6) return remotePort === 5353 ? 'ff02::fb' : `ff02::${(1 + host).toString(16)}`;
      if (remotePort === 67) return '255.255.255.255';
      return remotePort === 5353 ? '224.0.0.251' : remotePort === 1900 ? '239.255.255.250' : `239.255.1.${1 + host}`;
    default:
      return `02:48:56:01:00:${(host & 255).toString(16).padStart(2, '0')}`;
  }
}
