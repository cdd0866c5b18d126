import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { builtIns, resolveDefense, resolveView } from '../../src/harness/plugins/registry.js';
import { createCertificate } from '../../src/lab/certificate.js';
import { createNetwork, whyNoNamespaces } from '../../src/lab/namespaces.js';
import { hoursOf, type LabNoiseOptions, noiseConfigOf } from '../../src/lab/noise.js';
import type { Notice } from '../../src/lab/noise-process.js';
import { planOf } from '../../src/lab/plan.js';
import { createWeb } from '../../src/lab/web.js';
import type { NoiseConfig } from '../../src/noise/config.js';
import type { NoiseEvent } from '../../src/noise/events.js';
import { createRhythm } from '../../src/noise/rhythm.js';
import { runNoise } from '../../src/noise/run.js';
import { needs } from '../support/needs.js';
import { temporaryFolder } from '../support/run-cli.js';
import { until } from '../support/run-live.js';

/** The plan that a run makes of what the user wrote. */
const noiseOf = (text: string) => planOf(resolveDefense(text), { view: resolveView('napt') }, builtIns).noise!;

const base: LabNoiseOptions = {
  web: { roots: ['https://one.example/'] },
  speed: 1,
  seconds: 6 * 3600,
  seed: 1,
  state: '/state.json',
};

test.each<[string, Partial<LabNoiseOptions>, Partial<NoiseConfig>]>([
  ['noise', {}, { users: 1, depth: 26, minPause: 3, maxPause: 6, pause: 0, visitsPerHour: 0, follow: 'any' }],
  ['noise', {}, { robots: false, siteDelay: 0, rhythm: 'flat', activeHours: '0-24', seed: 1, state: '/state.json' }],
  ['noise', {}, { roots: ['https://one.example/'], duration: 6 * 3600, unsafeAllowPrivate: ['198.18.0.0/15'] }],
  ['noise:users=3,depth=1000', {}, { users: 3, depth: 1000 }],
  ['noise:minPause=1,maxPause=8', { speed: 20 }, { minPause: 0.05, maxPause: 0.4, duration: 1080 }],
  ['noise:hours=22-6', { speed: 60 }, { activeHours: '22-6' }],
  ['noise:hours=7-7', { speed: 1000 }, { activeHours: '7-7' }],
  // 24 MB a day are 1 MB an hour, and an hour's worth ahead: 2, 7 and 7 MB in the 6 hours.
  ['noise:budget=24', {}, { budgets: { perHour: 2e6, perDay: 7e6, perMonth: 7e6 } }],
  ['noise:budget=24', { seconds: 40 * 86_400 }, { budgets: { perHour: 2e6, perDay: 25e6, perMonth: 745e6 } }],
  ['noise:budget=24', { speed: 2 }, { budgets: { perHour: 3e6, perDay: 7e6, perMonth: 7e6 } }],
  ['noise', { networks: ['127.0.0.0/8'] }, { unsafeAllowPrivate: ['127.0.0.0/8'] }],
])('%s at %o', (text, options, expected) => {
  expect(noiseConfigOf(noiseOf(text), { ...base, ...options })).toMatchObject(expected);
});

test.each([
  ['noise:objects=0', 0],
  ['noise:objects=70', 500],
])('%s: a page loads all it names, or nothing', (text, resources) => {
  expect(noiseConfigOf(noiseOf(text), base).limits.resources).toBe(resources);
});

test.each<[string, Partial<LabNoiseOptions>, string]>([
  ['noise:capture=home.pcap', {}, 'capture=home.pcap: servers have no part of a recording to play'],
  ['noise:users=0', {}, 'users=0: there is nobody to make noise'],
  ['noise:hours=7-23', { speed: 100 }, 'hours=7-23: kept at a speed of 60 at most, found 100'],
  ['noise:budget=1', {}, 'budget=1: expected a megabyte or more for the run, found 83333 bytes'],
])('%s is refused', (text, options, problem) => {
  expect(() => noiseConfigOf(noiseOf(text), { ...base, ...options })).toThrow(
    expect.objectContaining({ exitCode: 2, message: `defense noise: cannot run live: ${problem}` }),
  );
});

test('hours are those of the home, however fast its clock', () => {
  const begun = 1_800_000_000;
  // At 6:30 of a Friday, UTC.
  const local = hoursOf({ at: begun, showed: Date.UTC(2027, 0, 1, 6, 30) / 1000, speed: 60 });
  expect(local(begun)).toEqual({ hour: 6.5, day: 5 });
  expect(local(begun + 30)).toEqual({ hour: 7, day: 5 });
  expect(local(begun + 18 * 60)).toEqual({ hour: 0.5, day: 6 });
  const rhythm = createRhythm({ visitsPerHour: 0, activeHours: '7-23', rhythm: 'flat', local });
  const opens = rhythm.activeFrom(begun) - begun;
  expect(opens).toBeGreaterThanOrEqual(30);
  expect(opens).toBeLessThanOrEqual(31);
});

