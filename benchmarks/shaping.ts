/**
 * How fast traces go through defenses: packets per second, and the time in multiples of copying the trace's columns,
 * which is the least that anything with a trace for its result can take. Run: node dist/benchmarks/shaping.js [packets]
 */
import jitter from '../defenses/jitter.js';
import none from '../defenses/none.js';
import pad from '../defenses/pad.js';
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

/** Seconds of the fastest of several runs: the one that other work on the machine disturbed least. */
function fastest(task: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < REPEATS; i++) {
    const start = performance.now();
    task();
    best = Math.min(best, (performance.now() - start) / 1000);
  }
  return best;
}

const trace = busyHome(PACKETS);
const rows = new Uint32Array(PACKETS).map((_, i) => i);
const copy = fastest(() => takePackets(trace, rows));
const report = (name: string, seconds: number) =>
  console.log(
    `${name.padEnd(32)} ${(PACKETS / seconds / 1e6).toFixed(2).padStart(7)} million packets/s ${(seconds / copy).toFixed(1).padStart(6)} x copy`,
  );

console.log(`${PACKETS} packets, ${FLOWS} flows, node ${process.version}, fastest of ${REPEATS} runs`);
report('copy of the columns', copy);

const cases: [string, Defense, Record<string, unknown>][] = [
  ['none', none, {}],
  ['pad:rule=mtu', pad, { rule: 'mtu' }],
  ['pad:rule=random', pad, { rule: 'random' }],
  ['vpn', vpn, {}],
  ['jitter', jitter, {}],
  ['jitter:distribution=batch', jitter, { distribution: 'batch' }],
];
for (const [name, defense, given] of cases) {
  const parameters = resolveParameters(defense.parameters, given, name);
  report(
    name,
    fastest(() => shapeAll(trace, [{ defense, parameters }], { rng: createRng(1) })),
  );
}
const padded = { defense: pad, parameters: resolveParameters(pad.parameters, {}, 'pad') };
const delayed = { defense: jitter, parameters: resolveParameters(jitter.parameters, {}, 'jitter') };
report(
  'pad + jitter, 100 Mbit/s',
  fastest(() => shapeAll(trace, [padded, delayed], { rng: createRng(1), capacity: 1e8 })),
);
