/**
 * How fast traces go through defenses: packets per second (frames that come out, where a timer decides how many), and the time in
 * multiples of copying the trace's columns, which is the least that anything with a trace for its result can take. And what
 * a defense holds in memory beside the columns that go in and come out, for a trace and for one eight times as long.
 * Run: node dist/benchmarks/shaping.js [packets]
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import jitter from '../defenses/jitter.js';
import netshaper from '../defenses/netshaper.js';
import none from '../defenses/none.js';
import pad from '../defenses/pad.js';
import vpn from '../defenses/vpn.js';
import vpnShaping from '../defenses/vpn-shaping.js';
import type { AppliedDefense, Defense } from '../src/shaping/shaper.js';
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
const report = (name: string, seconds: number, count = PACKETS, what = 'packets/s') =>
  console.log(
    `${name.padEnd(32)} ${(count / seconds / 1e6).toFixed(2).padStart(7)} million ${what} ${(seconds / copy).toFixed(1).padStart(6)} x copy`,
  );
const apply = (defense: Defense, given: Record<string, unknown>): AppliedDefense => ({
  defense,
  parameters: resolveParameters(defense.parameters, given, defense.name),
});

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
  const applied = apply(defense, given);
  report(
    name,
    fastest(() => shapeAll(trace, [applied], { rng: createRng(1) })),
  );
}
report(
  'pad + jitter, 100 Mbit/s',
  fastest(() => shapeAll(trace, [apply(pad, {}), apply(jitter, {})], { rng: createRng(1), capacity: 1e8 })),
);

// Rates that the busy home keeps below, so that what waits is what bursts leave behind, not all that came.
const fast = { up: 1000, down: 1000 };
const timed: [string, AppliedDefense][] = [
  ['vpn-shaping, constant', apply(vpnShaping, fast)],
  ['vpn-shaping, stepped', apply(vpnShaping, { ...fast, mode: 'stepped' })],
  ['netshaper', apply(netshaper, { maximumUp: 1000, maximumDown: 1000 })],
];
for (const [name, applied] of timed) {
  let frames = 0;
  const seconds = fastest(() => {
    frames = shapeAll(trace, [applied], { rng: createRng(1) }).trace.packets;
  });
  report(name, seconds, frames, 'frames/s ');
}

/** Largest heap in use while `defense`, one shaper for the home, runs over the trace, beyond what was before, in kB; columns are not on it. */
function heapBeside(input: Trace, { defense, parameters }: AppliedDefense): number {
  const before = heapInUse();
  let most = 0;
  const watched: Defense = {
    ...defense,
    create(given, knowledge) {
      const shaper = defense.create(given, knowledge);
      return {
        packet(p, link) {
          if (p.id % Math.floor(input.packets / 20) === 0) most = Math.max(most, heapInUse());
          shaper.packet(p, link);
        },
        wake: (link) => shaper.wake!(link),
        close: (link) => shaper.close?.(link),
      };
    },
  };
  shapeAll(input, [{ defense: watched, parameters }], { rng: createRng(1) });
  return (most - before) / 1000;
}

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');
function heapInUse(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

const short = busyHome(PACKETS / 8);
for (const [name, applied] of timed) {
  heapBeside(short, applied);
  const [once, eight] = [short, trace].map((input) => heapBeside(input, applied).toFixed(0));
  console.log(`${`${name}, memory`.padEnd(32)} ${once} kB beside the columns, ${eight} kB for eight times the packets`);
}
