import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCertificate } from '../../src/lab/certificate.js';
import { createGuard } from '../../src/noise/addresses.js';
import { createBudget } from '../../src/noise/budget.js';
import { createIdentities } from '../../src/noise/identity.js';
import { type Client, createClient } from '../../src/noise/web-client.js';
import { createRng } from '../../src/shared/rng.js';
import { createLocalWeb, HOSTILE, type LocalWeb, SITES } from '../support/local-web.js';

const [identity] = createIdentities(1, [], createRng(1));
const page = { kind: 'document', referrer: null } as const;

let web: LocalWeb;
const clients: Client[] = [];
beforeAll(async () => {
  web = await createLocalWeb({ secure: true });
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await web.close();
});

interface Given {
  perHour?: number;
  requestsPerMinute?: number;
  connections?: number;
  responseBytes?: number;
  responseTime?: number;
  ca?: string;
}

function start({ ca, responseBytes = 1e6, responseTime = 1, ...limits }: Given = {}) {
  const most = { perHour: 1e9, perDay: 1e9, perMonth: 1e9, requestsPerMinute: 10_000, connections: 50, ...limits };
  const budget = createBudget(most);
  const stop = new AbortController();
  const client = createClient({
    guard: createGuard({ allowPrivate: ['127.0.0.0/8'], lookup: web.lookup }),
    budget,
    identity: identity!,
    responseBytes,
    responseTime,
    signal: stop.signal,
    ca,
  });
  clients.push(client);
  return { client, budget, stop };
}

/** Requests that the server has seen since `from`. */
const seenSince = (from: number) => web.seen.requests.slice(from);

describe('like a browser', () => {
  test('one kept connection, cookies that come back, a referer, the same identity', async () => {
    const { client } = start({ ca: web.certificate });
    const [requests, connections] = [web.seen.requests.length, web.seen.connections];
    const first = await client.fetch(web.secureUrl('/p/3'), page);
    expect(first).toMatchObject({ status: 200, problem: null, contentType: 'text/html' });
    expect(first.page!.links.length).toBeGreaterThan(5);
    await client.fetch(web.secureUrl('/r/1.css'), { kind: 'style', referrer: first.url });
    await client.fetch(web.secureUrl('/p/4'), { kind: 'document', referrer: first.url });
    await client.fetch(web.secureUrl('/p/5', 'beta.test'), { kind: 'document', referrer: `${first.url}?q=1` });
    const seen = seenSince(requests);
    expect(web.seen.connections - connections).toBe(2);
    expect(seen.map(({ headers }) => headers.cookie)).toEqual([
      undefined,
      'seen=3; theme=light',
      'seen=3; theme=light',
      undefined,
    ]);
    expect(seen.map(({ headers }) => headers.referer)).toEqual([
      undefined,
      first.url,
      first.url,
      `https://alpha.test:${web.securePort}/`,
    ]);
    expect(seen.map(({ headers }) => headers['sec-fetch-site'])).toEqual([
      'none',
      'same-origin',
      'same-origin',
      'cross-site',
    ]);
    expect(new Set(seen.map(({ headers }) => headers['user-agent'])).size).toBe(1);
  });

  test('HTTP/2 where the server speaks it: many requests at once share a connection', async () => {
    const { client } = start({ ca: web.certificate });
    const [requests, connections] = [web.seen.requests.length, web.seen.connections];
    const first = await client.fetch(web.secureUrl('/p/3'), page);
    expect(first).toMatchObject({ status: 200, problem: null });
    const images = Array.from({ length: 20 }, (_, i) => web.secureUrl(`/r/${i}.png`));
    const answers = await Promise.all(images.map((url) => client.fetch(url, { kind: 'image', referrer: first.url })));
    expect(answers.map(({ status }) => status)).toEqual(images.map(() => 200));
    // The same at once, of a server met for the first time.
    await Promise.all(
      images.map((url) => client.fetch(url.replace('alpha', 'beta'), { kind: 'image', referrer: first.url })),
    );
    expect(new Set(seenSince(requests).map(({ version }) => version))).toEqual(new Set(['2.0']));
    expect(web.seen.connections - connections).toBe(2);
  });

  test('over HTTP/1.1, six connections to a server', async () => {
    const { client } = start();
    const before = web.seen.connections;
    const urls = Array.from({ length: 30 }, (_, i) => web.url(`/r/${i}.png`));
    await Promise.all(urls.map((url) => client.fetch(url, { kind: 'image', referrer: web.url('/') })));
    expect(web.seen.connections - before).toBe(6);
  });

  test('a certificate that nobody has signed is refused', async () => {
    const { client } = start();
    const before = web.seen.requests.length;
    expect(await client.fetch(web.secureUrl('/p/3'), page)).toMatchObject({
      status: null,
      problem: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    });
    expect(web.seen.requests.length).toBe(before);
  });

  test('a referrer does not go from HTTPS to HTTP', async () => {
    const { client } = start();
    const before = web.seen.requests.length;
    await client.fetch(web.url('/p/1'), { kind: 'document', referrer: web.secureUrl('/p/1') });
    expect(seenSince(before)[0]!.headers.referer).toBe(undefined);
  });
});

