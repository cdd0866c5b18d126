import { randomBytes, timingSafeEqual } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Refused } from './addresses.js';
import { type OpenOptions, openChecked } from './connector.js';
import { linkSignals } from './signals.js';
import { bareHost, parseUrl, portOf } from './urls.js';

/** A proxy on this machine, the browser's only way to the network: it checks every address, and meters every byte. */
export interface Gateway {
  /** 0 where it listens on a Unix socket. */
  readonly port: number;
  readonly user: string;
  readonly password: string;
  close(): Promise<void>;
}

const HEADERS_OF_THIS_HOP = new Set([
  'proxy-authorization',
  'proxy-connection',
  'connection',
  'keep-alive',
  'te',
  'upgrade',
]);

/** Milliseconds of silence after which a connection may be closed to make room for another. */
const SILENCE = 2000;

interface GatewayOptions extends OpenOptions {
  /** Path of a Unix socket to listen on, in place of a port of loopback. */
  readonly socket?: string | null;
}

/** Starts a gateway. @param options `timeout`: seconds for opening a connection */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { guard, signal, timeout, socket: path = null } = options;
  // Every request listens to it.
  setMaxListeners(0, signal);
  const [user, password] = ['noise', randomBytes(16).toString('hex')];
  const credentials = Buffer.from(`Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`);
  const mayUse = ({ headers }: IncomingMessage) => {
    const given = Buffer.from(headers['proxy-authorization'] ?? '');
    return given.length === credentials.length && timingSafeEqual(given, credentials);
  };
  const open = async (hostname: string, port: number): Promise<Socket> => {
    const timed = linkSignals([signal], timeout);
    return openChecked(hostname, port, { ...options, signal: timed.signal }).finally(timed.release);
  };

  /** Open tunnels with the time of their last byte, in ms. */
  const tunnels = new Map<Socket, number>();
  const agent = new Agent({ keepAlive: true, maxSockets: 6 });
  // Its type lacks the callback by which Node accepts a socket later.
  agent.createConnection = ((
    target: { host: string; port: number },
    callback: (error: Error | null, socket?: Socket) => void,
  ) => {
    open(target.host, Number(target.port)).then((socket) => callback(null, socket), callback);
  }) as unknown as typeof agent.createConnection;

  const forward = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const refuse = (status: number) => outgoing.writeHead(status).end();
    if (!mayUse(incoming)) return void outgoing.writeHead(407, { 'Proxy-Authenticate': 'Basic realm="noise"' }).end();
    const url = parseUrl(incoming.url ?? '');
    try {
      if (url?.protocol !== 'http:') return void refuse(400);
      guard.checkUrl(url);
    } catch {
      return void refuse(403);
    }
    const headers: string[] = [];
    for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
      if (!HEADERS_OF_THIS_HOP.has(incoming.rawHeaders[i]!.toLowerCase()))
        headers.push(...incoming.rawHeaders.slice(i, i + 2));
    }
    const onward = request({
      agent,
      host: bareHost(url.hostname),
      port: portOf(url),
      path: `${url.pathname}${url.search}`,
      method: incoming.method,
      headers,
      setHost: false,
      signal,
    });
    onward.on('response', (response) => {
      try {
        outgoing.writeHead(response.statusCode ?? 502, response.rawHeaders);
      } catch {
        outgoing.destroy();
        onward.destroy();
        return;
      }
      response.on('error', () => outgoing.destroy());
      response.pipe(outgoing);
    });
    onward.on('error', (error) => {
      if (outgoing.headersSent) outgoing.destroy();
      else refuse(error instanceof Refused ? 403 : 502);
    });
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  };

  const tunnel = async (incoming: IncomingMessage, client: Duplex, head: Buffer) => {
    client.on('error', () => {});
    if (!mayUse(incoming)) {
      return client.end(
        'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="noise"\r\nContent-Length: 0\r\n\r\n',
      );
    }
    try {
      const url = new URL(`https://${incoming.url}`);
      guard.checkUrl(url);
      const far = await open(url.hostname, portOf(url));
      tunnels.set(far, performance.now());
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      if (head.length > 0) far.write(head);
      far.on('data', () => tunnels.set(far, performance.now()));
      client.on('data', () => tunnels.set(far, performance.now()));
      far.on('close', () => {
        tunnels.delete(far);
        client.destroy();
      });
      client.on('close', () => far.destroy());
      far.pipe(client);
      client.pipe(far);
    } catch (error) {
      client.end(`HTTP/1.1 ${error instanceof Refused ? 403 : 502} no\r\nContent-Length: 0\r\n\r\n`);
    }
  };

  /** Closes the tunnel that was silent for longest, as servers do: whether a request is pending in it cannot be seen. */
  const removeHolder = options.budget.addHolder(() => {
    const [silent] = [...tunnels].sort((a, b) => a[1] - b[1]);
    if (!silent || performance.now() - silent[1] < SILENCE) return false;
    silent[0].destroy();
    return true;
  });

  const server = createServer(forward);
  const clients = new Set<Duplex>();
  server.on('connection', (socket) => {
    clients.add(socket);
    socket.once('close', () => clients.delete(socket));
  });
  server.on('connect', (incoming, client, head) => void tunnel(incoming, client, head));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    if (path === null) server.listen(0, '127.0.0.1', resolve);
    else server.listen(path, resolve);
  });
  return {
    port: path === null ? (server.address() as AddressInfo).port : 0,
    user,
    password,
    async close() {
      removeHolder();
      agent.destroy();
      for (const client of clients) client.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
