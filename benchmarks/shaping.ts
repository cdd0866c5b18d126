/**
 * How fast traces go through defenses: packets in and frames out per second, and the time in multiples of copying the trace's
 * columns, which is the least that anything with a trace for its result can take. Run: node dist/benchmarks/shaping.js [packets]
 */
import constantRate from '../defenses/constant-rate.js';
import jitter from '../defenses/jitter.js';
import none from '../defenses/none.js';
import pad from '../defenses/pad.js';
import tamaraw from '../defenses/tamaraw.js';
import vpn from '../defenses/vpn.js';
import type { Defense } from '../src/shaping/shaper.js';
import { shapeAll } from '../src/shaping/simulate.js';
import { resolveParameters } from '../src/shared/parameters.js';
import { createRng } from '../src/shared/rng.js';
import { createTraceBuilder, Protocol, type Trace, takePackets } from '../src/trace/trace.js';

const PACKETS = Number(process.argv[2] ?? 2_000_000);
const FLOWS = 5000;
const REPEATS = 5;

/** A busy home: 1000 packets/s from 20 devices, in flows of which each has its own time, in bursts of one flow. */
function busyHome(packets: number): Trace {
  const rng = createRng(1, 'benchmark');
  const devices = Array.from({ length: 20 }, (_, i) => ({ name: `device ${i}`, category: 'iot' as const }));
  const builder = createTraceBuilder(devices, ['benchmark'], packets);
  for (let i = 0; i < FLOWS; i++) {
    builder.flow({
      transport: 6,
      localPort: 1024 + i,
      remotePort: 443,
      localAddress: `192.168.1.${2 + (i % 20)}`,
      remoteAddress: '198.51.100.7',
      wan: true,
      header: 14,
    });
  }
  let time = 1.7e9;
  let flow = 0;
  for (let i = 0; i < packets; i++) {
    time += rng.exponential(0.001);
    if (rng.uniform() < 0.1) flow = Math.floor((i / packets) * (FLOWS - 50)) + rng.integer(0, 49);
    const length = rng.integer(60, 1514);
    const protocols = Protocol.IP | Protocol.TCP | Protocol.TLS;
    builder.push({ time, length, direction: rng.integer(0, 1), protocols, port: 443, flow, device: flow % 20 });
  }
  return builder.build();
}

/** Seconds of the fastest of several runs, the one that other work on the machine disturbed least, and frames of its result. */
function measure(task: () => Trace): { seconds: number; frames: number } {
  let seconds = Number.POSITIVE_INFINITY;
  let frames = 0;
  for (let i = 0; i < REPEATS; i++) {
    const start = performance.now();
    frames = task().packets;
    seconds = Math.min(seconds, (performance.now() - start) / 1000);
  }
  return { seconds, frames };
}

const trace = busyHome(PACKETS);
const rows = new Uint32Array(PACKETS).map((_, i) => i);
const copy = measure(() => takePackets(trace, rows)).seconds;

function report(name: string, task: () => Trace): void {
  const { seconds, frames } = measure(task);
  const millions = (count: number) => (count / seconds / 1e6).toFixed(2).padStart(7);
  console.log(
    `${name.padEnd(32)} ${millions(PACKETS)} million packets/s, ${millions(frames)} million frames/s ${(seconds / copy).toFixed(1).padStart(6)} x copy`,
  );
}

console.log(`${PACKETS} packets, ${FLOWS} flows, node ${process.version}, fastest of ${REPEATS} runs`);
report('copy of the columns', () => takePackets(trace, rows));

const cases: [string, Defense, Record<string, unknown>][] = [
  ['none', none, {}],
  ['pad:rule=mtu', pad, { rule: 'mtu' }],
  ['pad:rule=random', pad, { rule: 'random' }],
  ['vpn', vpn, {}],
  ['jitter', jitter, {}],
  ['jitter:distribution=batch', jitter, { distribution: 'batch' }],
  // At the pace of this home, and one device at a time with most slots empty.
  ['constant-rate:interval=0.0018', constantRate, { interval: 0.0018 }],
  ['constant-rate:per=device', constantRate, { per: 'device' }],
  ['tamaraw:inbound=outbound=0.002', tamaraw, { inbound: 0.002, outbound: 0.002, size: 1500 }],
];
for (const [name, defense, given] of cases) {
  const parameters = resolveParameters(defense.parameters, given, name);
  report(name, () => shapeAll(trace, [{ defense, parameters }], { rng: createRng(1) }).trace);
}
const padded = { defense: pad, parameters: resolveParameters(pad.parameters, {}, 'pad') };
const delayed = { defense: jitter, parameters: resolveParameters(jitter.parameters, {}, 'jitter') };
report(
  'pad + jitter, 100 Mbit/s',
  () => shapeAll(trace, [padded, delayed], { rng: createRng(1), capacity: 1e8 }).trace,
);
