import { isIPv4 } from 'node:net';
import { type DefendRequest, defendCaptures } from '../../harness/defend.js';
import { builtIns, type Registry } from '../../harness/plugins/registry.js';
import { InputError, UsageError } from '../../shared/errors.js';
import type { OnProgress } from '../../shared/progress.js';
import type { Rng } from '../../shared/rng.js';
import { ipv4Text } from '../../trace/addresses.js';
import { ipv4Word } from '../../trace/scope.js';
import { countCover, type Trace } from '../../trace/trace.js';
import { createFrameWriter } from '../../trace/write/frames.js';
import { interfaceFact } from '../interface.js';
import { openRawSocket, type PacketSender } from './raw-socket.js';
import { countBelow, sendOnSchedule } from './schedule.js';
import {
  formatNetwork,
  type Ipv4Network,
  isInside,
  isNobodys,
  networksOf,
  ownAddressTo,
  parseNetwork,
} from './test-network.js';
import { endsOf, toWire, type WireOptions } from './wire-trace.js';

export interface ReplayRequest extends Omit<DefendRequest, 'out' | 'writeLabels'> {
  /** IPv4 address that every packet goes to; by default packets keep their addresses. */
  readonly to?: string;
  /** Source of every packet, with `to`; by default this machine's address. */
  readonly from?: string;
  /** Interface to send through; by default as the routes say. */
  readonly interface?: string;
  /** Network of the addresses that packets may have; by default that of `interface`, or only `to` and `from`. */
  readonly network?: string;
  /** Whether to send to any address. */
  readonly force?: boolean;
  /** Speed-up: 2 sends twice as fast. */
  readonly speed?: number;
  readonly direction?: WireOptions['direction'];
  readonly coverOnly?: boolean;
  /** Seconds of the trace to send; all by default. */
  readonly seconds?: number;
}

export interface ReplayResult {
  readonly defense: string;
  readonly view: string;
  readonly seed: number;
  readonly interface: string | null;
  readonly to: string | null;
  readonly network: readonly string[];
  readonly speed: number;
  readonly planned: {
    readonly packets: number;
    readonly cover: number;
    readonly bytes: number;
    readonly seconds: number;
  };
  readonly sent: { readonly packets: number; readonly bytes: number; readonly seconds: number };
  /** Packets of the trace that cannot be sent, by reason. */
  readonly leftOut: Readonly<Record<string, number>>;
  /** Frames of the trace that were sent as several packets. */
  readonly merged: number;
  /** Packets that the system refused, by its reason. */
  readonly refused: Readonly<Record<string, number>>;
  /** Seconds between the due time of a packet and its handing over to the system; null where none was sent. */
  readonly late: {
    readonly p50: number | null;
    readonly p90: number | null;
    readonly p99: number | null;
    readonly max: number | null;
  };
  /** Packets at most `atMost` seconds late and later than the bound before; null for the rest. */
  readonly histogram: readonly { readonly atMost: number | null; readonly packets: number }[];
  readonly notes: readonly string[];
}

/** Bounds of the histogram, in seconds. */
const BOUNDS = [1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1];
const DEFAULT_MTU = 1500;
const MAX_SPEED = 1e6;
/** Milliseconds between two reports of progress. */
const TELL_EVERY = 100;
/** Milliseconds for which a packet is tried again while the system's buffer is full, and between two attempts. */
const RETRY = 20;
const RETRY_PAUSE = 0.2;

/**
 * Sends captures, under a defense, as IPv4 packets: at the times and lengths of the trace, with valid headers and made-up payloads. Ends
 * early, with the packets sent so far, when `signal` is aborted.
 * @throws UsageError and InputError before anything is sent: an address outside the test network, no right to send, an unreadable
 * capture
 */
export async function replay(
  request: ReplayRequest,
  signal: AbortSignal,
  onProgress: OnProgress = () => {},
  registry: Registry = builtIns,
): Promise<ReplayResult> {
  const {
    speed = 1,
    direction = 'both',
    coverOnly = false,
    seconds = Number.POSITIVE_INFINITY,
    force = false,
  } = request;
  if (!(speed > 0 && speed <= MAX_SPEED)) throw new UsageError(`--speed: expected a number above 0, found ${speed}`);
  const route = await findRoute(request, force);
  // A missing right to send shows before the captures are read, which may take minutes.
  const sender = openRawSocket(request.interface ?? null);
  try {
    const { defense, view, seed, defended, notes, rng } = await defendCaptures(request, onProgress, registry);
    const wire = toWire(defended.trace, { rewrite: route.rewrite, mtu: route.mtu, direction, coverOnly, seconds });
    const { trace } = wire;
    if (trace.packets === 0) {
      const reasons = Object.entries(wire.leftOut).map(([reason, count]) => `${count} with ${reason}`);
      const why = reasons.length > 0 ? ` (left out: ${reasons.join(', ')})` : '';
      throw new InputError(`${request.captures.join(', ')}: expected packets to send, found none${why}`);
    }
    const start = trace.time[0]!;
    const due = trace.time.map((time) => (time - start) / speed);
    const ends = endsOf(trace);
    if (!force) checkEnds(ends, route);
    const outcome = await sendAll({ trace, due, ends, rng }, sender, route.mtu, signal, onProgress);
    return {
      defense: defense.label,
      view: view.label,
      seed,
      interface: route.interface,
      to: request.to ?? null,
      network: route.networks.map(formatNetwork),
      speed,
      planned: {
        packets: trace.packets,
        cover: countCover(trace),
        bytes: sum(trace.length),
        seconds: due.at(-1)!,
      },
      leftOut: wire.leftOut,
      merged: wire.merged,
      ...outcome,
      notes,
    };
  } finally {
    sender.close();
  }
}

