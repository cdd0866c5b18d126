import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Comparison, createComparison } from '../../src/watch/comparison.js';
import { parsePlace, serveWatch, type WatchServer } from '../../src/watch/server.js';
import { createWatcher } from '../../src/watch/watcher.js';

let server: WatchServer;
let comparison: Comparison;
let host: string;
let port: number;
let path: string;

beforeAll(async () => {
  const options = {
    identifier: { predict: async () => new Float32Array(0) },
    ...{ classes: [], mistaken: [], span: 60 },
    windowing: { size: 10, mix: 'home', port: 'service', stride: 10 } as const,
  };
  comparison = createComparison(createWatcher(options as never), options as never, { seconds: 60, pairs: 1 }, null);
  server = await serveWatch(parsePlace('0'), { comparison });
  const url = new URL(server.url);
  [host, port, path] = [url.host, Number(url.port), url.pathname];
});
afterAll(() => server.close());

/** Sends bytes as they are. @returns the status that comes back; null where the connection is closed without one */
function send(bytes: string): Promise<number | null> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? Number.NaN) || null));
  });
}

interface Request {
  readonly method?: string;
  readonly path?: string;
  readonly host?: string | null;
  readonly headers?: string;
  readonly body?: string;
}

const ask = ({ method = 'GET', path: at = path, host: name = host, headers = '', body = '' }: Request = {}) =>
  send(
    `${method} ${at} HTTP/1.1\r\n${name === null ? '' : `Host: ${name}\r\n`}${headers}Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  );
const post = (what: string, body = '', headers = '') => ask({ method: 'POST', path: path + what, body, headers });

test('other names of this machine, other pages, paths and methods are refused', async () => {
  expect(await ask()).toBe(200);
  for (const name of ['evil.example', `evil.example:${port}`, `127.0.0.1.:${port}`, `LOCALHOST:${port}.evil.example`]) {
    expect([name, await ask({ host: name })]).toEqual([name, 421]);
  }
  expect(await ask({ host: null })).toBe(400);
  for (const origin of ['http://evil.example', 'null', `http://${host}.evil.example`]) {
    expect([origin, await post('cancel', '', `Origin: ${origin}\r\n`)]).toEqual([origin, 403]);
  }
  for (const at of [
    '/',
    '/compare',
    '../../etc/passwd',
    '..%2f..%2fetc%2fpasswd',
    'a/b',
    '__proto__',
    'a'.repeat(8000),
  ]) {
    expect([at, await ask({ path: at.startsWith('/') ? at : path + at })]).toEqual([at, 404]);
  }
  for (const method of ['PUT', 'DELETE', 'OPTIONS', 'TRACE']) {
    expect([method, await ask({ method })]).toEqual([method, 405]);
  }
});

test('what is no request, or too long a one, ends its own connection only', async () => {
  expect(await ask({ path: '//[' })).not.toBe(200);
  expect(await ask({ path: path + 'a'.repeat(20_000) })).toBe(431);
  expect(await ask({ headers: `X-Long: ${'a'.repeat(20_000)}\r\n` })).toBe(431);
  expect(await send('\0\x01\x02\r\n\r\n')).toBe(400);
  expect([400, null]).toContain(await post('compare', 'a'.repeat(1_000_000)));
  expect(await ask()).toBe(200);
});

test('forms with odd numbers begin no comparison', async () => {
  for (const form of [
    'minutes=1e308&pairs=-5',
    'minutes=NaN',
    'minutes=0.0000001&pairs=1e9',
    'pairs=1.5',
    'minutes=-1',
  ]) {
    expect([form, await post('compare', form)]).toEqual([form, 400]);
  }
  for (const what of ['__proto__', 'constructor', 'confirm2']) expect([what, await post(what)]).toEqual([what, 400]);
  expect(comparison.status.phase).toBe('idle');
});

test('readers that never read, and requests that never end, leave room for others', async () => {
  const held: Socket[] = [];
  const codes: string[] = [];
  for (let i = 0; i < 20; i++) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`GET ${path}events HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    socket.once('data', (chunk) => {
      codes.push(chunk.toString('latin1', 9, 12));
      socket.pause();
    });
    held.push(socket);
  }
  for (let i = 0; i < 200; i++) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nHost: 1');
    held.push(socket);
  }
  // Nothing has been seen yet, so the 16 that may look have nothing to read.
  while (codes.length < 4) await pause(20);
  await pause(50);
  expect(codes).toEqual(['503', '503', '503', '503']);
  expect(await ask()).toBe(200);
  for (const socket of held) socket.destroy();
});
