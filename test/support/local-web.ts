import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createSecureServer } from 'node:http2';
import type { AddressInfo, Server, Socket } from 'node:net';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { createCertificate } from '../../src/lab/certificate.js';
import type { Lookup } from '../../src/noise/addresses.js';

/**
 * A web on this machine: some thousand pages of several sites that link to each other, with styles, scripts and pictures, all
 * of which follow from their number; and pages that mean harm. It counts what is asked of it, on its own side.
 */
export interface LocalWeb {
  readonly port: number;
  /** Port of HTTPS with HTTP/2 and HTTP/1.1; 0 if it was not asked for. */
  readonly securePort: number;
  /** The certificate of `securePort`, which nobody has signed. */
  readonly certificate: string;
  /** Sites' names to this machine, some others to where they should not lead. */
  readonly lookup: Lookup;
  readonly seen: Seen;
  url(path: string, site?: string): string;
  secureUrl(path: string, site?: string): string;
  close(): Promise<void>;
}

/** Requests that the servers have seen. Times are of performance.now(), in ms. */
export interface Seen {
  requests: {
    readonly time: number;
    readonly path: string;
    readonly host: string;
    readonly headers: Headers;
    readonly version: string;
  }[];
  connections: number;
  mostConnections: number;
  open: number;
  /** In any 60 seconds. */
  mostPerMinute: number;
}
type Headers = Readonly<Record<string, string | string[] | undefined>>;

export interface LocalWebOptions {
  /** Pages of all sites. */
  readonly pages?: number;
  /** Also HTTPS; needs openssl. */
  readonly secure?: boolean;
  /** Whether pages link to the hostile ones. */
  readonly hostile?: boolean;
  /** By default 127.0.0.1. */
  readonly address?: string;
  /** All on one host, so that no name is looked up. */
  readonly oneHost?: boolean;
  /** Requests are kept for tests to look at; not over a long run. */
  readonly keepRequests?: boolean;
}

export const SITES = ['alpha.test', 'beta.test', 'gamma.test', 'delta.test', 'epsilon.test'] as const;
const CDN = 'cdn.test';
/** Names of addresses that no connection may ever reach. Only the local web's lookup resolves them. */
const TRAPS: Readonly<Record<string, readonly string[]>> = {
  'metadata.test': ['169.254.169.254'],
  'router.test': ['192.168.1.1'],
  'rebind.test': ['127.0.0.1', '10.0.0.1'],
  'mapped.test': ['::ffff:10.0.0.1'],
  'ula.test': ['fd00::1'],
};

/** Resolves the names of the local web, as if there were no others. */
export function localLookup(address = '127.0.0.1'): Lookup {
  return async (name) => {
    const trap = TRAPS[name];
    if (trap) return trap;
    if ((SITES as readonly string[]).includes(name) || name === CDN) return [address];
    throw Object.assign(new Error(`no such name: ${name}`), { code: 'ENOTFOUND' });
  };
}

/** A number of 32 bits that follows from `n`, for everything that is to look like chance. */
function hash(n: number): number {
  let x = (n + 0x9e3779b9) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}
const share = (n: number) => hash(n) / 2 ** 32;

/** Log-normal from the numbers of two uniforms. */
function heavy(n: number, median: number, spread: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - share(2 * n))) * Math.cos(2 * Math.PI * share(2 * n + 1));
  return Math.round(Math.min(1e6, Math.max(100, median * Math.exp(spread * normal))));
}

const BOMBS = {
  gzip: gzipSync(Buffer.alloc(50e6)),
  br: brotliCompressSync(Buffer.alloc(50e6, ' '), { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }),
};
const FILLER = randomBytes(1 << 20);
/** One white pixel. Browsers that find no picture in what they load stop loading it; what follows the end of one they load too. */
const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mP8/x8AAwMCAO+ip1sAAAAASUVORK5CYII=',
  'base64',
);
const PICTURE = Buffer.concat([PIXEL, FILLER]);
const WORDS = 'the house and a garden of light were near one river where people came to hear about old books'.split(
  ' ',
);

export const HOSTILE = [
  'drip',
  'endless',
  'huge',
  'redirect-loop',
  'redirect-metadata',
  'redirect-private',
  'redirect-loopback6',
  'redirect-decimal',
  'redirect-name',
  'redirect-rebind',
  'redirect-file',
  'redirect-port',
  'broken-chunks',
  'short',
  'long',
  'gzip-bomb',
  'brotli-bomb',
  'bad-gzip',
  'utf16',
  'shift-jis',
  'invalid-utf8',
  'unknown-charset',
  'nested',
  'unclosed',
  'many-links',
  'odd-links',
  'cookies',
  'headers',
  'many-headers',
  'busy',
  'down',
  'reset',
  'silence',
  'garbage',
  'binary',
  'refresh-loop',
  'frames',
] as const;