describe('pages that mean harm', () => {
  /** The expected outcome of each: its problem, or the number of links found. */
  const expected: Record<(typeof HOSTILE)[number], string | number> = {
    drip: 'too slow',
    endless: 'cut: longest response',
    huge: 'cut: longest response',
    'redirect-loop': 'too many redirects',
    'redirect-metadata': 'refused: private address 169.254.169.254',
    'redirect-private': 'refused: private address 10.0.0.1',
    'redirect-loopback6': 'refused: private address ::1',
    'redirect-decimal': 'refused: private address 10.0.0.1',
    'redirect-name': 'refused: private address 169.254.169.254',
    'redirect-rebind': 'refused: private address 10.0.0.1',
    'redirect-file': 'refused: scheme file:',
    'redirect-port': 'refused: private address 192.0.2.1',
    'broken-chunks': 'Response does not match the HTTP/1.1 protocol (Invalid character in chunk size)',
    short: 'UND_ERR_SOCKET',
    long: 0,
    'gzip-bomb': 0,
    'brotli-bomb': 0,
    'bad-gzip': 0,
    utf16: 2,
    'shift-jis': 1,
    'invalid-utf8': 1,
    'unknown-charset': 1,
    nested: 0,
    unclosed: 0,
    'many-links': 'cut: longest response',
    'odd-links': 5,
    cookies: 2,
    headers: 'UND_ERR_HEADERS_OVERFLOW',
    'many-headers': 'UND_ERR_HEADERS_OVERFLOW',
    busy: 'status 429',
    down: 'status 503',
    reset: 'UND_ERR_SOCKET',
    silence: 'too slow',
    garbage: 'Response does not match the HTTP/1.1 protocol (Expected HTTP/, RTSP/ or ICE/)',
    binary: 0,
    'refresh-loop': 0,
    frames: 0,
  };

  test('all of them are survived, by one client at once', async () => {
    const { client } = start({ responseTime: 4 });
    const found = await Promise.all(
      HOSTILE.map(async (name, i) => {
        const {
          problem,
          status,
          page: read,
        } = await client.fetch(web.url(`/hostile/${name}`, SITES[i % SITES.length]), page);
        return [name, problem ?? (status === 200 ? (read?.links.length ?? 'no page') : `status ${status}`)] as const;
      }),
    );
    expect(Object.fromEntries(found)).toEqual(expected);
    expect(await client.fetch(web.url('/p/1'), page)).toMatchObject({ status: 200, problem: null });
  });

  test('a server that wants us to stay away says for how long', async () => {
    const { client } = start();
    expect((await client.fetch(web.url('/hostile/busy'), page)).retryAfter).toBe(120);
    expect((await client.fetch(web.url('/hostile/down'), page)).retryAfter).toBe(0);
  });

  test('cookies of public suffixes, of others, and oversize ones are not kept', async () => {
    const { client } = start();
    await client.fetch(web.url('/hostile/cookies'), page);
    const before = web.seen.requests.length;
    await client.fetch(web.url('/p/1'), page);
    const cookie = String(seenSince(before)[0]!.headers.cookie);
    expect(cookie).toContain('ok=1');
    expect(cookie).not.toMatch(/big|evil|other/);
    expect(cookie.length).toBeLessThan(8192);
  });
});

