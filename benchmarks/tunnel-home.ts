/**
 * Measures how well an observer identifies the devices of a home behind a VPN whose datagrams go through the live tunnel: the ten IoT devices of the synthetic
 * home are put behind WireGuard (in simulation), its datagrams are replayed in both directions, faster than they were, through two
 * ends on loopback, and tcpdump captures between them. tshark reads the capture; forest and BLSTM are trained on the first 60 % of it and tested on the rest.
 * Run as root: node dist/benchmarks/tunnel-home.js [defense] [hours] [times as fast] [attacks]
 */
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { scoreModel } from '../src/harness/observer/evaluate.js';
import { attackOf, builtIns, prepareAll, resolveAttack, resolveDefense } from '../src/harness/plugins/registry.js';
import { generateHome } from '../src/home/home.js';
import { buildWindows, thinWindows } from '../src/learning/build-windows.js';
import { splitAt, splitValidation } from '../src/learning/split.js';
import type { Windows } from '../src/learning/windows.js';
import { now } from '../src/live/tunnel/alarm.js';
import { openTunnelEnd } from '../src/live/tunnel/end.js';
import { OUTER_HEADERS, type Segment } from '../src/live/tunnel/frame.js';
import { createQuantiles } from '../src/live/tunnel/statistics.js';
import { tunnelDefense } from '../src/shaping/kit/tunnel.js';
import { shape } from '../src/shaping/simulate.js';
import { createRng } from '../src/shared/rng.js';
import { createTraceBuilder, filterPackets, NO_DEVICE, Protocol, type Trace } from '../src/trace/trace.js';

const [
  label = 'constant-rate:size=1514,interval=0.004',
  hours = '0.5',
  speed = '10',
  attacks = 'random-forest blstm:epochs=8',
] = process.argv.slice(2);
const MOST = 40_000;
const WINDOW = 100;
/** MTU of WireGuard inside the tunnel; see docs/tunnel.md. */
const WIREGUARD_MTU = 1400;

/** The home as WireGuard would send it: a row for each datagram. */
function behindWireGuard(): Trace {
  const home = generateHome({ hours: Number(hours), seed: 1 });
  // Without phones and tablets, one of whose downloads would be most of so short a time.
  const crossing = filterPackets(
    home,
    (row) => home.flows.wan[home.flow[row]!] === 1 && home.devices[home.device[row]!]!.category === 'iot',
  );
  return shape(crossing, tunnelDefense, { tunnel: 'wireguard', mtu: WIREGUARD_MTU }, { rng: createRng(1) }).trace;
}

const bound = async (socket: Socket): Promise<number> => {
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket.address().port;
};

/** The row of the datagram that a frame carries most of; -1 for cover. */
function rowOf(segments: readonly Segment[] | null): number {
  let most: Segment | undefined;
  for (const segment of segments ?? []) if (!(most && most.bytes >= segment.bytes)) most = segment;
  return most ? Buffer.from(most.datagram.payload).readUInt32BE() : -1;
}