/** Packets for the wire, their times in seconds after the first, and two addresses for each. */
interface Plan {
  readonly trace: Trace;
  readonly due: Float64Array;
  readonly ends: Uint32Array;
  readonly rng: Rng;
}

async function sendAll(
  { trace, due, ends, rng }: Plan,
  sender: PacketSender,
  mtu: number,
  signal: AbortSignal,
  onProgress: OnProgress,
): Promise<Pick<ReplayResult, 'sent' | 'refused' | 'late' | 'histogram'>> {
  const fill = createFrameWriter(trace, 0, { outside: true, rng });
  const packet = Buffer.alloc(mtu);
  const addresses = new Map<number, string>();
  const refused: Record<string, number> = {};
  let [packets, bytes] = [0, 0];
  let told = performance.now();
  const send = (i: number): void => {
    const word = ends[2 * i + 1]!;
    let address = addresses.get(word);
    if (address === undefined) {
      address = ipv4Text(word);
      addresses.set(word, address);
    }
    const length = trace.length[i]!;
    const why = sendPatiently(() => sender.send(packet, length, address));
    if (why === '') {
      packets++;
      bytes += length;
    } else {
      if (i === 0) throw new InputError(`${address}: the system does not send there: ${why}`);
      refused[why] = (refused[why] ?? 0) + 1;
    }
    if (performance.now() - told < TELL_EVERY) return;
    told = performance.now();
    onProgress({ task: 'sending', done: packets, total: trace.packets, unit: 'packets' });
  };
  const { count, late, seconds } = await sendOnSchedule(due, (i) => fill(packet, 0, i), send, signal);
  const counts = countBelow(late, BOUNDS);
  late.sort();
  const rank = (percent: number) => late[Math.ceil((percent / 100) * count) - 1] ?? null;
  return {
    sent: { packets, bytes, seconds },
    refused,
    late: { p50: rank(50), p90: rank(90), p99: rank(99), max: rank(100) },
    histogram: counts.map((some, i) => ({ atMost: BOUNDS[i] ?? null, packets: some })),
  };
}

interface Route {
  readonly rewrite: WireOptions['rewrite'];
  readonly networks: readonly Ipv4Network[];
  readonly interface: string | null;
  readonly mtu: number;
}

/** Finds the addresses, networks and interface to send through. Refuses all that can be refused before the captures are read. */
async function findRoute({ to, from, interface: given, network }: ReplayRequest, force: boolean): Promise<Route> {
  if (to === undefined && given === undefined) throw new UsageError('expected --to HOST, or an interface with -i');
  if (from !== undefined && to === undefined) throw new UsageError('--from: expected --to HOST too');
  for (const [name, address] of [['--to', to] as const, ['--from', from] as const]) {
    if (address !== undefined && !isIPv4(address)) {
      throw new UsageError(`${name}: expected an IPv4 address, found "${address}"`);
    }
  }
  const own = to === undefined ? null : await ownAddressTo(to);
  const source = from ?? own?.address ?? '';
  const networks =
    network !== undefined
      ? [parseNetwork(network, '--network')]
      : given !== undefined
        ? networksOf(given)
        : [to!, ...(from === undefined ? [] : [from])].map((address) => parseNetwork(address, '--to'));
  if (!force) {
    for (const one of networks) {
      if (isNobodys(one)) continue;
      const where = network === undefined ? formatNetwork(one) : `--network ${network}`;
      throw new UsageError(
        `${where}: refused: these are addresses of the Internet, not of a test network; --force sends there all the same`,
      );
    }
    for (const address of [to, from]) {
      if (address === undefined || networks.some((one) => isInside(ipv4Word(address), one))) continue;
      const inside = networks.map(formatNetwork).join(', ');
      throw new UsageError(`${address}: refused: outside the test network ${inside} (--network, --force)`);
    }
  }
  const interfaceName = given ?? own?.interface ?? null;
  return {
    rewrite: to === undefined ? null : { from: source, to },
    networks,
    interface: interfaceName,
    mtu: mtuOf(interfaceName),
  };
}

/** @throws InputError where packets that keep their addresses would leave the test network, or claim to come from outside it */
function checkEnds(ends: Uint32Array, { rewrite, networks }: Route): void {
  if (rewrite !== null) return;
  let outside = 0;
  let example = 0;
  for (let i = 0; i < ends.length; i += 2) {
    const stray = [ends[i]!, ends[i + 1]!].find((word) => !networks.some((network) => isInside(word, network)));
    if (stray === undefined) continue;
    if (outside === 0) example = stray;
    outside++;
  }
  if (outside === 0) return;
  throw new InputError(
    `refused: ${outside} of ${ends.length / 2} packets have addresses outside the test network ` +
      `${networks.map(formatNetwork).join(', ')}, such as ${ipv4Text(example)}; --to HOST sends all of them to one host`,
  );
}

/** Sends, and tries again while the system's buffer is full. @returns '' or why the packet was not sent */
function sendPatiently(send: () => string): string {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const until = performance.now() + RETRY;
  for (;;) {
    const why = send();
    if (!/temporarily unavailable|buffer space/.test(why) || performance.now() > until) return why;
    Atomics.wait(cell, 0, 0, RETRY_PAUSE);
  }
}

/** MTU of an interface on Linux; elsewhere that of Ethernet. */
function mtuOf(interfaceName: string | null): number {
  // The loopback interface has an MTU of 65536, more than the longest IP packet.
  return Math.min(Number(interfaceFact(interfaceName, 'mtu')), 65535) || DEFAULT_MTU;
}

function sum(column: Uint32Array): number {
  let total = 0;
  for (const value of column) total += value;
  return total;
}
