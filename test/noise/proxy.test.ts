import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createGuard } from '../../src/noise/addresses.js';
import { createBudget } from '../../src/noise/budget.js';
import { createIdentities } from '../../src/noise/identity.js';
import { parseProxy } from '../../src/noise/proxy.js';
import { createClient } from '../../src/noise/web-client.js';
import { createRng } from '../../src/shared/rng.js';
import { createLocalWeb, type LocalWeb } from '../support/local-web.js';

let web: LocalWeb;
const servers: Server[] = [];
const sockets = new Set<Socket>();
beforeAll(async () => {
  web = await createLocalWeb({ secure: true });
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
  await web.close();
});

async function serve(talk: (client: Socket) => void): Promise<number> {
  const server = createServer((client) => {
    sockets.add(client);
    client.on('error', () => {});
    talk(client);
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function join(client: Socket, host: string, port: number): void {
  const far = connect(port, host);
  sockets.add(far);
  far.on('error', () => client.destroy());
  far.pipe(client);
  client.pipe(far);
}

/** A proxy of RFC 9110's CONNECT that writes down what it is asked. */
async function httpProxy(asked: string[], status = 200): Promise<number> {
  return serve((client) => {
    client.once('data', (data) => {
      asked.push(data.toString());
      client.write(`HTTP/1.1 ${status} x\r\nVia: test\r\n\r\n`);
      const [, host, port] = /^CONNECT (.*):(\d+) /.exec(data.toString())!;
      if (status === 200) join(client, host!, Number(port));
    });
  });
}

/** A proxy of RFC 1928 and 1929, byte by byte as those describe it. */
async function socksProxy(asked: string[], hasUser: boolean): Promise<number> {
  return serve((client) => {
    const steps: ((data: Buffer) => void)[] = [
      (data) => {
        asked.push(data.toString('hex'));
        client.write(Buffer.from([5, hasUser ? 2 : 0]));
      },
      ...(hasUser
        ? [
            (data: Buffer) => {
              asked.push(data.toString('hex'));
              client.write(Buffer.from([1, 0]));
            },
          ]
        : []),
      (data) => {
        asked.push(data.toString('hex'));
        client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
        join(client, [...data.subarray(4, 8)].join('.'), data.readUInt16BE(8));
      },
    ];
    const next = () =>
      client.once('data', (data) => {
        steps.shift()!(data);
        if (steps.length > 0) next();
      });
    next();
  });
}

function fetchThrough(proxy: string, url: string) {
  const [identity] = createIdentities(1, [], createRng(1));
  const stop = new AbortController();
  const client = createClient({
    guard: createGuard({ allowPrivate: ['127.0.0.0/8'], lookup: web.lookup }),
    budget: createBudget({ perHour: 1e8, perDay: 1e8, perMonth: 1e8, requestsPerMinute: 100, connections: 5 }),
    identity: identity!,
    proxy: parseProxy(proxy),
    responseBytes: 1e6,
    responseTime: 2,
    signal: stop.signal,
    ca: web.certificate,
  });
  return client.fetch(url, { kind: 'document', referrer: null }).finally(() => client.close());
}

describe('through a proxy, to addresses that were checked here', () => {
  test('HTTP, with a user', async () => {
    const asked: string[] = [];
    const port = await httpProxy(asked);
    for (const url of [web.url('/p/1'), web.secureUrl('/p/1')]) {
      expect(await fetchThrough(`http://me:p%40ss@127.0.0.1:${port}`, url)).toMatchObject({
        status: 200,
        problem: null,
      });
    }
    expect(asked[0]).toContain(`CONNECT 127.0.0.1:${web.port} HTTP/1.1\r\n`);
    // base64 of me:p@ss
    expect(asked[1]).toContain('Proxy-Authorization: Basic bWU6cEBzcw==\r\n');
  });

  test('SOCKS 5, without and with a user', async () => {
    const asked: string[] = [];
    const bare = await socksProxy(asked, false);
    expect(await fetchThrough(`socks5://127.0.0.1:${bare}`, web.secureUrl('/p/1'))).toMatchObject({ status: 200 });
    expect(asked).toEqual(['050100', `050100017f000001${web.securePort.toString(16).padStart(4, '0')}`]);
    asked.length = 0;
    const guarded = await socksProxy(asked, true);
    expect(await fetchThrough(`socks5://me:pw@127.0.0.1:${guarded}`, web.url('/p/1'))).toMatchObject({ status: 200 });
    expect(asked.slice(0, 2)).toEqual(['050102', '01026d65027077']);
  });

  test('a private address is not asked for there either', async () => {
    const asked: string[] = [];
    const port = await httpProxy(asked);
    const answer = await fetchThrough(`http://127.0.0.1:${port}`, web.url('/hostile/redirect-name'));
    expect(answer.problem).toBe('refused: private address 169.254.169.254');
    expect(asked).toHaveLength(1);
  });

  test('one that refuses, or is none, is a problem and no more', async () => {
    const port = await httpProxy([], 403);
    expect((await fetchThrough(`http://127.0.0.1:${port}`, web.url('/p/1'))).problem).toBe('proxy: answered 403');
    expect((await fetchThrough(`socks5://127.0.0.1:${web.port}`, web.url('/p/1'))).problem).toMatch(
      /proxy: refused to talk SOCKS 5/,
    );
    expect((await fetchThrough('http://127.0.0.1:1', web.url('/p/1'))).problem).toBe('ECONNREFUSED');
  });
});

test('what is no proxy is said to be none', () => {
  expect(parseProxy('')).toBe(null);
  expect(parseProxy('socks5://[fd00::1]:9050')).toMatchObject({ kind: 'socks5', host: 'fd00::1', port: 9050 });
  for (const text of ['https://x', 'socks5://', 'nonsense'])
    expect(() => parseProxy(text)).toThrow(/expected http:\/\/host:port/);
});