describe('budgets', () => {
  test('connections of HTTPS without HTTP/2 are cut in the midst of a response, and the client lives on', async () => {
    const certificate = await createCertificate(['alpha.test']);
    const piece = Buffer.alloc(20_000);
    const server = createServer(certificate, (_, response) => {
      response.on('error', () => {});
      const write = () => {
        while (!response.destroyed && response.write(piece));
      };
      response.on('drain', write);
      write();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = `https://alpha.test:${(server.address() as AddressInfo).port}/`;
    const { client } = start({
      perHour: 5e6,
      connections: 6,
      responseBytes: 1e8,
      responseTime: 20,
      ca: certificate.cert,
    });
    const answers = await Promise.all(Array.from({ length: 6 }, (_, i) => client.fetch(`${url}${i}`, page)));
    for (const { problem } of answers) expect(problem).toMatch(/budget/);
    expect(client.isSpent).toBe(true);
    expect(client.bytes).toBeLessThanOrEqual(5e6);
    server.closeAllConnections();
    server.close();
  });

  test('the response is cut when the hour is spent, and nothing more is asked for', async () => {
    const { client, budget } = start({ perHour: 2e6, responseBytes: 1e8, connections: 4, responseTime: 20 });
    const answer = await client.fetch(web.url('/hostile/endless'), page);
    expect(answer.problem).toBe('cut: budget');
    expect(client.isSpent).toBe(true);
    expect(answer.bytes).toBeGreaterThan(1.5e6);
    expect(client.bytes).toBeLessThanOrEqual(2e6);
    expect(budget.spending().hour).toBeLessThanOrEqual(2e6);
    const before = web.seen.requests.length;
    expect((await client.fetch(web.url('/p/1'), page)).status).toBe(null);
    expect(web.seen.requests.length).toBe(before);
  });

  test('many at once stay within it too', async () => {
    const { client, budget } = start({ perHour: 4e6, responseBytes: 1e8, connections: 8 });
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        client.fetch(web.url(i % 2 ? '/hostile/endless' : '/hostile/huge', i % 3 ? 'alpha.test' : 'beta.test'), page),
      ),
    );
    expect(answers.every(({ problem }) => problem !== null)).toBe(true);
    expect(budget.spending().hour).toBeLessThanOrEqual(4e6);
    expect(answers.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(4e6);
  });

  test('no more connections than allowed, over all servers', async () => {
    const { client, budget } = start({ connections: 3 });
    let most = 0;
    const timer = setInterval(() => {
      most = Math.max(most, budget.spending().connections);
    }, 1);
    const urls = ['alpha.test', 'beta.test'].flatMap((site) =>
      Array.from({ length: 10 }, (_, i) => web.url(`/r/${i}.png`, site)),
    );
    const answers = await Promise.all(urls.map((url) => client.fetch(url, { kind: 'image', referrer: null })));
    clearInterval(timer);
    expect(most).toBeLessThanOrEqual(3);
    expect(answers.map(({ status }) => status)).toEqual(urls.map(() => 200));
  });

  test('a connection that nobody uses gives way to one that is wanted', async () => {
    const { client } = start({ connections: 2, responseTime: 10 });
    const answers = [];
    for (const site of SITES) answers.push(await client.fetch(web.url('/p/1', site), page));
    const urls = Array.from({ length: 20 }, (_, i) => web.url(`/r/${i}.png`, SITES[i % SITES.length]));
    answers.push(...(await Promise.all(urls.map((url) => client.fetch(url, { kind: 'image', referrer: null })))));
    expect(answers.map(({ problem }) => problem)).toEqual(answers.map(() => null));
    expect(Math.max(...answers.map(({ seconds }) => seconds))).toBeLessThan(9);
  });

  test('the end of a visit ends what is under way at once', async () => {
    const { client, budget, stop } = start({ responseTime: 60 });
    const [one, two] = [client.fetch(web.url('/hostile/silence'), page), client.fetch(web.url('/hostile/drip'), page)];
    await new Promise((resolve) => setTimeout(resolve, 100));
    stop.abort(new Error('over'));
    await expect(one).rejects.toThrow('over');
    await expect(two).rejects.toThrow('over');
    await client.close();
    expect(budget.spending().connections).toBe(0);
  });
});
