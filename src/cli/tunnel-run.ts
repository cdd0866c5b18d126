import { isIPv6 } from 'node:net';
import type { CommandModule } from 'yargs';
import { loadPlugins } from '../harness/plugins/load-plugins.js';
import { defenseOf, prepareAll, resolveDefense } from '../harness/plugins/registry.js';
import type { Waiting } from '../live/tunnel/alarm.js';
import { openTunnelEnd, type TunnelEnd } from '../live/tunnel/end.js';
import { readKey } from '../live/tunnel/key.js';
import { whyNotLive } from '../live/tunnel/planned.js';
import { VERSION } from '../live/tunnel/seal.js';
import { createSecretRng } from '../live/tunnel/secret-rng.js';
import { LARGEST_MTU, type Place, SMALLEST_MTU } from '../live/tunnel/sockets.js';
import type { TunnelStatistics } from '../live/tunnel/statistics.js';
import type { Spread } from '../result/result.js';
import { scopeOfDefense } from '../shaping/shaper.js';
import { UsageError } from '../shared/errors.js';
import { parseDuration } from '../shared/quantities.js';
import { loadTrace, warningsOf } from '../trace/load.js';
import type { Duplicates } from '../trace/read/duplicates.js';
import { DUPLICATES_OPTION, LABELS } from './data-options.js';
import { interruptible } from './interrupt.js';
import { addPluginOption, type PluginOption } from './plugin-option.js';
import { createScreen, formatBytes, formatCount, formatDuration, formatPercent, table, wrap } from './terminal.js';

interface TunnelOptions extends PluginOption {
  listen: string;
  peer?: string;
  forward?: string;
  key: string;
  defense: string;
  mtu?: number;
  queue: number;
  waiting: Waiting;
  learn?: string[];
  labels?: string;
  duplicates?: Duplicates;
  for?: string;
  every: number;
  json: boolean;
}

const command: CommandModule<object, TunnelOptions> = {
  command: '$0',
  describe: 'Run one end of a live tunnel that puts a defense around a VPN',
  builder: (yargs) =>
    addPluginOption(yargs)
      .option('listen', {
        type: 'string',
        demandOption: true,
        describe: "ADDRESS:PORT, UDP: at home for the VPN's client, at the far end for the home",
      })
      .option('peer', { type: 'string', describe: 'At home: HOST:PORT of the far end' })
      .option('forward', { type: 'string', describe: "At the far end: HOST:PORT of the VPN's server" })
      .option('key', {
        type: 'string',
        demandOption: true,
        describe: 'Key file from homeveil tunnel keygen, at both ends',
      })
      .option('defense', {
        type: 'string',
        demandOption: true,
        describe: 'name:key=value,...; a+b composes; the same at both ends',
      })
      .option('mtu', { type: 'number', describe: "Longest IP packet of the path  [the interface's, at most 1500]" })
      .option('queue', { type: 'number', default: 1000, describe: 'kB that may wait here; what comes then is lost' })
      .option('waiting', {
        choices: ['sleep', 'spin'] as const,
        default: 'sleep' as const,
        describe: 'spin: more exact times, for up to a whole core',
      })
      .option('learn', { type: 'string', array: true, nargs: 1, describe: 'Captures that the defense may learn from' })
      .option('labels', { type: 'string', describe: `For --learn: ${LABELS}  [each host is a device]` })
      .option('duplicates', { ...DUPLICATES_OPTION, describe: `For --learn: ${DUPLICATES_OPTION.describe}` })
      .option('for', { type: 'string', describe: 'Stop after so long: 90s, 5m, 1h  [at Ctrl-C]' })
      .option('every', { type: 'number', default: 1, describe: 'Seconds from one line of figures to the next' })
      .option('json', { type: 'boolean', default: false, describe: 'Figures as JSON, one document a line' })
      .example('$0 tunnel keygen tunnel.key', 'once; then copy it to the other end')
      .example(
        '$0 tunnel --listen 127.0.0.1:51821 --peer gw.example:51900 --key tunnel.key --defense constant-rate:size=1400',
        "at home, with 127.0.0.1:51821 as endpoint of the VPN's client",
      )
      .example(
        '$0 tunnel --listen 0.0.0.0:51900 --forward 127.0.0.1:51820 --key tunnel.key --defense constant-rate:size=1400',
        'at the far end',
      )
      .epilogue(
        'One client, one flow. Which defenses run live, the wire format, and set-ups for WireGuard and OpenVPN: docs/tunnel.md. The exit code is 0 after --for and 130 after Ctrl-C.',
      ),
  handler: async ({ json, ...options }) => {
    const seconds = options.for === undefined ? Number.POSITIVE_INFINITY : parseDuration(options.for, '--for');
    const every = inRange('--every', options.every, 0.1, 86_400);
    const { end, notes } = await open(options);
    const isHome = options.peer !== undefined;
    if (!json) for (const line of [...greet(end, options), ...notes]) console.log(line);
    else for (const note of notes) console.error(note);
    const isInterrupted = await interruptible((signal) => watch(end, isHome, seconds, every, json, signal));
    end.close();
    const statistics = end.statistics();
    console.log(json ? JSON.stringify({ final: true, ...statistics }) : `\n${print(statistics)}`);
    if (isInterrupted) process.exitCode = 130;
  },
};

