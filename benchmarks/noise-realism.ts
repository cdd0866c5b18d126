/**
 * How much noise looks like a browser: the same pages of a local web loaded by Chromium by hand, by both engines, and by the document alone
 * as 1tayH/noisy does; what goes over the wire is recorded with tcpdump, in a network namespace of its own. Between clients and
 * the web is a relay that makes a line of it: 20 ms to an answer (connections open at once), 50 Mbit/s in all downstream. Peak and bursts of a load, and the AUC of a forest that is told to separate each from Chromium by hand: half of
 * the pages to learn from, half to be judged, then the other way round. 0.5 is guessing.
 * Needs root, tcpdump and Chromium. Run: node dist/benchmarks/noise-realism.js [--pages 60]
 */
import { execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { createNetwork, whyNoNamespaces } from '../src/lab/namespaces.js';
import { separability } from '../src/likeness/separability.js';
import { createGuard } from '../src/noise/addresses.js';
import { createBudget } from '../src/noise/budget.js';
import type { Engine } from '../src/noise/engine.js';
import { createBrowserEngine, findBrowser } from '../src/noise/engine-browser.js';
import { createHttpEngine } from '../src/noise/engine-http.js';
import { createIdentities } from '../src/noise/identity.js';
import { createRng } from '../src/shared/rng.js';
import { createLocalWeb, localLookup, SITES } from '../test/support/local-web.js';

const { values } = parseArgs({
  options: { pages: { type: 'string', default: '60' }, part: { type: 'string', default: 'outside' } },
});
const script = fileURLToPath(import.meta.url);
const PAGES = Number(values.pages);

/** Delay of the line in each direction, in seconds, and its downstream rate in bytes a second. */
const DELAY = 0.01;
const RATE = 50e6 / 8;

async function relay(to: number): Promise<number> {
  let free = 0;
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ port: to, host: '127.0.0.1', noDelay: true });
    near.on('data', (bytes) => setTimeout(() => far.write(bytes), DELAY * 1000));
    far.on('data', (bytes) => {
      // In pieces of some segments, as a line brings them.
      for (let from = 0; from < bytes.length; from += 8192) {
        const piece = bytes.subarray(from, from + 8192);
        const now = performance.now() / 1000;
        free = Math.max(now, free) + piece.length / RATE;
        setTimeout(() => near.write(piece), (free - now + DELAY) * 1000);
      }
    });
    near.on('close', () => far.destroy()).on('error', () => {});
    far.on('close', () => setTimeout(() => near.end(), 500)).on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A page load on the wire. */
interface Load {
  readonly kind: string;
  readonly page: number;
  readonly from: number;
  to: number;
}

