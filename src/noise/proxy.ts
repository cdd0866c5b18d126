import { isIPv4, type Socket } from 'node:net';
import ipaddr from 'ipaddr.js';
import { UsageError } from '../shared/errors.js';
import { bareHost } from './urls.js';

export interface ProxyServer {
  readonly kind: 'http' | 'socks5';
  readonly host: string;
  readonly port: number;
  /** Empty where the proxy asks for no name. */
  readonly user: string;
  readonly password: string;
}

/** @throws UsageError */
export function parseProxy(text: string): ProxyServer | null {
  if (text === '') return null;
  let url: URL;
  try {
    // URL leaves the host as it is under schemes that it does not know, such as socks5.
    url = new URL(text);
  } catch {
    throw new UsageError(`proxy: expected http://host:port or socks5://host:port, found "${text}"`);
  }
  const kind = url.protocol.slice(0, -1);
  const port = Number(url.port) || (kind === 'http' ? 80 : 1080);
  if ((kind !== 'http' && kind !== 'socks5') || url.hostname === '') {
    throw new UsageError(`proxy: expected http://host:port or socks5://host:port, found "${text}"`);
  }
  const host = bareHost(url.hostname);
  return { kind, host, port, user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
}

/** Asks the proxy at the other end of `socket` to connect to an address. From then on the socket leads there. */
export async function openThrough(proxy: ProxyServer, socket: Socket, address: string, port: number): Promise<void> {
  if (proxy.kind === 'http') return openHttp(proxy, socket, address, port);
  return openSocks(proxy, socket, address, port);
}

/** Opens a tunnel by CONNECT (RFC 9110, section 9.3.6). */
async function openHttp({ user, password }: ProxyServer, socket: Socket, address: string, port: number): Promise<void> {
  const target = `${isIPv4(address) ? address : `[${address}]`}:${port}`;
  const credentials = Buffer.from(`${user}:${password}`).toString('base64');
  const authorization = user === '' ? '' : `Proxy-Authorization: Basic ${credentials}\r\n`;
  socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${authorization}\r\n`);
  let head = '';
  while (!head.endsWith('\r\n\r\n')) {
    if (head.length > 8192) throw new Error('proxy: no end to its answer');
    // One byte at a time: bytes after the head belong to the other end.
    head += (await read(socket, 1)).toString('latin1');
  }
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1];
  if (!status?.startsWith('2')) throw new Error(`proxy: answered ${status ?? 'something else than HTTP'}`);
}

/** Opens a connection by SOCKS 5 (RFC 1928), with the user name and password of RFC 1929 where there are any. */
async function openSocks(
  { user, password }: ProxyServer,
  socket: Socket,
  address: string,
  port: number,
): Promise<void> {
  const hasUser = user !== '';
  socket.write(Buffer.from([5, 1, hasUser ? 2 : 0]));
  const [version, method] = await read(socket, 2);
  if (version !== 5 || method !== (hasUser ? 2 : 0)) throw new Error('proxy: refused to talk SOCKS 5 with us');
  if (hasUser) {
    const [name, word] = [Buffer.from(user), Buffer.from(password)];
    socket.write(Buffer.concat([Buffer.from([1, name.length]), name, Buffer.from([word.length]), word]));
    if ((await read(socket, 2))[1] !== 0) throw new Error('proxy: refused name and password');
  }
  const bytes = ipaddr.parse(address).toByteArray();
  socket.write(Buffer.from([5, 1, 0, bytes.length === 4 ? 1 : 4, ...bytes, port >> 8, port & 255]));
  const [, reply, , type] = await read(socket, 4);
  if (reply !== 0) throw new Error(`proxy: could not connect (SOCKS reply ${reply})`);
  const length = type === 1 ? 4 : type === 4 ? 16 : (await read(socket, 1))[0]!;
  await read(socket, length + 2);
}

/** Reads exactly `length` bytes; the rest stays in the socket. */
function read(socket: Socket, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, bytes?: Buffer) => {
      socket.off('readable', take).off('end', closed).off('close', closed).off('error', closed);
      if (error) reject(error);
      else resolve(bytes!);
    };
    const closed = () => done(new Error('proxy: closed the connection'));
    const take = () => {
      const bytes: Buffer | null = socket.read(length);
      if (bytes) done(bytes.length === length ? null : new Error('proxy: closed the connection'), bytes);
    };
    socket.on('readable', take).once('end', closed).once('close', closed).once('error', closed);
    take();
  });
}
