import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { findRequirements } from '../../src/lab/requirements.js';
import type { Result } from '../../src/result/result.js';
import { temporaryFolder } from '../support/fixtures.js';
import { needs } from '../support/needs.js';
import { watchHomeveil, watchHomeveilWith } from '../support/run-cli.js';
import { until } from '../support/run-live.js';

const folder = temporaryFolder();
const withLab = needs(findRequirements(false));
const withVpn = needs(findRequirements(true));

const NAMESPACES = '/var/run/netns';
const SOCKETS = '/var/run/wireguard';
const small = [
  '--minimum-packets',
  '5',
  '--window',
  '20',
  '--attack',
  'random-forest:trees=5',
  '--adversary',
  'adaptive',
];

/** Null for what is gone meanwhile. */
function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

interface Traces {
  readonly processes: number[];
  /** The prefix of the names of the lab's namespaces. */
  readonly prefix: string;
  /** Interfaces of its VPN. */
  readonly interfaces: string[];
}

/** Waits until a lab captures and names all that it has made on this machine; other labs may be at work beside it. */
async function tracesOf(pid: number): Promise<Traces> {
  // The command runs in a thread of its own, whose children they are.
  const childrenOf = () =>
    readdirSync(`/proc/${pid}/task`)
      .flatMap((task) => attempt(() => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')) ?? [])
      .flatMap((line) => line.split(' ').filter(Boolean).map(Number));
  // A child that sets something up is gone in a moment.
  const commandOf = (child: number) =>
    attempt(() => readFileSync(`/proc/${child}/cmdline`, 'utf8'))?.split('\0') ?? [''];
  await until(() => childrenOf().some((child) => /dumpcap|tcpdump/.test(commandOf(child)[0]!)));
  const processes = childrenOf();
  const places = new Set(processes.map((child) => attempt(() => statSync(`/proc/${child}/ns/net`).ino)));
  const names = readdirSync(NAMESPACES).filter((name) =>
    places.has(attempt(() => statSync(join(NAMESPACES, name)).ino) ?? 0),
  );
  const prefixes = new Set(names.map((name) => name.slice(0, name.lastIndexOf('-') + 1)));
  expect([...prefixes]).toEqual([expect.stringMatching(/^hv-[\da-f]{6}-$/)]);
  const vpns = processes.map(commandOf).filter(([command]) => command!.endsWith('wireguard-go'));
  return { processes, prefix: [...prefixes][0]!, interfaces: vpns.map(([, , name]) => name!) };
}

/** Runs the real command line to its end, or to Ctrl-C once it captures, and looks that nothing of it is left. */
async function bench(name: string, args: readonly string[], interrupt = false) {
  const temporary = join(folder, `${name}-tmp`);
  mkdirSync(temporary);
  const out = join(folder, name);
  const { child, printed } = watchHomeveilWith(
    { TMPDIR: temporary },
    ...['bench', '--live', ...small, ...args, '--json', '--out', out],
  );
  const ended = once(child, 'close');
  const { processes, prefix, interfaces } = await tracesOf(child.pid!);
  if (interrupt) child.kill('SIGINT');
  const [status] = await ended;
  const isRunning = (pid: number) =>
    existsSync(`/proc/${pid}`) && !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  expect(processes.filter(isRunning)).toEqual([]);
  expect(readdirSync(NAMESPACES).filter((one) => one.startsWith(prefix))).toEqual([]);
  expect(interfaces.filter((one) => existsSync(join(SOCKETS, `${one}.sock`)))).toEqual([]);
  expect(readdirSync(temporary)).toEqual([]);
  return { status, ...printed, out, interfaces };
}

function read({ status, stdout }: { status: number; stdout: string }): Result {
  expect(status).toBe(0);
  return JSON.parse(stdout);
}

// They wait for clocks most of the time.
describe.concurrent('bench, live', () => {
  withVpn.test('a tunnel at a constant rate hides lengths', async ({ expect }) => {
    const args = [
      '--hours',
      '0.08',
      '--speed',
      '60',
      '--view',
      'vpn',
      '--defense',
      'none',
      'constant-rate:interval=0.2',
    ];
    const run = await bench('vpn', args);
    expect(run.interfaces).toHaveLength(2);
    const { spec, cells, metrics } = read(run);
    expect(spec.live).toEqual({ speed: 60 });
    expect(cells.map(({ defense }) => defense)).toEqual(['none', 'constant-rate:interval=0.2']);
    for (const { live } of cells) {
      expect(live).toMatchObject({ speed: 60, connections: { failed: 0 }, problems: [], lost: 0, strangers: 0 });
      expect(live!.connections.opened).toBeGreaterThan(10);
    }
    expect(cells.map(({ live }) => live!.tunnel === null)).toEqual([true, false]);
    // Frames of one length tell nothing, those of the VPN do.
    const told = metrics!.map(({ mutualInformation }) => mutualInformation.length);
    expect(told[0]).toBeGreaterThan(0.1);
    expect(told[1]).toBe(0);
    const [none, defended] = cells.map(({ cost }) => cost);
    expect([none!.bandwidthOverhead, none!.dropped, defended!.dropped]).toEqual([0, 0, 0]);
    expect(defended!.bandwidthOverhead).toBeGreaterThan(1);
  });

  withLab.test('noise is made in the home', async ({ expect }) => {
    const args = ['--hours', '0.05', '--speed', '60', '--view', 'napt', '--defense', 'noise'];
    const run = await bench('napt', args);
    expect(run.interfaces).toEqual([]);
    const { cells } = read(run);
    expect(cells).toHaveLength(1);
    const { live, cost } = cells[0]!;
    expect(live).toMatchObject({ speed: 60, connections: { failed: 0 }, problems: [], lost: 0, tunnel: null });
    expect(cost.packetOverhead).toBeGreaterThan(0.5);
    expect(cost.dropped).toBe(0);
  });

  withVpn.test('Ctrl-C while it captures leaves nothing behind', async ({ expect }) => {
    const run = await bench(
      'interrupted',
      ['--view', 'vpn', '--defense', 'none', '--hours', '0.1', '--speed', '10'],
      true,
    );
    expect(run.status).toBe(130);
    expect(existsSync(run.out)).toBe(false);
  });

  withLab.test('the plan of a study says how long the home is played', async ({ expect }) => {
    const study = join(folder, 'study.yaml');
    writeFileSync(
      study,
      `
datasets: [{ hours: 0.1, live: true, speed: 10 }]
defenses: [noise]
attacks: ['random-forest:trees=5']
adversaries: [adaptive]
minimumPackets: 5
windows: [20]
seeds: 2
`,
    );
    const { child, printed } = watchHomeveil('bench', study, '--dry-run', '--json', '--out', join(folder, 'plan'));
    const [status] = await once(child, 'close');
    expect([status, printed.stderr]).toEqual([0, '']);
    // Twice none and noise: each 36 s, 2 s in which connections are opened, and 0.8 s around it.
    const { seconds, settings } = JSON.parse(printed.stdout);
    expect(settings[0].playing).toBeCloseTo(4 * 38.8, 6);
    expect(seconds).toBeGreaterThan(4 * 38.8);
  });
});