async function compare(): Promise<void> {
  const server = fork(script, ['--part', 'web']);
  const [{ port }] = (await once(server, 'message')) as [{ port: number }];
  const folder = mkdtempSync(join(tmpdir(), 'homeveil-realism-'));
  const capture = join(folder, 'lo.pcap');
  const dump = spawn('tcpdump', ['-i', 'lo', '-U', '-s', '96', '-w', capture, 'tcp', 'port', String(port)], {
    stdio: 'ignore',
  });
  await sleep(1000);
  const urls = Array.from({ length: PAGES }, (_, i) => `http://${SITES[i % SITES.length]}:${port}/p/${10 + i}`);
  const loads: Load[] = [];
  const record = async (kind: string, page: number, load: () => Promise<unknown>) => {
    const one: Load = { kind, page, from: Date.now() / 1000, to: 0 };
    await load();
    one.to = Date.now() / 1000 + 0.1;
    loads.push(one);
    await sleep(150);
  };

  const byHand = await chromium.launch({
    executablePath: findBrowser(),
    args: [
      '--no-sandbox',
      '--disable-quic',
      '--disable-background-networking',
      '--host-resolver-rules=MAP *.test 127.0.0.1',
    ],
  });
  const [major] = byHand.version().split('.');
  const userAgent = `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${major}.0.0.0 Safari/537.36`;
  const stop = new AbortController();
  const common = {
    user: 0,
    guard: createGuard({ allowPrivate: ['127.0.0.0/8'], lookup: localLookup() }),
    budget: createBudget({ perHour: 1e12, perDay: 1e12, perMonth: 1e12, requestsPerMinute: 100_000, connections: 500 }),
    identity: createIdentities(1, [userAgent], createRng(1))[0]!,
    responseBytes: 1e7,
    responseTime: 20,
    pageTime: 30,
    report: () => {},
    rng: createRng(2),
    signal: stop.signal,
  };
  const engines: Record<string, Engine> = {
    'engine http': createHttpEngine({ ...common, resources: 80 }),
    'engine browser': await createBrowserEngine({
      ...common,
      ...{ resources: 80, executable: '', browserUser: 'nobody', browserSandbox: true },
    }),
    'document alone': createHttpEngine({ ...common, resources: 0 }),
  };
  const hand = async (url: string) => {
    const context = await byHand.newContext({ userAgent, viewport: { width: 1280, height: 720 } });
    const page = await context.newPage();
    await page.goto(url, { waitUntil: 'load' });
    await context.close();
  };
  // Chromium's first page is slower than all that follow.
  await hand(urls[0]!);
  // In turns, so that whatever else the machine does falls on all alike.
  for (const [page, url] of urls.entries()) {
    await record('by hand', page, () => hand(url));
    await record('by hand again', page, () => hand(url));
    for (const [kind, engine] of Object.entries(engines)) {
      await record(kind, page, async () => {
        const session = await engine.open();
        const { problem } = await session.load(url, null);
        if (problem !== null) console.log(`${kind}: ${url}: ${problem}`);
        await session.close();
      });
    }
  }
  await byHand.close();
  for (const engine of Object.values(engines)) await engine.close();
  dump.kill('SIGINT');
  await once(dump, 'exit');
  server.kill();
  const packets = readPackets(capture, port);
  rmSync(folder, { recursive: true });
  await report(loads, packets);
}

interface Packet {
  readonly time: number;
  readonly isInbound: boolean;
  readonly client: number;
  readonly bytes: number;
}

