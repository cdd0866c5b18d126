/**
 * A long run of the noise generator on a local web with hostile pages: memory, what the budgets say was used against what the network
 * interface counted, and how long it takes to stop. In a network namespace of its own, where `ip netns` works: nothing else is
 * counted there, and nothing else can be reached.
 * Run: node --expose-gc dist/benchmarks/noise-soak.js [--minutes 20] [--users 8]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createNetwork, whyNoNamespaces } from '../src/lab/namespaces.js';
import { resolveNoiseConfig } from '../src/noise/config.js';
import { runNoise } from '../src/noise/run.js';
import { createLocalWeb, localLookup, type Seen, SITES } from '../test/support/local-web.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    users: { type: 'string', default: '8' },
    budget: { type: 'string', default: '200 MB' },
    part: { type: 'string', default: 'outside' },
  },
});
const script = fileURLToPath(import.meta.url);
const MB = 1e6;

if (values.part === 'web') await serve();
else if (values.part === 'inside') await soak();
else await outside();

/** Begins again inside a namespace. */
async function outside(): Promise<void> {
  const why = whyNoNamespaces();
  if (why !== null) {
    console.log(`${why}; on this machine's loopback, where others are counted too`);
    return soak();
  }
  const network = createNetwork();
  try {
    const given = ['--minutes', values.minutes, '--users', values.users, '--budget', values.budget, '--part', 'inside'];
    const child = network.host().start(process.execPath, ['--expose-gc', script, ...given], { stdio: 'inherit' });
    process.once('SIGINT', () => child.kill('SIGINT'));
    await once(child, 'exit');
  } finally {
    network.close();
  }
}

/** The web, in a process of its own so that its memory is not counted. */
async function serve(): Promise<void> {
  const web = await createLocalWeb({ keepRequests: false });
  process.send!({ port: web.port });
  process.on('message', () => process.send!(web.seen));
}

async function soak(): Promise<void> {
  const server = fork(script, ['--part', 'web']);
  const [{ port }] = (await once(server, 'message')) as [{ port: number }];
  const folder = mkdtempSync(join(tmpdir(), 'homeveil-soak-'));
  const config = resolveNoiseConfig({
    users: Number(values.users),
    roots: SITES.map((site, i) => `http://${site}:${port}/p/${i}`),
    follow: 'any',
    depth: 25,
    visitsPerHour: 0,
    pause: 4,
    minPause: 1,
    maxPause: 20,
    siteDelay: 0.5,
    activeHours: '0-24',
    rhythm: 'flat',
    budgets: { perHour: values.budget, perDay: '10 GB', perMonth: '10 GB' },
    requestsPerMinute: 500,
    connections: 32,
    limits: { responseTime: 5, pageTime: 15, responseBytes: '2 MB' },
    state: join(folder, 'state.json'),
    seed: 1,
    unsafeAllowPrivate: ['127.0.0.0/8'],
  });
  const stop = new AbortController();
  const onWire = () => Number(readFileSync('/sys/class/net/lo/statistics/rx_bytes', 'utf8'));
  const before = onWire();
  const began = performance.now();
  const samples: { minute: number; rss: number; heap: number }[] = [];
  const problems = new Map<string, number>();
  const asked = { pages: 0, requests: 0, visits: 0 };
  let spent = 0;
  let most = 0;
  const sample = () => {
    globalThis.gc?.();
    const { rss, heapUsed } = process.memoryUsage();
    const minute = (performance.now() - began) / 60_000;
    samples.push({ minute, rss: rss / MB, heap: heapUsed / MB });
    console.log(
      `${minute.toFixed(1).padStart(5)} min  rss ${(rss / MB).toFixed(1).padStart(6)} MB  heap ${(heapUsed / MB).toFixed(1).padStart(5)} MB  ` +
        `budget ${(spent / MB).toFixed(2).padStart(7)} MB  wire ${((onWire() - before) / MB).toFixed(2).padStart(7)} MB  ` +
        `${asked.visits} visits  ${asked.pages} pages  ${asked.requests} requests`,
    );
  };
  const timer = setInterval(sample, 30_000);
  let connections = 0;
  const counter = setInterval(() => {
    connections = Math.max(connections, openTo(port));
  }, 100);
  const run = runNoise(config, {
    signal: stop.signal,
    lookup: localLookup(),
    onEvent(event) {
      if (event.type === 'spending') {
        spent = event.spending.hour;
        most = Math.max(most, spent);
      } else if (event.type === 'page') asked.pages++;
      else if (event.type === 'request') asked.requests++;
      else if (event.type === 'visit') asked.visits++;
      if ('problem' in event && event.problem !== null) {
        const kind = event.problem.split(' (')[0]!;
        problems.set(kind, (problems.get(kind) ?? 0) + 1);
      }
    },
  });
  await Promise.race([run, new Promise((resolve) => setTimeout(resolve, Number(values.minutes) * 60_000))]);
  clearInterval(timer);
  clearInterval(counter);
  sample();
  const stopped = performance.now();
  stop.abort();
  const totals = await run;
  const seconds = (performance.now() - stopped) / 1000;
  server.send('seen');
  const [seen] = (await once(server, 'message')) as [Seen];
  server.kill();
  rmSync(folder, { recursive: true });
  const limit = config.budgets.perHour;
  console.log(`\nstopped in ${(seconds * 1000).toFixed(0)} ms`);
  console.log(
    `budget: ${(most / MB).toFixed(2)} MB at most of ${limit / MB} MB; on the wire ${((onWire() - before) / MB).toFixed(2)} MB; metered ${(totals.bytes / MB).toFixed(2)} MB`,
  );
  console.log(
    `requests a minute: ${seen.mostPerMinute} at most of ${config.requestsPerMinute}; connections: ${connections} at most of ${config.connections}`,
  );
  const half = samples.slice(Math.floor(samples.length / 2));
  console.log(
    `memory: ${slope(half, 'rss').toFixed(2)} MB of rss and ${slope(half, 'heap').toFixed(2)} MB of heap a minute over the second half`,
  );
  console.log(
    `problems: ${[...problems]
      .sort((a, b) => b[1] - a[1])
      .map(([kind, count]) => `${kind} ${count}`)
      .join('; ')}`,
  );
}

/** Connections to a port on this machine that are open or being opened, as the kernel sees them (proc(5), states 1 and 2). */
function openTo(port: number): number {
  const end = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n');
  return lines.filter((line) => {
    const [, , remote, state] = line.trim().split(/\s+/);
    return remote?.endsWith(end) && (state === '01' || state === '02');
  }).length;
}

/** Least squares. */
function slope(points: readonly { minute: number; rss: number; heap: number }[], of: 'rss' | 'heap'): number {
  const x = points.reduce((sum, { minute }) => sum + minute, 0) / points.length;
  const y = points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const up = points.reduce((sum, point) => sum + (point.minute - x) * (point[of] - y), 0);
  return up / points.reduce((sum, { minute }) => sum + (minute - x) ** 2, 0);
}
