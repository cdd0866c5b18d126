import type { Rng } from '../shared/rng.js';
import {
  createTraceBuilder,
  Direction,
  type FlowRow,
  Protocol,
  type Trace,
  type TraceBuilder,
} from '../trace/trace.js';

/** A kind of flow of the made-up home: whose, how addressed, and which frames it is made of. */
interface FlowKind extends FlowRow {
  readonly device: number;
  /** Values of the `protocols` column that its frames have. */
  readonly protocols: readonly number[];
  /** Frame lengths in bytes. A length that stands twice is twice as frequent. */
  readonly outbound: readonly number[];
  readonly inbound: readonly number[];
}

const { IP, TCP, UDP, TLS, HTTP, DNS, OTHER } = Protocol;
const DEVICES = ['camera', 'plug', 'speaker', 'hub'].map((name) => ({ name, category: 'iot' as const }));

function flowKind(
  device: number,
  { transport, remotePort }: Pick<FlowRow, 'transport' | 'remotePort'>,
  protocols: readonly number[],
  outbound: readonly number[],
  inbound: readonly number[],
  more: Partial<FlowRow> = {},
): FlowKind {
  return {
    device,
    transport,
    remotePort,
    protocols,
    outbound,
    inbound,
    localPort: remotePort === 0 ? 0 : 40_000 + device * 100 + (remotePort % 100),
    localAddress: `192.168.1.${10 + device}`,
    remoteAddress: `198.51.100.${1 + device}`,
    wan: true,
    header: 14,
    ...more,
  };
}

const tcp = (remotePort: number) => ({ transport: 6, remotePort });
const udp = (remotePort: number) => ({ transport: 17, remotePort });

/** Lengths recur, as those of devices do; both directions, headers of all kinds, and what never leaves the home. */
const FLOWS: readonly FlowKind[] = [
  flowKind(0, tcp(443), [IP | TCP, IP | TCP | TLS], [1514, 1514, 1514, 1230, 66], [66, 66, 120]),
  flowKind(0, udp(53), [IP | UDP | DNS], [74, 82], [90, 138, 154]),
  flowKind(1, tcp(8883), [IP | TCP, IP | TCP | TLS], [60, 107, 131], [60, 60, 107]),
  flowKind(1, udp(123), [IP | UDP], [90], [90]),
  flowKind(2, udp(443), [IP | UDP], [75, 1292, 83], [1292, 1292, 68, 540]),
  flowKind(2, tcp(80), [IP | TCP, IP | TCP | HTTP], [66, 310], [66, 1514, 1514, 777]),
  flowKind(3, tcp(443), [IP | TCP, IP | TCP | TLS], [74, 86, 350], [74, 86, 1434], {
    localAddress: '2001:db8:1::13',
    remoteAddress: '2001:db8:2::7',
  }),
  // Captured without a link header.
  flowKind(3, udp(5683), [IP | UDP], [40, 61], [44], { header: 0 }),
  flowKind(0, tcp(554), [IP | TCP], [60, 1400], [60, 90], { remoteAddress: '192.168.1.11', wan: false }),
  flowKind(1, { transport: 0, remotePort: 0 }, [OTHER], [60], [60], {
    localAddress: '02:00:00:00:00:01',
    remoteAddress: 'ff:ff:ff:ff:ff:ff',
    wan: false,
  }),
];
const WAN = FLOWS.flatMap((kind, flow) => (kind.wan ? [flow] : []));
const ALL = FLOWS.map((_, flow) => flow);

export interface Traffic {
  readonly name: string;
  readonly trace: Trace;
  /** bit/s of the link behind the defense. */
  readonly capacity?: number;
}

function createHome(): TraceBuilder {
  const builder = createTraceBuilder(DEVICES, ['first.pcap', 'second.pcap']);
  for (const flow of FLOWS) builder.flow(flow);
  return builder;
}

interface Chosen {
  length?: number;
  direction?: number;
  cover?: number;
  file?: number;
}

function push(builder: TraceBuilder, rng: Rng, flow: number, time: number, chosen: Chosen = {}): void {
  const { device, protocols, outbound, inbound, remotePort } = FLOWS[flow]!;
  const direction = chosen.direction ?? rng.integer(0, 1);
  const lengths = direction === Direction.OUTBOUND ? outbound : inbound;
  builder.push({
    time,
    length: chosen.length ?? pick(lengths, rng),
    direction,
    protocols: pick(protocols, rng),
    port: remotePort,
    flow,
    device,
    cover: chosen.cover ?? 0,
    file: chosen.file ?? 0,
  });
}

function pick<T>(values: readonly T[], rng: Rng): T {
  return values[rng.integer(0, values.length - 1)]!;
}

/** Seconds since the epoch, late enough that a microsecond is near the resolution of a double. */
const BEGIN = 1.7e9;

/**
 * Traffic of a made-up home: bursts of one flow each, which overlap, packets at one time, pauses of up to half a minute. A burst has some
 * eight packets, and one begins every two seconds or so.
 * @param pace how many times as fast bursts and pauses come; the packets of a burst follow each other as ever
 */
export function makeTraffic(rng: Rng, packets: number, pace = 1): Trace {
  const builder = createHome();
  let begin = BEGIN;
  while (builder.packets < packets) {
    begin += (rng.uniform() < 0.05 ? 30 * rng.uniform() : rng.exponential(1.5)) / pace;
    const flow = pick(ALL, rng);
    const burst = Math.min(packets - builder.packets, 1 + Math.floor(rng.exponential(8)));
    let time = begin;
    for (let i = 0; i < burst; i++) {
      push(builder, rng, flow, time);
      if (rng.uniform() > 0.15) time += rng.exponential(0.004);
    }
  }
  return builder.build();
}

/** Makes traffic without bursts or pauses that lies at an extreme of what is possible. */
export function makeEdgeTraffic(rng: Rng): Traffic[] {
  const of = (name: string, packets: number, row: (i: number) => [flow: number, time: number, chosen?: Chosen]) => {
    const builder = createHome();
    for (let i = 0; i < packets; i++) {
      const [flow, time, chosen] = row(i);
      push(builder, rng, flow, BEGIN + time, chosen);
    }
    return { name, trace: builder.build() };
  };
  const large = [9014, 65_549, 1515];
  return [
    of('no packet', 0, () => [0, 0]),
    of('one outbound packet', 1, () => [0, 0, { direction: Direction.OUTBOUND }]),
    of('one inbound packet', 1, () => [4, 0, { direction: Direction.INBOUND }]),
    of('one packet of the home alone', 1, () => [8, 0]),
    of('sixty packets at one time', 60, (i) => [i % FLOWS.length, 0]),
    of('packets in pairs at one time', 60, (i) => [WAN[i % 2]!, Math.floor(i / 2) * 0.01, { direction: i % 2 }]),
    of('jumbo frames', 40, (i) => [WAN[i % 6]!, i * 0.05, { length: large[i % large.length]! }]),
    of('frames of one byte', 40, (i) => [ALL[i % ALL.length]!, i * 0.05, { length: 1 + (i % 2) * 13 }]),
    of('frames without IP', 20, (i) => [ALL.length - 1, i * 0.2]),
    of('one packet every ten minutes', 4, (i) => [WAN[i]!, i * 600]),
    of('cover among the packets', 80, (i) => [WAN[i % 6]!, i * 0.03, { cover: i % 3 === 0 ? 1 : 0 }]),
    of('two files', 40, (i) => [WAN[i % 6]!, i, { file: i < 20 ? 0 : 1 }]),
  ];
}