/** Replays `home` through two ends and captures between them. @returns what was captured, with the truth */
async function replay(home: Trace, file: string): Promise<Trace> {
  const resolved = resolveDefense(label);
  const secret = randomBytes(32);
  // Inbound, outbound: the row that each frame carries, in the order in which they left.
  const carried: [number[], number[]] = [[], []];
  const vpn = createSocket('udp4');
  const client = createSocket('udp4');
  const forward = { host: '127.0.0.1', port: await bound(vpn) };
  await bound(client);
  const prepared = () => prepareAll(resolved, { trace: null, rng: createRng(1) }, builtIns);
  const listen = { host: '127.0.0.1', port: 0 };
  const common = { secret, queue: 1e8, mtu: 1500 };
  const far = await openTunnelEnd({
    ...{ ...common, listen, forward, defenses: await prepared() },
    onSent: (segments) => carried[0].push(rowOf(segments)),
  });
  const outer = far.listening.port;
  const near = await openTunnelEnd({
    ...{
      ...common,
      listen: { host: '127.0.0.1', port: 0 },
      peer: { host: '127.0.0.1', port: outer },
      defenses: await prepared(),
    },
    onSent: (segments) => carried[1].push(rowOf(segments)),
  });
  const tcpdump = spawn(
    'tcpdump',
    ['-i', 'lo', '-s', '64', '-B', '16384', '--immediate-mode', '-Z', 'root', '-w', file, `udp port ${outer}`],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  await once(tcpdump.stderr, 'data');
  // It says so before it captures.
  await pause(1000);

  let back: { port: number; address: string } | null = null;
  vpn.on('message', (_, from) => {
    back = from;
  });
  // As a handshake would, so that the far end's VPN knows where to send; row 0 is outbound for it.
  const hello = Buffer.alloc(148);
  hello.writeUInt32BE(0xffff_ffff);
  while (!back) {
    client.send(hello, near.listening.port, '127.0.0.1');
    await pause(200);
  }
  const { port, address } = back as { port: number; address: string };
  const start = now() + 0.5;
  const began = home.time[0]!;
  for (let row = 0; row < home.packets; ) {
    const due = start + (home.time[row]! - began) / Number(speed);
    if (due > now()) await pause(Math.max(1, (due - now()) * 1000));
    for (; row < home.packets && start + (home.time[row]! - began) / Number(speed) <= now(); row++) {
      const payload = Buffer.alloc(home.length[row]! - OUTER_HEADERS);
      payload.writeUInt32BE(row);
      if (home.direction[row] === 1) client.send(payload, near.listening.port, '127.0.0.1');
      else vpn.send(payload, port, address);
    }
  }
  while (near.statistics().held + far.statistics().held > 0) await pause(100);
  await pause(300);
  const figures = near.statistics();
  for (const one of [near, far, client, vpn]) one.close();
  await pause(1500);
  tcpdump.kill('SIGINT');
  await once(tcpdump, 'exit');
  const { late, spacing, lost, stalls } = figures;
  console.log(JSON.stringify({ end: 'home', sent: figures.sent, late, spacing, lost, stalls }));
  return readCapture(home, file, outer, carried);
}

function readCapture(home: Trace, file: string, outer: number, carried: readonly [number[], number[]]): Trace {
  const { stdout } = spawnSync(
    'tshark',
    ['-r', file, '-T', 'fields', '-e', 'frame.time_epoch', '-e', 'frame.len', '-e', 'udp.dstport', '-e', 'udp.srcport'],
    { encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  const builder = createTraceBuilder(home.devices);
  builder.flow({
    transport: 17,
    localPort: outer,
    remotePort: outer,
    localAddress: '192.0.2.1',
    remoteAddress: '198.51.100.1',
    wan: true,
    header: 14,
  });
  const flows = new Set<string>();
  const lengths = new Set<number>();
  const next = [0, 0];
  const last = [Number.NaN, Number.NaN];
  const spacing = [createQuantiles(1 << 20), createQuantiles(1 << 20)];
  for (const line of stdout.trim().split('\n')) {
    const [at, bytes, to, from] = line.split('\t').map(Number);
    const direction = to === outer ? 1 : 0;
    const row = carried[direction][next[direction]!++];
    if (row === undefined) throw new Error('more frames captured than sent');
    flows.add([to, from].sort().join('-'));
    lengths.add(bytes!);
    if (!Number.isNaN(last[direction])) spacing[direction]!.add(at! - last[direction]!);
    last[direction] = at!;
    const isCover = row < 0 || row >= home.packets;
    builder.push({
      time: at!,
      length: bytes!,
      direction,
      protocols: Protocol.IP | Protocol.UDP,
      port: outer,
      flow: 0,
      device: isCover ? NO_DEVICE : home.device[row]!,
      cover: isCover ? 1 : 0,
    });
  }
  const missed = carried.map((rows, direction) => rows.length - next[direction]!);
  if (missed.some((count) => count > 0)) throw new Error(`${missed} frames were not captured: the truth does not fit`);
  console.log(
    JSON.stringify({
      judge: 'tshark',
      frames: builder.packets,
      flows: flows.size,
      lengths: lengths.size > 5 ? lengths.size : [...lengths],
      spacingIn: spacing[0]!.spread(),
      spacingOut: spacing[1]!.spread(),
    }),
  );
  return builder.build();
}

/** Columns hidden from an attack, to show what the others reveal. */
interface Blind {
  readonly hidden: readonly ('interval' | 'direction')[];
  /** Frames of the test get the intervals of others, of any or of the same direction; the loss shows what intervals reveal. */
  readonly shuffled?: 'all' | 'by direction';
}

async function identify(trace: Trace, text: string, { hidden, shuffled }: Blind = { hidden: [] }): Promise<void> {
  const hide = (windows: Windows): Windows => {
    for (const column of hidden) windows.packets[column].fill(0);
    return windows;
  };
  const rng = createRng(1, 'shuffle');
  const shuffle = (windows: Windows): Windows => {
    const { interval, direction } = windows.packets;
    const rows = [...interval.keys()];
    const groups =
      shuffled === 'all' ? [rows] : shuffled ? [0, 1].map((one) => rows.filter((row) => direction[row] === one)) : [];
    for (const group of groups) {
      for (let i = group.length - 1; i > 0; i--) {
        const [a, b] = [group[i]!, group[rng.integer(0, i)]!];
        [interval[a], interval[b]] = [interval[b]!, interval[a]!];
      }
    }
    return windows;
  };
  // By time, not by packets, so that all defenses are tested on the same of the home.
  const [first, last] = [trace.time[0]!, trace.time.at(-1)!];
  const { train: all, test } = splitAt(trace, first + 0.6 * (last - first));
  const counts = (part: Trace) => {
    const found = new Map<string, number>();
    for (let i = 0; i < part.packets; i++) {
      const name = part.cover[i] === 1 ? undefined : part.devices[part.device[i]!]?.name;
      if (name) found.set(name, (found.get(name) ?? 0) + 1);
    }
    return found;
  };
  const [before, after] = [counts(all), counts(test)];
  const classes = [...before.keys()].filter((name) => before.get(name)! >= WINDOW && (after.get(name) ?? 0) >= WINDOW);
  const attack = resolveAttack(text);
  const plugin = attackOf(attack, builtIns);
  const { train, test: validation } = splitValidation(all, 0.15, 'time');
  const windowing = { size: WINDOW, mix: 'home', port: 'service' } as const;
  const coverClass = trace.cover.includes(1);
  const windowsOf = (part: Trace, stride: number) =>
    hide(thinWindows(buildWindows(part, { ...windowing, stride, classes, coverClass }).windows, MOST));
  const windows = windowsOf(plugin.validates ? train : all, WINDOW / 4);
  const identifier = await plugin.fit(windows, windowsOf(validation, WINDOW), {
    parameters: attack.parameters as never,
    rng: createRng(1, 'attack'),
    threads: 2,
  });
  const commonest = highest(classes.map((name) => before.get(name)!));
  const { identification } = await scoreModel(
    {
      identifier: { predict: (shown) => identifier.predict(hide(shuffle(shown))) },
      classes: windows.classes,
      commonest,
      threshold: null,
      windowing,
    },
    test,
    classes,
    1,
  );
  const { accuracy, accuracyLow, accuracyHigh, majority, chance } = identification;
  // The best constant answer for each direction: what frames that all look the same still say; and that of the training.
  const byDirection = (part: Trace) =>
    [0, 1].map((direction) => known(counts(filterPackets(part, (row) => part.direction[row] === direction))));
  const known = (found: Map<string, number>) => classes.map((name) => found.get(name) ?? 0);
  const scored = known(after).reduce((a, b) => a + b, 0);
  const [learnt, met] = [byDirection(all), byDirection(test)];
  const directional = met.reduce((sum, found) => sum + Math.max(...found), 0) / scored;
  const priorByDirection = met.reduce((sum, found, direction) => sum + found[highest(learnt[direction]!)]!, 0) / scored;
  // The commonest device of the training: what an attack answers that learns nothing.
  const prior = known(after)[commonest]! / scored;
  console.log(
    JSON.stringify({
      attack: text,
      hidden,
      shuffled,
      defense: label,
      devices: classes.length,
      scored,
      accuracy,
      accuracyLow,
      accuracyHigh,
      majority,
      prior,
      priorByDirection,
      directional,
      chance,
    }),
  );
}

function highest(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}

const folder = mkdtempSync(join(tmpdir(), 'homeveil-benchmark-'));
try {
  const trace = await replay(behindWireGuard(), join(folder, 'wire.pcap'));
  for (const attack of attacks.split(' ')) await identify(trace, attack);
  // By what: frames of one length and one flow still have a direction and a time.
  const blinds: Blind[] = [
    { hidden: ['interval'] },
    { hidden: [], shuffled: 'all' },
    { hidden: ['direction'] },
    { hidden: ['direction'], shuffled: 'by direction' },
    { hidden: ['direction'], shuffled: 'all' },
    { hidden: ['interval', 'direction'] },
  ];
  for (const blind of blinds) await identify(trace, 'random-forest', blind);
} finally {
  rmSync(folder, { recursive: true });
}