export async function createLocalWeb(options: LocalWebOptions = {}): Promise<LocalWeb> {
  const { pages = 3000, hostile = true, oneHost = false, address = '127.0.0.1', keepRequests = true } = options;
  const seen: Seen = { requests: [], connections: 0, mostConnections: 0, open: 0, mostPerMinute: 0 };
  const lastMinute: number[] = [];
  const sockets = new Set<Socket>();

  const answer = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const path = incoming.url ?? '/';
    const now = performance.now();
    lastMinute.push(now);
    while (lastMinute[0]! <= now - 60_000) lastMinute.shift();
    seen.mostPerMinute = Math.max(seen.mostPerMinute, lastMinute.length);
    const headers = incoming.headers as Headers;
    const host = String(headers.host ?? headers[':authority'] ?? '');
    if (keepRequests) seen.requests.push({ time: now, path, host, headers, version: incoming.httpVersion });
    outgoing.on('error', () => {});
    const scheme = 'encrypted' in incoming.socket ? 'https' : 'http';
    const origin = (site: string) => `${scheme}://${oneHost ? host : `${site}:${host.split(':')[1] ?? ''}`}`;
    if (path === '/robots.txt') return void send(outgoing, 'text/plain', robotsOf(host));
    if (path.startsWith('/r/')) return void resource(path, headers, outgoing);
    if (path.startsWith('/hostile/')) return attack(path.slice(9), outgoing, origin);
    const page = path === '/' ? hash(host.length) % pages : Number(/^\/p\/(\d+)$/.exec(path)?.[1] ?? Number.NaN);
    if (!(page < pages)) return void send(outgoing, 'text/html', '<title>no</title>', 404);
    outgoing.setHeader('Set-Cookie', [`seen=${page}; Path=/`, 'theme=light; Path=/; HttpOnly']);
    send(outgoing, 'text/html; charset=utf-8', pageOf(page, pages, origin, hostile), 200, headers);
  };

  const track = (socket: Socket) => {
    sockets.add(socket);
    seen.connections++;
    seen.open++;
    seen.mostConnections = Math.max(seen.mostConnections, seen.open);
    socket.on('error', () => {});
    socket.once('close', () => {
      sockets.delete(socket);
      seen.open--;
    });
  };
  const listen = async (server: Server): Promise<number> => {
    server.on('connection', track);
    await new Promise<void>((resolve) => server.listen(0, address, resolve));
    return (server.address() as AddressInfo).port;
  };

  const plain = createServer({ keepAliveTimeout: 60_000 }, answer);
  const port = await listen(plain);
  const identity = options.secure ? await createCertificate([...SITES, CDN]) : null;
  const secure = identity
    ? createSecureServer(
        { ...identity, allowHTTP1: true },
        answer as unknown as Parameters<typeof createSecureServer>[1],
      )
    : null;
  secure?.on('sessionError', () => {});
  const securePort = secure ? await listen(secure as unknown as Server) : 0;

  return {
    port,
    securePort,
    certificate: identity?.cert ?? '',
    seen,
    lookup: localLookup(address),
    url: (path, site = SITES[0]) => `http://${site}:${port}${path}`,
    secureUrl: (path, site = SITES[0]) => `https://${site}:${securePort}${path}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      await Promise.all([plain, secure].map((server) => server && new Promise((resolve) => server.close(resolve))));
    },
  };
}

function robotsOf(host: string): string {
  if (host.startsWith('delta'))
    return `User-agent: *\nDisallow: /p/1*3\nDisallow: /hostile/\n${'Disallow: /a*b*c*d*e\n'.repeat(20_000)}`;
  return 'User-agent: *\nDisallow: /private/\nCrawl-delay: 0\n';
}

function send(outgoing: ServerResponse, type: string, text: string, status = 200, headers: Headers = {}): void {
  const isGzip = String(headers['accept-encoding'] ?? '').includes('gzip') && text.length > 500;
  const body = isGzip ? gzipSync(text, { level: 1 }) : Buffer.from(text);
  outgoing.writeHead(status, {
    'Content-Type': type,
    'Content-Length': body.length,
    ...(isGzip ? { 'Content-Encoding': 'gzip' } : {}),
  });
  outgoing.end(body);
}

const TYPES: Readonly<Record<string, string>> = { css: 'text/css', js: 'text/javascript', png: 'image/png' };

/** `/r/17.png`: of a size that follows from its number. Understands a range from 0, as servers of files do. */
function resource(path: string, headers: Headers, outgoing: ServerResponse): void {
  const [, number = '0', kind = 'png'] = /^\/r\/(\d+)\.(\w+)$/.exec(path) ?? [];
  const n = Number(number);
  const size = kind === 'css' ? heavy(n, 12_000, 1) : kind === 'js' ? heavy(n, 25_000, 1.2) : heavy(n, 18_000, 1.3);
  const range = /^bytes=0-(\d+)$/.exec(String(headers.range ?? ''))?.[1];
  const length = range === undefined ? size : Math.min(size, Number(range) + 1);
  // A comment to CSS and JavaScript alike, so that a browser runs nothing.
  const body =
    kind === 'png'
      ? PICTURE.subarray(0, length)
      : Buffer.concat([Buffer.from('/*'), Buffer.alloc(Math.max(0, length - 4), 'x'), Buffer.from('*/')]).subarray(
          0,
          length,
        );
  outgoing.writeHead(range === undefined ? 200 : 206, {
    'Content-Type': TYPES[kind] ?? 'application/octet-stream',
    'Content-Length': body.length,
    'Cache-Control': 'max-age=3600',
    ...(range === undefined ? {} : { 'Content-Range': `bytes 0-${length - 1}/${size}` }),
  });
  outgoing.end(body);
}

function pageOf(page: number, pages: number, origin: (site: string) => string, hostile: boolean): string {
  const site = (n: number) => origin(SITES[hash(n) % SITES.length]!);
  const parts = [`<!doctype html><html><head><title>Page ${page}</title>`];
  const styles = 1 + (hash(page) % 3);
  const scripts = 1 + (hash(page + 1) % 4);
  const pictures = 2 + (hash(page + 2) % 14);
  for (let i = 0; i < styles; i++) parts.push(`<link rel="stylesheet" href="/r/${hash(i) % 50}.css">`);
  for (let i = 0; i < scripts; i++)
    parts.push(`<script defer src="${i % 2 ? origin(CDN) : ''}/r/${hash(page * 7 + i) % 400}.js"></script>`);
  parts.push('</head><body>');
  for (let i = 0; i < 12; i++) {
    const to = hash(page * 131 + i) % pages;
    parts.push(`<p>${sentence(page + i)} <a href="${i % 4 === 3 ? site(page + i) : ''}/p/${to}">page ${to}</a></p>`);
  }
  for (let i = 0; i < pictures; i++) {
    const n = hash(page * 31 + i) % 5000;
    parts.push(
      i % 3
        ? `<img src="${origin(CDN)}/r/${n}.png" alt="">`
        : `<img srcset="/r/${n}.png 640w, /r/${n + 1}.png 1280w" src="/r/${n}.png" alt="">`,
    );
  }
  if (hostile && hash(page + 3) % 4 === 0) {
    parts.push(`<a href="/hostile/${HOSTILE[hash(page + 4) % HOSTILE.length]}">odd</a>`);
  }
  for (let i = 0; i < heavy(page, 40, 0.8) && i < 400; i++) parts.push(`<p>${sentence(page * 3 + i)}</p>`);
  return parts.join('\n');
}

function sentence(n: number): string {
  return Array.from({ length: 24 }, (_, i) => WORDS[hash(n * 24 + i) % WORDS.length]).join(' ');
}

function attack(name: string, outgoing: ServerResponse, origin: (site: string) => string): unknown {
  const html = (body: string | Buffer, type = 'text/html', more: Record<string, string> = {}) => {
    outgoing.writeHead(200, { 'Content-Type': type, ...more });
    outgoing.end(body);
  };
  const redirect = (location: string) => outgoing.writeHead(302, { Location: location }).end();
  const endless = (piece: Buffer, pause: number) => {
    const write = () => {
      if (outgoing.destroyed) return;
      const next = () => void setTimeout(write, pause).unref();
      if (outgoing.write(piece)) next();
      else outgoing.once('drain', next);
    };
    write();
  };
  const raw = (text: string | Buffer) => {
    const { socket } = outgoing;
    // Over HTTP/2 there is no raw connection to write to.
    if (!socket || 'stream' in outgoing) return void outgoing.writeHead(500).end();
    socket.write(text);
    return socket;
  };
  switch (name) {
    case 'drip':
      outgoing.writeHead(200, { 'Content-Type': 'text/html', 'Content-Length': '100000' });
      return endless(Buffer.from('x'), 50);
    case 'endless':
      outgoing.writeHead(200, { 'Content-Type': 'text/html' });
      return endless(Buffer.alloc(65_536, '<p>endless</p>'), 0);
    case 'huge':
      outgoing.writeHead(200, { 'Content-Type': 'video/mp4', 'Content-Length': '5000000000' });
      return endless(FILLER.subarray(0, 262_144), 0);
    case 'redirect-loop':
      return void redirect('/hostile/redirect-loop');
    case 'redirect-metadata':
      return void redirect('http://169.254.169.254/latest/meta-data/');
    case 'redirect-private':
      return void redirect('http://10.0.0.1/');
    case 'redirect-loopback6':
      return void redirect('http://[::1]:1/');
    case 'redirect-decimal':
      // 10.0.0.1, as inet_aton reads it.
      return void redirect('http://167772161/');
    case 'redirect-name':
      return void redirect('http://metadata.test/');
    case 'redirect-rebind':
      return void redirect('http://rebind.test/');
    case 'redirect-file':
      return void redirect('file:///etc/passwd');
    case 'redirect-port':
      return void redirect('http://192.0.2.1:25/');
    case 'broken-chunks':
      raw('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n<a href=/p/1>\r\n');
      return;
    case 'short':
      raw('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100000\r\n\r\n<a href=/p/1>')?.end();
      return;
    case 'long':
      raw(`HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\n${'<a href=/p/1>'.repeat(100)}`);
      return;
    case 'gzip-bomb':
      return html(BOMBS.gzip, 'text/html', { 'Content-Encoding': 'gzip' });
    case 'brotli-bomb':
      return html(BOMBS.br, 'text/html', { 'Content-Encoding': 'br' });
    case 'bad-gzip':
      return html(FILLER.subarray(0, 10_000), 'text/html', { 'Content-Encoding': 'gzip' });
    case 'utf16':
      return html(Buffer.from('\ufeff<a href="/p/5">五</a><a href="/p/6">六</a>', 'utf16le'));
    case 'shift-jis':
      return html(
        Buffer.from([...Buffer.from('<meta charset=shift_jis><a href="/p/7">'), 0x8c, 0xdc, ...Buffer.from('</a>')]),
      );
    case 'invalid-utf8':
      return html(
        Buffer.concat([Buffer.from([0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80]), Buffer.from('<a href="/p/8">8</a>')]),
      );
    case 'unknown-charset':
      return html('<a href="/p/9">9</a>', 'text/html; charset=klingon');
    case 'nested':
      return html('<div><a>'.repeat(100_000));
    case 'unclosed':
      return html(`<a href="${'x'.repeat(500_000)}`);
    case 'many-links':
      return html(Array.from({ length: 100_000 }, (_, i) => `<a href=/p/${i}>`).join(''));
    case 'odd-links':
      return html(
        `<base href="http://[broken"><a href="javascript:alert(1)"><a href="data:text/html,x"><a href="mailto:a@b.c"><a href="http://münchen.test/"><a href="http://user:word@alpha.test/"><a href="http://a.test:99999/"><a href="//"><a href="http://%zz/"><a href="${'?'.repeat(70_000)}"><a href="tel:1"><a href="http://metadata.test/"><a href="http://0x7f.1/"><a href="${origin('alpha.test')}/p/11">`,
      );
    case 'cookies':
      outgoing.setHeader('Set-Cookie', [
        `big=${'x'.repeat(10_000)}`,
        'other=1; Domain=com',
        'evil=1; Domain=example.org',
        'ok=1; Path=/',
        '=;;;',
        ...Array.from({ length: 60 }, (_, i) => `c${i}=${'y'.repeat(100)}; Path=/`),
      ]);
      return html('<a href="/p/12">12</a><a href="/p/13">13</a>');
    case 'headers':
      raw(`HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Flood: ${'z'.repeat(1_000_000)}\r\n\r\n<a href=/p/1>`);
      return;
    case 'many-headers':
      raw(`HTTP/1.1 200 OK\r\n${Array.from({ length: 20_000 }, (_, i) => `X-${i}: 1\r\n`).join('')}\r\n`);
      return;
    case 'busy':
      return void outgoing.writeHead(429, { 'Retry-After': '120' }).end('slow down');
    case 'down':
      return void outgoing.writeHead(503, { 'Retry-After': 'Fri, 31 Dec 1999 23:59:59 GMT' }).end();
    case 'reset':
      return void (outgoing.socket ?? outgoing).destroy();
    case 'silence':
      return;
    case 'garbage':
      raw(FILLER.subarray(0, 2000));
      return;
    case 'binary':
      return html(FILLER.subarray(0, 300_000));
    case 'refresh-loop':
      return html('<meta http-equiv="refresh" content="0; url=/hostile/refresh-loop">');
    case 'frames':
      return html(
        `${'<iframe src="/hostile/frames"></iframe>'.repeat(500)}<img src="file:///etc/passwd"><img src="http://router.test/x.png"><script src="http://10.1.1.1/x.js"></script>`,
      );
    default:
      return void outgoing.writeHead(404).end();
  }
}
