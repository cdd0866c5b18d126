import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { serialize } from 'node:v8';
import type { TunnelStatistics } from '../live/tunnel/statistics.js';
import type { LiveFigures, ResolvedDefense, Spread } from '../result/result.js';
import { InputError } from '../shared/errors.js';
import type { OnProgress } from '../shared/progress.js';
import type { Trace } from '../trace/trace.js';
import { type Actor, startActor } from './actor.js';
import { type Certificate, createCertificate, createKey } from './certificate.js';
import type { EndMessage, EndOrder, EndReport } from './end-process.js';
import type { Host } from './namespaces.js';
import { type NoisePlan, openNoise } from './noise-maker.js';
import type { PlayerMessage, PlayerOrder, PlayerReport } from './player.js';
import { type Recorder, startRecorder } from './recorder.js';
import { OPENING, type Script } from './script.js';
import {
  createStage,
  GATEWAY_ADDRESS,
  INTERNET_ADDRESS,
  openVpn,
  type Stage,
  VPN_ADDRESS,
  VPN_PORT,
  type Vpn,
  WAN,
} from './stage.js';
import { type Recorded, readOutside, readTunnelled, type Timing } from './truth.js';

export interface LabOptions {
  readonly script: Script;
  /** Seconds of the script in one real second. */
  readonly speed: number;
  /** Whether all traffic goes through a VPN. Where `shaping` is given, it runs at the ends of a live tunnel that carries the VPN. */
  readonly vpn: boolean;
  readonly shaping?: ResolvedDefense;
  /** Noise from a browser in the home. */
  readonly noise?: NoisePlan;
  /** Traffic that a defense learns from. */
  readonly training: Trace | null;
  /** Files of the plug-ins that defenses come from. */
  readonly plugins: readonly string[];
  readonly seed: number;
  readonly onProgress?: OnProgress;
  readonly detail: string;
  readonly signal?: AbortSignal;
}

export interface LabRun {
  readonly recorded: Recorded;
  readonly figures: LiveFigures;
}

/** Seconds that processes get before the first message. */
const READY = 0.5;
/** Seconds to wait at the end of the script for packets under way, and longest further wait for packets that are held. */
const SETTLE = 0.3;
const LONGEST_DRAIN = 30;
/** Bytes captured of each packet: headers, and enough payload to recognise TLS, HTTP and DNS. */
const SNAPLEN = 192;
const END_PORT = 51_900;
const ENTRY_PORT = 51_821;
/** Bytes that may wait in a tunnel: so many that a defense which delays packets for long shows that cost, and loses none. */
const QUEUE = 1e8;
export const PLAIN_VPN_MTU = 1420;
/** MTU with which a full packet leaves in one frame of the tunnel; see docs/tunnel.md. */
export const TUNNELLED_VPN_MTU = 1400;

/** Seconds that it takes to play a script, without setting up the lab. */
export const playingTime = ({ seconds }: Script, speed: number): number => READY + (OPENING + seconds) / speed + SETTLE;

/**
 * Plays a script in the lab under a defense, and captures outside the gateway. The lab is removed when this returns.
 * @throws InputError where a process of the lab fails
 */