export default command;

async function open(options: Omit<TunnelOptions, 'json'>): Promise<{ end: TunnelEnd; notes: string[] }> {
  const { peer, forward, learn = [], labels = null, duplicates, waiting, plugin = [] } = options;
  if ((peer === undefined) === (forward === undefined)) {
    throw new UsageError('expected either --peer, at home, or --forward, at the far end');
  }
  const registry = await loadPlugins(plugin);
  const resolved = resolveDefense(options.defense, registry);
  const parts = resolved.parts.map((part) => ({ defense: defenseOf(part, registry), parameters: part.parameters }));
  const obstacle = whyNotLive(parts);
  if (obstacle !== null) throw new UsageError(obstacle);
  if (learn.length > 0 && !parts.some(({ defense }) => defense.prepare)) {
    throw new UsageError(`--learn: defense ${resolved.label} learns from no traffic`);
  }
  const place = (name: string, text: string | undefined) => (text === undefined ? undefined : readPlace(name, text));
  const ends = {
    listen: readPlace('--listen', options.listen),
    peer: place('--peer', peer),
    forward: place('--forward', forward),
    mtu: options.mtu === undefined ? undefined : inRange('--mtu', Math.floor(options.mtu), SMALLEST_MTU, LARGEST_MTU),
    queue: inRange('--queue', options.queue, 1, 1e6) * 1000,
  };
  const secret = readKey(options.key);
  const loaded = learn.length === 0 ? null : await loadTrace(learn, labels, { duplicates });
  for (const warning of loaded ? warningsOf(loaded) : []) console.error(`warning: ${warning}`);
  const rng = createSecretRng();
  const defenses = await prepareAll(resolved, { trace: loaded?.trace ?? null, rng }, registry);
  const end = await openTunnelEnd({ ...ends, secret, defenses, waiting, rng });
  const notes = parts
    .filter(({ defense, parameters }) => scopeOfDefense(defense, parameters) !== 'home')
    .map(({ defense }) => `note: ${defense.name} runs once for the tunnel: a VPN shows neither devices nor flows`);
  if (end.offset > 0) notes.push(`note: frames are ${end.offset} bytes longer than ${resolved.label} plans`);
  return { end, notes };
}

/** Parses HOST:PORT, with an IPv6 address in brackets. */
function readPlace(name: string, text: string): Place {
  const found = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const port = Number(found?.[3]);
  if (!found || port > 65_535 || (found[1] !== undefined && !isIPv6(found[1]))) {
    throw new UsageError(`${name}: expected HOST:PORT, an IPv6 address in brackets, found "${text}"`);
  }
  return { host: (found[1] ?? found[2])!, port };
}

function inRange(name: string, value: number, low: number, high: number): number {
  if (value >= low && value <= high) return value;
  throw new UsageError(`${name}: expected ${low} to ${high}, found ${value}`);
}

/** Seconds without an answer after which possible reasons are printed. */
const LONG = 10;
/** Milliseconds between two looks at the session. */
const LOOK = 200;
const WAITING = "waiting for the peer's handshake";

/** Creates a function that describes the latest change of the session; it returns null where nothing has changed. */
function createNews(isHome: boolean, opened: number): (statistics: TunnelStatistics) => string | null {
  let version: number | null = null;
  let wasOpen: boolean | null = null;
  let isTold = false;
  let since = opened;
  return ({ session, seconds }) => {
    const { isOpen, otherVersion } = session;
    if (otherVersion !== version) {
      version = otherVersion;
      if (version !== null) {
        return `the other end speaks version ${version} of the tunnel, this one version ${VERSION}: install the same Homeveil at both`;
      }
    }
    if (isOpen !== wasOpen) {
      const isFirst = wasOpen === null;
      wasOpen = isOpen;
      since = seconds;
      isTold = false;
      if (isOpen) return 'connected: the peer has proved that it has the key';
      return isFirst ? WAITING : `${WAITING}: it has been silent for too long`;
    }
    if (isOpen || isTold || !isHome || seconds - since < LONG) return null;
    isTold = true;
    return `still ${WAITING}: is it running, at that address, with the same key and the same version of Homeveil?`;
  };
}