test('two users at twenty times the speed load pages of the web, each with all of its objects and nothing else', async () => {
  const web = createWeb({ seed: 5, objects: 4, speed: 20 });
  const identity = await createCertificate(web.hosts);
  const seen: { readonly host: string; readonly path: string; readonly user: string }[] = [];
  const server = createServer(identity, (request, response) => {
    const { host = '', 'user-agent': user = '' } = request.headers;
    seen.push({ host: host.split(':')[0]!, path: request.url!, user });
    web.respond(request, response);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const config = noiseConfigOf(noiseOf('noise:users=2,objects=4'), {
    web: { roots: web.hosts.map((host) => `https://${host}:${port}/`) },
    speed: 20,
    seconds: 3600,
    seed: 5,
    state: join(temporaryFolder(), 'state.json'),
    networks: ['127.0.0.0/8'],
  });
  const events: NoiseEvent[] = [];
  const of = <T extends NoiseEvent['type']>(type: T) =>
    events.filter((event) => event.type === type) as Extract<NoiseEvent, { type: T }>[];
  const stop = new AbortController();
  const running = runNoise(config, {
    signal: stop.signal,
    ca: identity.cert,
    speed: 20,
    lookup: async (name) => (web.hosts.includes(name) ? ['127.0.0.1'] : []),
    onEvent: (event) => events.push(event),
  });
  await until(() => [0, 1].every((user) => of('page').filter((page) => page.user === user).length >= 4));
  stop.abort();
  const totals = await running;
  server.close();
  server.closeAllConnections();

  expect(totals.problems).toBe(0);
  expect(new Set(seen.map(({ user }) => user)).size).toBe(2);
  expect(seen.filter(({ path }) => !/^\/(p\d+|o[\w.]+)?$/.test(path))).toEqual([]);
  // Objects have their page in their name: o, its host, its number, which of them.
  const objectsOf = new Map<string, number>();
  for (const { path } of seen) {
    const page = /^\/o(.+)\.\d+\.\w+$/.exec(path)?.[1];
    if (page) objectsOf.set(page, (objectsOf.get(page) ?? 0) + 1);
  }
  for (const { url, requests } of of('page')) {
    const { hostname, pathname } = new URL(url);
    const page = `${web.hosts.indexOf(hostname).toString(36)}.${Number(pathname.slice(2)).toString(36)}`;
    expect(requests).toBe(1 + (objectsOf.get(page) ?? 0));
  }
  expect([...objectsOf.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(8);
  // 3 to 6 seconds of the home between two pages.
  for (const user of [0, 1]) {
    const times = of('page')
      .filter((page) => page.user === user)
      .map(({ time, seconds }) => ({ begun: time - seconds, over: time }));
    const pauses = times.slice(1).map(({ begun }, i) => begun - times[i]!.over);
    for (const pause of pauses) expect(pause).toBeGreaterThan(0.14);
  }
});

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

needs(whyNoNamespaces()).describe('in a namespace', () => {
  test('the process browses until it is told to stop, or has no parent any more', async () => {
    const network = createNetwork();
    const host = network.host();
    host.resolveBy('127.0.0.1');
    try {
      const lab = host.start(process.execPath, [file('../support/small-lab.mjs')], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const lines: string[] = [];
      createInterface(lab.stdout!).on('line', (line) => lines.push(line));
      await until(() => lines.length > 0);
      const { ca, roots } = JSON.parse(lines[0]!);
      const begin = async (state: string) => {
        const child = host.start(process.execPath, [file('../../dist/src/lab/noise-process.js')], {
          stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        });
        const notices: Notice[] = [];
        child.on('message', (notice: Notice) => notices.push(notice));
        const config = noiseConfigOf(noiseOf('noise'), {
          web: { roots },
          speed: 20,
          seconds: 3600,
          seed: state,
          state: join(temporaryFolder(), state),
          networks: ['127.0.0.0/8'],
        });
        child.send({ config, ca });
        await until(() => notices.length > 0);
        return { child, notices };
      };
      const [stopped, orphan] = await Promise.all([begin('stopped'), begin('orphan')]);
      expect([stopped.notices, orphan.notices]).toEqual([[{ type: 'ready' }], [{ type: 'ready' }]]);
      await until(() => lines.length > 8);
      stopped.child.send({ type: 'stop' });
      orphan.child.disconnect();
      expect(await Promise.all([stopped, orphan].map(({ child }) => ended(child)))).toEqual([0, 0]);
      await until(() => stopped.notices.length > 1);
      const { totals } = stopped.notices[1] as Extract<Notice, { type: 'totals' }>;
      expect(totals).toMatchObject({ problems: 0 });
      expect(totals.pages).toBeGreaterThan(0);
      expect(orphan.notices).toHaveLength(1);
    } finally {
      network.close();
    }
  });
});

async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null) await once(child, 'exit');
  return child.exitCode;
}