function readPackets(capture: string, port: number): Packet[] {
  const text = execFileSync('tcpdump', ['-r', capture, '-tt', '-nn', '-q'], {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const packets: Packet[] = [];
  for (const line of text.split('\n')) {
    const found = /^([\d.]+) IP [\d.]+\.(\d+) > [\d.]+\.(\d+): tcp (\d+)/.exec(line);
    if (!found) continue;
    const [time, from, to, bytes] = found.slice(1).map(Number) as [number, number, number, number];
    packets.push({ time, isInbound: from === port, client: from === port ? to : from, bytes });
  }
  return packets;
}

/** Seconds without a byte that part two bursts, and over which the peak is taken. */
const GAP = 0.05;
const PEAK = 0.1;

const FEATURES = [
  'peak',
  'bytes in',
  'bytes out',
  'seconds',
  'bursts',
  'largest burst',
  'connections',
  'packets out',
  'first half',
] as const;
type Features = Record<(typeof FEATURES)[number], number>;

function featuresOf({ from, to }: Load, all: readonly Packet[]): Features {
  const data = all.filter(({ time, bytes }) => time >= from && time < to && bytes > 0);
  const inbound = data.filter(({ isInbound }) => isInbound);
  const outbound = data.filter(({ isInbound }) => !isInbound);
  const sum = (packets: readonly Packet[]) => packets.reduce((total, { bytes }) => total + bytes, 0);
  let peak = 0;
  for (let first = 0, last = 0, window = 0; last < inbound.length; last++) {
    window += inbound[last]!.bytes;
    while (inbound[first]!.time < inbound[last]!.time - PEAK) window -= inbound[first++]!.bytes;
    peak = Math.max(peak, window);
  }
  const bursts: number[] = [];
  for (const [i, packet] of inbound.entries()) {
    if (i === 0 || packet.time - inbound[i - 1]!.time > GAP) bursts.push(0);
    bursts[bursts.length - 1]! += packet.bytes;
  }
  const seconds = data.length === 0 ? 0 : data.at(-1)!.time - data[0]!.time;
  const half =
    data.length === 0
      ? 0
      : sum(inbound.filter(({ time }) => time < data[0]!.time + seconds / 2)) / Math.max(1, sum(inbound));
  return {
    peak,
    'bytes in': sum(inbound),
    'bytes out': sum(outbound),
    seconds,
    bursts: bursts.length,
    'largest burst': Math.max(0, ...bursts),
    connections: new Set(data.map(({ client }) => client)).size,
    'packets out': outbound.length,
    'first half': half,
  };
}

async function report(loads: readonly Load[], packets: readonly Packet[]): Promise<void> {
  const rows = loads.map((load) => ({ ...load, features: featuresOf(load, packets) }));
  const kinds = [...new Set(rows.map(({ kind }) => kind))];
  const quartiles = (numbers: number[]) => {
    const sorted = numbers.sort((a, b) => a - b);
    return [0.25, 0.5, 0.75].map((share) => sorted[Math.floor(share * (sorted.length - 1))]!);
  };
  const show = (numbers: number[], unit: number, digits: number) => {
    const [low, median, high] = quartiles(numbers).map((value) => (value / unit).toFixed(digits));
    return `${median} (${low}–${high})`.padEnd(22);
  };
  console.log(`${PAGES} pages; median (quartiles)`);
  console.log(
    `${''.padEnd(16)}${['peak, kB/100 ms', 'kB in', 'kB out', 'seconds', 'bursts', 'connections'].map((name) => name.padEnd(22)).join('')}AUC`,
  );
  for (const kind of kinds) {
    const own = rows.filter((row) => row.kind === kind);
    const of = (name: keyof Features) => own.map(({ features }) => features[name]);
    const auc =
      kind === 'by hand' ? null : await aucOf(rows.filter((row) => row.kind === kind || row.kind === 'by hand'));
    console.log(
      kind.padEnd(16) +
        show(of('peak'), 1000, 0) +
        show(of('bytes in'), 1000, 0) +
        show(of('bytes out'), 1000, 1) +
        show(of('seconds'), 1, 2) +
        show(of('bursts'), 1, 0) +
        show(of('connections'), 1, 0) +
        (auc === null ? '' : auc.toFixed(2)),
    );
  }
  for (const name of FEATURES) {
    const each = await Promise.all(
      kinds.slice(1).map(
        async (kind) =>
          `${kind} ${(
            await aucOf(
              rows.filter((row) => row.kind === kind || row.kind === 'by hand'),
              [name],
            )
          ).toFixed(2)}`,
      ),
    );
    console.log(`AUC by ${name} alone: ${each.join(', ')}`);
  }
}

type Row = Load & { readonly features: Features };

/** Each page on one side alone; the mean of both ways round. */
async function aucOf(rows: readonly Row[], names: readonly (keyof Features)[] = FEATURES): Promise<number> {
  const table = (side: number) => {
    const own = rows.filter(({ page }) => page % 2 === side);
    return {
      columns: names.map((name) => ({
        kind: 'numeric' as const,
        name,
        values: Float64Array.from(own, ({ features }) => features[name]),
      })),
      isB: Uint8Array.from(own, ({ kind }) => (kind === 'by hand' ? 0 : 1)),
    };
  };
  const parts = [table(0), table(1)] as const;
  const options = { rng: createRng(1), threads: 1 };
  const aucs = [await separability(parts[0], parts[1], options), await separability(parts[1], parts[0], options)];
  return (aucs[0]! + aucs[1]!) / 2;
}

if (values.part === 'web') {
  const web = await createLocalWeb({ hostile: false, keepRequests: false });
  process.send!({ port: await relay(web.port) });
} else if (values.part === 'inside') await compare();
else {
  const why = whyNoNamespaces();
  if (why !== null) throw new Error(why);
  const network = createNetwork();
  try {
    const host = network.host();
    host.run('ip', 'link', 'set', 'lo', 'mtu', '1500');
    const child = host.start(process.execPath, [script, '--part', 'inside', '--pages', values.pages], {
      stdio: 'inherit',
    });
    await once(child, 'exit');
  } finally {
    network.close();
  }
}