export async function runLab(options: LabOptions): Promise<LabRun> {
  const { script, speed, vpn, shaping, noise, signal } = options;
  signal?.throwIfAborted();
  const folder = mkdtempSync(join(tmpdir(), 'homeveil-lab-'));
  let stage: Stage | null = null;
  const clean = (): void => {
    stage?.close();
    rmSync(folder, { recursive: true, force: true });
  };
  // Ctrl-C ends the process through its exit handlers.
  process.once('exit', clean);
  try {
    stage = createStage(script);
    const maker = noise ? await openNoise(stage, noise, folder) : null;
    const players = await startPlayers(stage, options, folder);
    const ends = shaping ? await startEnds(stage, options, shaping, folder) : null;
    const tunnel = vpn ? stage.vpn : null;
    if (tunnel) {
      openVpn(stage, ends?.entry ?? `${INTERNET_ADDRESS}:${VPN_PORT}`, ends ? TUNNELLED_VPN_MTU : PLAIN_VPN_MTU);
    }
    const recorders = await startRecorders(stage, tunnel, folder);
    const start = Date.now() + (READY + OPENING / speed) * 1000;
    for (const player of players) player.send({ type: 'begin', start } satisfies PlayerMessage);
    await maker?.begin(start);
    await played(options, start);
    await maker?.stop();
    await drained(ends, signal);
    const seconds = (Date.now() - start) / 1000;
    const lost = (await Promise.all(recorders.map((recorder) => recorder.stop()))).reduce((a, b) => a + b, 0);
    const reports = await Promise.all(players.map((player) => player.ask<PlayerReport>({ type: 'stop' })));
    const statistics = ends ? await ends.stop() : null;
    const timing: Timing = { script, start: start / 1000, speed };
    const files = recorders.map(({ file }) => file) as [string, string, string];
    const recorded = tunnel
      ? await readTunnelled(
          {
            wire: files[0],
            entered: [files[1], files[2]],
            port: ends ? END_PORT : VPN_PORT,
            gateway: GATEWAY_ADDRESS,
            own: VPN_ADDRESS,
            logs: ends?.logs ?? null,
          },
          timing,
        )
      : await readOutside(files[0], timing, GATEWAY_ADDRESS);
    const tunnelled = statistics && summarizeTunnel(statistics);
    return {
      recorded,
      figures: { ...summarize(reports, speed), seconds, lost, strangers: recorded.strangers, tunnel: tunnelled },
    };
  } finally {
    process.off('exit', clean);
    clean();
  }
}

/** The worst of several spreads, figure by figure. */
function worst(spreads: readonly Spread[]): Spread {
  const most = (of: keyof Spread): number | null => {
    const known = spreads.map((spread) => spread[of]).filter((value) => value !== null);
    return known.length === 0 ? null : Math.max(...known);
  };
  return { p50: most('p50'), p95: most('p95'), p99: most('p99'), max: most('max') };
}

/** @param reports of the devices, and then of the servers */
function summarize(reports: readonly PlayerReport[], speed: number) {
  const sum = (some: readonly PlayerReport[], of: (report: PlayerReport) => number) =>
    some.reduce((total, report) => total + of(report), 0);
  return {
    speed,
    connections: {
      opened: sum(reports.slice(0, -1), ({ opened }) => opened),
      failed: sum(reports, ({ failed }) => failed),
    },
    messages: sum(reports, ({ sent }) => sent),
    late: worst(reports.map(({ late }) => late)),
    problems: reports.flatMap(({ problems }) => problems),
  };
}

const summarizeTunnel = (ends: readonly TunnelStatistics[]): LiveFigures['tunnel'] => ({
  late: worst(ends.map(({ late }) => late)),
  stalls: ends.reduce((sum, { stalls }) => sum + stalls, 0),
});

/** Starts the devices with TCP timestamps and without, and then the servers. */
async function startPlayers(stage: Stage, { script, speed }: LabOptions, folder: string): Promise<Actor[]> {
  const file = join(folder, 'script');
  writeFileSync(file, serialize(script));
  const greetings = [...new Set(script.parts.filter(({ speech }) => speech === 'tls').map(({ greeting }) => greeting))];
  const key = await createKey();
  const certificates = await Promise.all(greetings.map((greeting) => createGreeting(greeting, key)));
  const order = (role: PlayerOrder['role'], isOwn: (timestamps: boolean) => boolean): PlayerOrder => ({
    ...{ role, script: file, speed, addresses: stage.addresses },
    parts: [...script.parts.keys()].filter((i) => isOwn(script.parts[i]!.timestamps)),
    certificates: role === 'servers' ? certificates : [],
  });
  const orders = [
    { host: stage.devices.timestamps, order: order('devices', (timestamps) => timestamps) },
    { host: stage.devices.plain, order: order('devices', (timestamps) => !timestamps) },
    { host: stage.internet, order: order('servers', () => true) },
  ].filter(({ order: { parts } }) => parts.length > 0);
  return Promise.all(
    orders.map(async ({ host, order: asked }) => {
      const actor = startActor(host, './player.js');
      await actor.ask(asked);
      return actor;
    }),
  );
}

/** Bytes of a server's first flight of TLS 1.2 besides its certificate: hello, key exchange and headers, with RSA of 2048 bits. */
const BESIDE_CERTIFICATE = 460;