/** Shows figures until the time is over or Ctrl-C. @returns whether Ctrl-C ended it */
async function watch(
  end: TunnelEnd,
  isHome: boolean,
  seconds: number,
  every: number,
  json: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const isTerminal = process.stdout.isTTY;
  const screen = createScreen();
  let before = end.statistics();
  const newsOf = createNews(isHome, before.seconds);
  const say = (statistics: TunnelStatistics): void => {
    // The JSON output has the news in `session`.
    const news = json ? null : newsOf(statistics);
    if (news !== null) console.log(isTerminal ? `\r\x1b[2K${news}` : news);
  };
  say(before);
  const look = setInterval(() => say(end.statistics()), LOOK);
  const show = setInterval(() => {
    const statistics = end.statistics();
    if (json) console.log(JSON.stringify(statistics));
    else if (isTerminal) screen.draw([line(statistics, before)]);
    before = statistics;
  }, every * 1000);
  let stop: NodeJS.Timeout | undefined;
  const isOver = new Promise<void>((resolve) => {
    // A timeout of more than 2^31 - 1 ms would fire at once; the bound is more than three weeks.
    if (seconds < Number.POSITIVE_INFINITY) stop = setTimeout(resolve, Math.min(seconds * 1000, 2 ** 31 - 1));
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  try {
    await Promise.race([isOver, end.failure]);
  } finally {
    clearInterval(show);
    clearInterval(look);
    clearTimeout(stop);
    screen.clear();
  }
  return signal.aborted;
}

function greet(end: TunnelEnd, { peer, forward, defense }: Omit<TunnelOptions, 'json'>): string[] {
  const { address, port, family } = end.listening;
  const listen = family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
  const where = peer === undefined ? `home -> ${listen} -> ${forward}` : `VPN -> ${listen} -> ${peer}`;
  return [
    `${where}, ${defense}, MTU ${end.mtu}`,
    ...wrap(
      `A datagram of more than ${end.room} bytes leaves in several frames: set the MTU of WireGuard to ${end.room - 32} at most, tun-mtu of OpenVPN to ${end.room - 24}.`,
    ),
  ];
}

const milliseconds = (seconds: number | null): string => (seconds === null ? '–' : `${(seconds * 1000).toFixed(2)} ms`);

/** Formats the current figures, with rates since `before`. */
function line(now: TunnelStatistics, before: TunnelStatistics): string {
  const seconds = Math.max(1e-3, now.seconds - before.seconds);
  const rate = (bytes: number) => `${formatBytes(bytes / seconds)}/s`;
  const { late, session } = now;
  return [
    ...(session.isOpen ? [] : [session.attempts > 1 ? `${WAITING}, attempt ${session.attempts}` : WAITING]),
    `in ${rate(now.taken.bytes - before.taken.bytes)}`,
    `out ${rate(now.sent.bytes - before.sent.bytes)}`,
    `back ${rate(now.delivered.bytes - before.delivered.bytes)}`,
    `waiting ${formatBytes(now.held)}`,
    `late p50 ${milliseconds(late.p50)} p95 ${milliseconds(late.p95)} p99 ${milliseconds(late.p99)}`,
  ].join('  ');
}

function describeSession({ isOpen, age, opened, starts, otherVersion }: TunnelStatistics['session']): string {
  const state = isOpen ? `open, ${formatDuration(age ?? 0)} old` : 'none open';
  const other = otherVersion === null ? '' : `; the other end speaks version ${otherVersion}, this one ${VERSION}`;
  return `${state}; opened ${formatCount(opened)}, starts of the peer ${formatCount(starts)}${other}`;
}

function print(statistics: TunnelStatistics): string {
  const { taken, delivered, sent, received, late, spacing, lost, refused } = statistics;
  const share = (part: number, all: number) => formatPercent(all === 0 ? null : part / all);
  const spread = ({ p50, p95, p99, max }: Spread) =>
    `p50 ${milliseconds(p50)}, p95 ${milliseconds(p95)}, p99 ${milliseconds(p99)}, at most ${milliseconds(max)}`;
  const reasons = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .filter(([, count]) => count > 0)
      .map(([reason, count]) => `${reason} ${formatCount(count)}`)
      .join(', ') || 'none';
  const { longer, cut, unsent, failed, stalls, session } = statistics;
  return table(
    [{ title: 'tunnel' }, { title: formatDuration(statistics.seconds), shrink: true }],
    [
      ['from the VPN', `${formatCount(taken.datagrams)} datagrams, ${formatBytes(taken.bytes)}`],
      ['to the VPN', `${formatCount(delivered.datagrams)} datagrams, ${formatBytes(delivered.bytes)}`],
      [
        'sent',
        `${formatCount(sent.frames)} frames, ${formatBytes(sent.bytes)}, ${share(sent.cover, sent.frames)} of them cover`,
      ],
      [
        'received',
        `${formatCount(received.frames)} frames, ${formatBytes(received.bytes)}, ${share(received.cover, received.frames)} of them cover`,
      ],
      ['late', spread(late)],
      ['spacing off by', spread(spacing)],
      ['not as planned', reasons({ longer, cut, unsent, failed, stalls })],
      ['datagrams lost', reasons(lost)],
      ['frames refused', reasons(refused)],
      ['session', describeSession(session)],
    ],
  );
}
