import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { builtIns, defenseOf, resolveDefense } from '../../src/harness/plugins/registry.js';
import { type NoiseInput, readNoiseConfig, resolveNoiseConfig } from '../../src/noise/config.js';
import type { NoiseEvent } from '../../src/noise/events.js';
import { runNoise } from '../../src/noise/run.js';
import { checkShape } from '../../src/noise/shaped.js';
import { createLocalWeb, type LocalWeb, SITES } from '../support/local-web.js';
import { temporaryFolder } from '../support/run-cli.js';

let web: LocalWeb;
beforeAll(async () => {
  web = await createLocalWeb({ pages: 2000 });
});
afterAll(() => web.close());

function configOf(given: NoiseInput = {}) {
  return resolveNoiseConfig({
    roots: SITES.map((site, i) => web.url(`/p/${i}`, site)),
    follow: 'any',
    visitsPerHour: 0,
    pause: 0,
    minPause: 0.02,
    maxPause: 0.1,
    siteDelay: 0,
    rhythm: 'flat',
    limits: { responseTime: 1, pageTime: 2, responseBytes: '1 MB' },
    state: join(temporaryFolder(), 'state.json'),
    seed: 1,
    unsafeAllowPrivate: ['127.0.0.0/8'],
    ...given,
  });
}

type Of = <T extends NoiseEvent['type']>(type: T) => Extract<NoiseEvent, { type: T }>[];

/** Runs until enough has happened. How long the end takes is in ms. */
async function run(
  config: ReturnType<typeof configOf>,
  isEnough: (of: Of) => boolean,
  more: Partial<Parameters<typeof runNoise>[1]> = {},
) {
  const events: NoiseEvent[] = [];
  const of: Of = (type) => events.filter((event) => event.type === type) as never;
  const stop = new AbortController();
  const from = web.seen.requests.length;
  let isOver = false;
  const running = runNoise(config, {
    signal: stop.signal,
    lookup: web.lookup,
    local: () => ({ hour: 12, day: 3 }),
    onEvent: (event) => events.push(event),
    ...more,
  }).finally(() => {
    isOver = true;
  });
  for (let i = 0; i < 1000 && !isOver && !isEnough(of); i++) await sleep(20);
  const stopped = performance.now();
  stop.abort();
  const totals = await running;
  return { totals, events, of, ending: performance.now() - stopped, seen: web.seen.requests.slice(from) };
}