async function createGreeting(greeting: number, key: string): Promise<Certificate & { greeting: number }> {
  return { greeting, ...(await createCertificate(['lab.test'], greeting - BESIDE_CERTIFICATE, key)) };
}

async function startRecorders(stage: Stage, vpn: Vpn | null, folder: string): Promise<Recorder[]> {
  const record = (host: Host, name: string, file: string, filter?: string) =>
    startRecorder(host, name, join(folder, `${file}.pcap`), { snaplen: SNAPLEN, filter });
  return Promise.all([
    record(stage.gateway, WAN, 'wan', vpn ? 'udp' : undefined),
    ...(vpn
      ? [
          record(stage.gateway, vpn.home, 'home', `src host ${VPN_ADDRESS}`),
          record(stage.internet, vpn.far, 'far', `dst host ${VPN_ADDRESS}`),
        ]
      : []),
  ]);
}

/** Both ends of the live tunnel that carries the VPN. */
interface Ends {
  /** Address and port that the VPN's home end sends to. */
  readonly entry: string;
  readonly logs: readonly [string, string];
  /** Bytes that wait in both ends. */
  held(): Promise<number>;
  stop(): Promise<TunnelStatistics[]>;
}

async function startEnds(stage: Stage, options: LabOptions, defense: ResolvedDefense, folder: string): Promise<Ends> {
  const { training, plugins, seed, speed } = options;
  const learnt = training && join(folder, 'training');
  if (learnt) writeFileSync(learnt, serialize(training));
  const logs = [join(folder, 'home.log'), join(folder, 'far.log')] as const;
  const common = {
    secret: randomBytes(32).toString('hex'),
    defense,
    plugins,
    training: learnt,
    seed,
    mtu: 1500,
    speed,
    queue: QUEUE,
  };
  const places = {
    far: { listen: { host: INTERNET_ADDRESS, port: END_PORT }, forward: { host: '127.0.0.1', port: VPN_PORT } },
    home: { listen: { host: '127.0.0.1', port: ENTRY_PORT }, peer: { host: INTERNET_ADDRESS, port: END_PORT } },
  };
  const start = async (host: Host, order: EndOrder): Promise<Actor> => {
    const actor = startActor(host, './end-process.js');
    const report = await actor.ask<EndReport>(order);
    if (report.type === 'failed') throw new InputError(report.message);
    return actor;
  };
  stage.gateway.run('ip', 'link', 'set', 'lo', 'up');
  const far = await start(stage.internet, { ...common, ...places.far, log: logs[1] });
  const home = await start(stage.gateway, { ...common, ...places.home, log: logs[0] });
  const ask = async <T extends EndReport['type']>(type: EndMessage['type']) => {
    const reports = await Promise.all([home, far].map((end) => end.ask<EndReport>({ type } satisfies EndMessage)));
    const failed = reports.find((report) => report.type === 'failed');
    if (failed) throw new InputError(`live: ${failed.message}`);
    return reports as Extract<EndReport, { type: T }>[];
  };
  return {
    entry: `127.0.0.1:${ENTRY_PORT}`,
    logs,
    held: async () => (await ask<'held'>('held')).reduce((sum, { bytes }) => sum + bytes, 0),
    stop: async () => (await ask<'report'>('stop')).map(({ statistics }) => statistics),
  };
}

/** Waits until the script has been played. */
async function played({ script, speed, onProgress, detail, signal }: LabOptions, start: number): Promise<void> {
  for (;;) {
    signal?.throwIfAborted();
    const done = ((Date.now() - start) / 1000) * speed;
    if (done >= script.seconds) return;
    onProgress?.({ task: 'live', detail, done: Math.max(0, done), total: script.seconds, unit: 's' });
    await pause(Math.min(250, ((script.seconds - done) / speed) * 1000 + 1));
  }
}

/** Waits until the ends of the tunnel hold no packets back. */
async function drained(ends: Ends | null, signal: AbortSignal | undefined): Promise<void> {
  await pause(SETTLE * 1000);
  const until = Date.now() + LONGEST_DRAIN * 1000;
  while (ends && Date.now() < until && (await ends.held()) > 0) {
    signal?.throwIfAborted();
    await pause(100);
  }
}
