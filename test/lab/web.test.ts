import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWeb, type Web } from '../../src/lab/web.js';
import { type Page, readPage } from '../../src/noise/page.js';
import { drawDocument, drawObject, drawObjects, shareObjects } from '../../src/shaping/kit/web.js';
import { createRng } from '../../src/shared/rng.js';

const OBJECTS = 2;
const webs: Readonly<Record<string, Web>> = {
  one: createWeb({ seed: 1, objects: OBJECTS, speed: 1000 }),
  again: createWeb({ seed: 1, objects: OBJECTS, speed: 1000 }),
  other: createWeb({ seed: 2, objects: OBJECTS, speed: 1000 }),
};
const web = webs.one!;
const server = createServer((incoming, outgoing) =>
  webs[String(incoming.headers['x-web'] ?? 'one')]!.respond(incoming, outgoing),
);
const agent = new Agent({ keepAlive: true, maxSockets: 8 });
let port: number;
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  agent.destroy();
  server.close();
});

async function ask(url: string, method = 'GET', of = 'one') {
  const { host, pathname } = new URL(url);
  const asked = request({
    host: '127.0.0.1',
    port,
    path: pathname,
    method,
    agent,
    headers: { Host: host, 'X-Web': of },
  });
  const [response] = await once(asked.end(), 'response');
  const body = await buffer(response);
  return { status: response.statusCode, length: Number(response.headers['content-length']), body };
}

interface Loaded {
  readonly url: URL;
  readonly bytes: number;
  readonly page: Page;
  /** Bytes of each object. */
  readonly objects: readonly number[];
}

async function load(url: string): Promise<Loaded> {
  const { status, length, body } = await ask(url);
  expect([status, body.length]).toEqual([200, length]);
  const reader = readPage(url, 'text/html; charset=utf-8');
  reader.write(body);
  const page = reader.end();
  const objects = await Promise.all(page.resources.map(async (one) => (await ask(one.url, 'HEAD')).length));
  return { url: new URL(url), bytes: length, page, objects };
}

/** Largest distance between two empirical distributions, in units of what it exceeds once in a thousand (Kolmogorov and Smirnov). */
function distance(a: readonly number[], b: readonly number[]): number {
  const [x, y] = [[...a].sort((p, q) => p - q), [...b].sort((p, q) => p - q)];
  let largest = 0;
  for (let i = 0, j = 0; i < x.length && j < y.length; ) {
    const at = Math.min(x[i]!, y[j]!);
    while (x[i]! <= at) i++;
    while (y[j]! <= at) j++;
    largest = Math.max(largest, Math.abs(i / x.length - j / y.length));
  }
  return largest / (1.95 * Math.sqrt(1 / x.length + 1 / y.length));
}

describe('a page of each host', () => {
  let loaded: readonly Loaded[];
  beforeAll(async () => {
    loaded = await Promise.all(web.hosts.map((host) => load(`http://${host}:${port}/`)));
  });

  test('sizes and numbers are distributed as those of the simulated web', () => {
    const rng = createRng(3, 'simulated');
    const draw = (one: () => number) => Array.from({ length: 20_000 }, one);
    const documents = loaded.map(({ bytes }) => bytes);
    expect(
      distance(
        documents,
        draw(() => drawDocument(rng)),
      ),
    ).toBeLessThan(1);
    expect(
      distance(
        loaded.flatMap(({ objects }) => objects),
        draw(() => drawObject(rng)),
      ),
    ).toBeLessThan(1);
    expect(
      distance(
        loaded.map(({ objects }) => objects.length),
        draw(() => drawObjects(rng, OBJECTS)),
      ),
    ).toBeLessThan(1);
    // It can tell: half as much again is another distribution.
    expect(
      distance(
        documents,
        draw(() => 1.5 * drawDocument(rng)),
      ),
    ).toBeGreaterThan(1);
  });

  test('objects are shared among hosts as there, and none is of two pages', () => {
    const all = loaded.flatMap(({ page }) => page.resources.map(({ url }) => url));
    expect(new Set(all).size).toBe(all.length);
    for (const { url, page } of loaded) {
      const shares = new Map<string, number>([[url.host, 0]]);
      for (const one of page.resources) {
        const { host } = new URL(one.url);
        shares.set(host, (shares.get(host) ?? 0) + 1);
      }
      expect([...shares.values()]).toEqual(shareObjects(page.resources.length));
    }
    const kinds = new Set(loaded.flatMap(({ page }) => page.resources.map(({ kind }) => kind)));
    expect(kinds).toEqual(new Set(['style', 'script', 'image']));
  });

  test('links lead on within the host and beyond it, to hosts of this web; one page in twenty is a dead end', () => {
    const ends = loaded.filter(({ page }) => page.links.length === 0);
    // 15 on average; fewer than 3 or more than 30 once in some thousands.
    expect(ends.length).toBeGreaterThan(2);
    expect(ends.length).toBeLessThan(31);
    const hosts = new Set(web.hosts.map((host) => `${host}:${port}`));
    for (const { url, page } of loaded) {
      if (page.links.length === 0) continue;
      const to = page.links.map((link) => new URL(link).host);
      expect(to.filter((host) => host === url.host).length).toBeGreaterThan(5);
      expect(new Set(to).size).toBe(5);
      expect(to.every((host) => hosts.has(host))).toBe(true);
    }
  });

  test('browsers are told that there is an icon', () => {
    for (const { page } of loaded) expect(page.hasIcon).toBe(true);
  });
});

test('names are some hundred of 8 to 32 characters, and nobody has them', () => {
  expect(new Set(web.hosts).size).toBe(300);
  for (const host of web.hosts) {
    expect(host).toMatch(/^[a-z]+\.(example|test)$/);
    expect(host.length).toBeGreaterThanOrEqual(8);
    expect(host.length).toBeLessThanOrEqual(32);
  }
  expect(web.roots[7]).toBe(`https://${web.hosts[7]}/`);
});

test('all follows from URL and seed alone', async () => {
  expect(webs.again!.hosts).toEqual(web.hosts);
  expect(webs.other!.hosts).not.toEqual(web.hosts);
  const url = `http://${web.hosts[3]}/p77`;
  const { body } = await ask(url);
  expect((await ask(url, 'GET', 'again')).body.equals(body)).toBe(true);
  expect((await ask(url.replace('p77', 'p78'))).body.equals(body)).toBe(false);
});

test.each(['/robots.txt', '/favicon.ico', '/p123456', '/o1.2.3.exe'])('there is no %s', async (path) => {
  expect((await ask(`http://${web.hosts[0]}${path}`)).status).toBe(404);
});

test('no other host is answered for', async () => {
  expect((await ask('http://elsewhere.example/')).status).toBe(404);
});

test('headers of a response take what the simulated ones take, about', async () => {
  const socket = connect(port, '127.0.0.1');
  socket.write(`GET / HTTP/1.1\r\nHost: ${web.hosts[0]}\r\nConnection: close\r\n\r\n`);
  const response = await text(socket);
  expect(response).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  expect(Math.abs(response.indexOf('\r\n\r\n') + 4 - 400)).toBeLessThan(40);
});