test('several users browse at once, each as one browser, over hostile pages too, and stop at once', async () => {
  const { totals, of, ending, seen, events } = await run(configOf({ users: 4, depth: 8 }), (of) => {
    return (
      new Set(of('page').map(({ user }) => user)).size === 4 &&
      of('page').filter(({ problem }) => problem === null).length > 15
    );
  });
  expect(ending).toBeLessThan(1000);
  await sleep(100);
  expect(web.seen.open).toBe(0);
  expect(totals.visits).toBeGreaterThanOrEqual(4);
  expect(totals.pages).toBeGreaterThan(10);
  expect(totals.requests).toBe(of('request').length);
  expect(totals.bytes).toBeGreaterThan(of('request').reduce((sum, { bytes }) => sum + bytes, 0));
  expect(new Set(of('page').map(({ user }) => user))).toEqual(new Set([0, 1, 2, 3]));
  expect(new Set(seen.map(({ headers }) => headers['user-agent'])).size).toBe(4);
  for (const { pages } of of('leave')) expect(pages).toBeLessThanOrEqual(8);
  // Pages of a visit but its first come with a referer.
  const documents = seen.filter(({ path }) => /^\/(p|hostile)\//.test(path));
  expect(documents.filter(({ headers }) => headers.referer !== undefined).length).toBeGreaterThan(documents.length / 2);
  expect(events[0]!.type).toBe('start');
  expect(events.at(-1)).toMatchObject({ type: 'stop', why: 'stopped', totals });
});

test('robots.txt is kept to, and asked for once', async () => {
  const { seen } = await run(
    configOf({ users: 2, roots: [web.url('/p/0', 'delta.test'), web.url('/p/2', 'delta.test')], follow: 'site' }),
    (of) => of('page').filter(({ problem }) => problem === null).length > 5,
  );
  const onDelta = seen.filter(({ host }) => host.startsWith('delta'));
  expect(onDelta.filter(({ path }) => path === '/robots.txt')).toHaveLength(1);
  expect(onDelta.filter(({ path }) => path.startsWith('/p/')).length).toBeGreaterThan(3);
  expect(onDelta.filter(({ path }) => /^\/p\/1.*3/.test(path) || path.startsWith('/hostile'))).toEqual([]);
});

test('no limit is passed, and what was spent stays spent in the next run', async () => {
  const config = configOf({ users: 6, budgets: { perHour: '3 MB' }, connections: 5, requestsPerMinute: 80 });
  const first = await run(config, (of) =>
    of('spending').some(({ spending }) => spending.requests === 80 || spending.hour > 2.5e6),
  );
  for (const { spending } of first.of('spending')) {
    expect(spending.hour).toBeLessThanOrEqual(3e6);
    expect(spending.requests).toBeLessThanOrEqual(80);
    expect(spending.connections).toBeLessThanOrEqual(5);
  }
  expect(first.seen.length).toBeLessThanOrEqual(80);
  const spent = first.of('spending').at(-1)!.spending;
  expect(spent.hour).toBeGreaterThan(500_000);
  const second = await run(config, (of) => of('spending').length > 0);
  expect(first.seen.length + second.seen.length).toBeLessThanOrEqual(80);
  const [begin] = second.of('spending');
  expect(begin!.spending.hour).toBeGreaterThanOrEqual(spent.hour);
});

test('when the budget is spent, users rest until there is room', async () => {
  const { of } = await run(configOf({ users: 2, budgets: { perHour: '1 MB' }, connections: 3 }), (of) =>
    of('rest').some(({ why }) => why === 'budget'),
  );
  const rests = of('rest').filter(({ why }) => why === 'budget');
  expect(rests.length).toBeGreaterThan(0);
  // A bucket of a minute is gone 61 minutes after it began.
  for (const { until, time } of rests) {
    expect(until - time).toBeGreaterThan(59 * 60);
    expect(until - time).toBeLessThanOrEqual(61 * 60);
  }
});

test('outside the hours nothing is asked for', async () => {
  const { of, seen } = await run(configOf({ activeHours: '7-9' }), (of) => of('rest').length > 0);
  expect(seen).toEqual([]);
  expect(of('rest')[0]).toMatchObject({ why: 'hours' });
});

test('it ends by itself when its time is over', async () => {
  const { events, totals } = await run({ ...configOf(), duration: 0.5 }, () => false);
  expect(events.at(-1)).toMatchObject({ type: 'stop', why: 'time over' });
  expect(totals.requests).toBeGreaterThan(0);
});

test("noisy's config.json runs as it is, but for where it leads", async () => {
  const noisy = JSON.parse(readFileSync(new URL('../support/noisy-config.json', import.meta.url), 'utf8'));
  const path = join(temporaryFolder(), 'config.json');
  const moved = { ...noisy, root_urls: [web.url('/p/1'), web.url('/p/2', 'beta.test')], min_sleep: 0, max_sleep: 0.1 };
  writeFileSync(path, JSON.stringify(moved));
  const config = {
    ...readNoiseConfig(path),
    ...{ unsafeAllowPrivate: ['127.0.0.0/8'], state: join(temporaryFolder(), 's.json'), siteDelay: 0 },
  };
  const { totals, seen } = await run(config, (of) => of('page').filter(({ problem }) => problem === null).length > 3);
  expect(totals.pages).toBeGreaterThan(2);
  for (const { headers } of seen) expect(noisy.user_agents).toContain(headers['user-agent']);
});

test('names are looked up and nothing more, where that is asked for', async () => {
  const asked: string[] = [];
  const query = async (name: string) => {
    asked.push(name);
    if (asked.length % 3 === 0) throw Object.assign(new Error('no'), { code: 'ENOTFOUND' });
  };
  const config = configOf({ dns: { perHour: 36_000 }, roots: [web.url('/hostile/silence')] });
  const { of, totals } = await run(config, (of) => of('lookup').length > 5, { query });
  expect(asked.length).toBeGreaterThan(5);
  expect(totals.lookups).toBe(of('lookup').length);
  for (const name of asked) expect(name).toMatch(/^(\w+\.)?alpha\.test$/);
  expect(of('lookup').filter(({ problem }) => problem === 'ENOTFOUND').length).toBe(Math.floor(totals.lookups / 3));
});

describe('a defense decides when', () => {
  const shapeOf = (text: string) => {
    const { label, parts } = resolveDefense(text);
    return { label, applied: { defense: defenseOf(parts[0]!, builtIns), parameters: parts[0]!.parameters } };
  };

  test.each([
    ['pad', /sends no cover/],
    ['vpn', /a tunnel/],
    ['jitter', /sends no cover/],
  ])('%s is of no use', (text, message) => {
    expect(() => checkShape(shapeOf(text))).toThrow(message);
  });

  test.each(['front', 'dummy', 'constant-rate'])('%s is', (text) => {
    expect(() => checkShape(shapeOf(text))).not.toThrow();
  });

  test('inbound cover becomes answers of about as many bytes', async () => {
    // 50 frames a second of 1000 bytes each way.
    const shape = shapeOf('constant-rate:size=1000,interval=0.02');
    const bytesOf = (of: Of) =>
      of('request').reduce((sum, { kind, bytes }) => (kind === 'image' ? sum + bytes : sum), 0);
    const { of, totals } = await run(configOf({ visitsPerHour: 3600, robots: false }), (all) => bytesOf(all) > 80_000, {
      shape,
    });
    const seconds = of('stop')[0]!.time - of('start')[0]!.time;
    expect(totals.visits).toBeGreaterThan(0);
    expect(bytesOf(of)).toBeGreaterThan(80_000);
    expect(bytesOf(of)).toBeLessThan(50_000 * seconds);
  });
});
