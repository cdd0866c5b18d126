import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createGuard } from '../../src/noise/addresses.js';
import { createBudget } from '../../src/noise/budget.js';
import { resolveNoiseConfig } from '../../src/noise/config.js';
import type { NoiseEvent } from '../../src/noise/events.js';
import { createGateway, type Gateway } from '../../src/noise/gateway.js';
import { createMeter, type Meter } from '../../src/noise/meter.js';
import { runNoise } from '../../src/noise/run.js';
import { createLocalWeb, type LocalWeb } from '../support/local-web.js';
import { needs } from '../support/needs.js';
import { noBrowser } from '../support/no-browser.js';
import { temporaryFolder } from '../support/run-cli.js';

let web: LocalWeb;
beforeAll(async () => {
  web = await createLocalWeb({ pages: 500, secure: true });
});
afterAll(() => web.close());

describe('the gateway of the browser', () => {
  let gateway: Gateway;
  let meter: Meter;
  const stop = new AbortController();
  beforeAll(async () => {
    const guard = createGuard({ allowPrivate: ['127.0.0.0/8'], deny: ['epsilon.test'], lookup: web.lookup });
    const budget = createBudget({ perHour: 1e8, perDay: 1e8, perMonth: 1e8, requestsPerMinute: 1000, connections: 10 });
    meter = createMeter(budget);
    gateway = await createGateway({ guard, budget, meter, proxy: null, signal: stop.signal, timeout: 2 });
  });
  afterAll(async () => {
    await gateway.close();
    meter.close();
  });

  const ask = (path: string, method = 'GET', isUser = true) =>
    new Promise<number>((resolve, reject) => {
      const credentials = Buffer.from(`${gateway.user}:${gateway.password}`).toString('base64');
      const headers = isUser ? { 'proxy-authorization': `Basic ${credentials}` } : {};
      const outgoing = request({ host: '127.0.0.1', port: gateway.port, method, path, headers });
      outgoing.on('response', (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode!));
      });
      outgoing.on('connect', (response, socket) => {
        socket.destroy();
        resolve(response.statusCode!);
      });
      outgoing.on('error', reject);
      outgoing.end();
    });

  test.each<[string, string, number]>([
    ['GET', '/p/1', 400],
    ['GET', 'http://alpha.test:PORT/p/1', 200],
    ['GET', 'http://alpha.test:PORT/p/999999', 404],
    ['GET', 'http://metadata.test/', 403],
    ['GET', 'http://rebind.test/', 403],
    ['GET', 'http://10.0.0.1/', 403],
    ['GET', 'http://epsilon.test:PORT/', 403],
    ['GET', 'http://nowhere.test/', 502],
    ['GET', 'http://alpha.test:PORT/hostile/reset', 502],
    ['CONNECT', 'alpha.test:PORT', 200],
    ['CONNECT', 'metadata.test:443', 403],
    ['CONNECT', '[::1]:443', 403],
    ['CONNECT', 'a.epsilon.test:443', 403],
    ['CONNECT', 'nonsense', 502],
  ])('%s %s: %i', async (method, path, status) => {
    expect(await ask(path.replace('PORT', String(web.port)), method)).toBe(status);
  });

  test('serves nobody without its password', async () => {
    const before = web.seen.connections;
    expect(await ask(web.url('/p/1'), 'GET', false)).toBe(407);
    expect(await ask(`alpha.test:${web.port}`, 'CONNECT', false)).toBe(407);
    expect(web.seen.connections).toBe(before);
  });

  test('what goes through it is metered', async () => {
    const before = meter.bytes;
    expect(await ask(web.url('/r/3.png'))).toBe(200);
    meter.poll();
    expect(meter.bytes - before).toBeGreaterThan(1000);
  });
});

needs(noBrowser()).test('a browser visits pages, hostile ones too, within limits', async () => {
  const config = resolveNoiseConfig({
    engine: 'browser',
    roots: [web.url('/p/3'), web.url('/hostile/frames', 'beta.test'), web.secureUrl('/p/1')],
    follow: 'any',
    depth: 3,
    visitsPerHour: 0,
    pause: 0,
    minPause: 0,
    maxPause: 0.1,
    siteDelay: 0,
    activeHours: '0-24',
    requestsPerMinute: 400,
    limits: { responseTime: 3, pageTime: 4, resources: 30 },
    state: join(temporaryFolder(), 'state.json'),
    seed: 3,
    unsafeAllowPrivate: ['127.0.0.0/8'],
  });
  const events: NoiseEvent[] = [];
  const stop = new AbortController();
  const running = runNoise(config, {
    signal: stop.signal,
    lookup: web.lookup,
    onEvent: (event) => events.push(event),
  });
  const came = () => events.filter((event) => event.type === 'page' && event.problem === null).length;
  for (let i = 0; i < 1500 && came() < 3; i++) await sleep(20);
  const stopped = performance.now();
  stop.abort();
  const totals = await running;
  expect(performance.now() - stopped).toBeLessThan(1000);
  expect(totals.pages).toBeGreaterThanOrEqual(3);
  const seen = web.seen.requests.filter(({ headers }) => /Chrome\/\d+/.test(String(headers['user-agent'])));
  for (const kind of [/^\/p\/\d+$/, /css$/, /js$/, /png$/]) expect(seen.some(({ path }) => kind.test(path))).toBe(true);
  expect(seen.some(({ headers }) => String(headers['user-agent']).includes('Headless'))).toBe(false);
  for (const event of events) {
    if (event.type === 'page') expect(event.requests).toBeLessThanOrEqual(31);
    if (event.type === 'spending') expect(event.spending.requests).toBeLessThanOrEqual(400);
  }
});
