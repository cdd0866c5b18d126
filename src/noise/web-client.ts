import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { getDomain } from 'tldts';
import { CookieJar } from 'tough-cookie';
import { Agent, type Dispatcher, type Client as UndiciClient } from 'undici';
import { type Guard, Refused } from './addresses.js';
import type { Budget } from './budget.js';
import { createConnector } from './connector.js';
import type { Identity, RequestContext, RequestKind } from './identity.js';
import { createMeter, STREAM_WINDOW } from './meter.js';
import type { OwnConnections } from './own-connections.js';
import { type Page, type PageReader, parseUrl, readPage } from './page.js';
import type { ProxyServer } from './proxy.js';
import { linkSignals } from './signals.js';

export interface ClientOptions {
  readonly guard: Guard;
  readonly budget: Budget;
  readonly identity: Identity;
  readonly proxy?: ProxyServer | null;
  /** Bytes of a response that are read, at most. */
  readonly responseBytes: number;
  /** Seconds for a response, redirects included. */
  readonly responseTime: number;
  /** Ends everything. */
  readonly signal: AbortSignal;
  /** A certificate that is trusted besides, for tests. */
  readonly ca?: string;
  readonly own?: OwnConnections;
}

/** What became of a request. */
export interface Answer {
  /** Of the last hop. */
  readonly url: string;
  /** Null where there was no answer. */
  readonly status: number | null;
  /** Of the body, as it came. */
  readonly bytes: number;
  readonly seconds: number;
  /** In lower case, without parameters. */
  readonly contentType: string;
  /** What the document leads to, where it is one. */
  readonly page: Page | null;
  /** The body as text, for robots.txt alone. */
  readonly text: string;
  /** Seconds that the server wants us to stay away. */
  readonly retryAfter: number | null;
  /** Why it is not, or not all, what was asked for; null where it is. */
  readonly problem: string | null;
}

interface FetchOptions {
  readonly kind: RequestKind;
  readonly referrer: string | null;
  readonly signal?: AbortSignal;
  /** `bytes=0-999` and so on. */
  readonly range?: string;
  /** Of the response, at most; in place of the client's. */
  readonly most?: number;
}

/** One browser in one visit: its connections and cookies. */
export interface Client {
  /** Never throws, but where the client's own signal is aborted. */
  fetch(url: string, options: FetchOptions): Promise<Answer>;
  /** IP bytes used so far, by the meter. */
  readonly bytes: number;
  /** The budget ended it. */
  readonly isSpent: boolean;
  close(): Promise<void>;
}

/** As Chromium: connections to one HTTP/1.1 server. */
const CONNECTIONS = 6;
const STREAMS = 100;
/** Fetch standard: 20. Few who mean well need so many. */
const REDIRECTS = 10;
/** Bytes of a document after decompression, of which links are taken: a gzip bomb ends here. */
const DECODED = 4e6;
const TEXT = 512_000;
/** Nobody reads what stands beside a redirect. */
const REDIRECT_BYTES = 65_536;
const HEADER_BYTES = 65_536;
const COOKIES_BYTES = 8192;
const HIGHEST_RETRY = 86_400;

const REDIRECT = new Set([301, 302, 303, 307, 308]);

export function createClient(options: ClientOptions): Client {
  const { guard, budget, identity, signal, responseTime } = options;
  const meter = createMeter(budget);
  const jar = new CookieJar(undefined, { rejectPublicSuffixes: true, looseMode: true });
  /** By origin: whether it speaks HTTP/2, once that is known or being found out. */
  const protocols = new Map<string, Promise<string>>();
  const found = new Map<string, (protocol: string) => void>();
  /** Connections, with undici's view of each; the last one opened, of which undici is told next. */
  const links = new Map<Socket, UndiciClient>();
  let opened: Socket | null = null;
  const ended = new AbortController();
  const linked = linkSignals([signal, ended.signal]);
  const life = linked.signal;
  const agent = new Agent({
    connect: createConnector({
      guard,
      budget,
      meter,
      proxy: options.proxy ?? null,
      signal: life,
      timeout: Math.min(10, responseTime),
      ca: options.ca,
      own: options.own,
      onOpen(origin, protocol, socket) {
        opened = socket;
        found.get(origin)?.(protocol);
      },
    }),
    allowH2: true,
    connections: CONNECTIONS,
    maxConcurrentStreams: STREAMS,
    initialWindowSize: STREAM_WINDOW,
    connectionWindowSize: STREAM_WINDOW,
    keepAliveTimeout: 15_000,
    keepAliveMaxTimeout: 60_000,
    maxHeaderSize: HEADER_BYTES,
    headersTimeout: responseTime * 1000,
    bodyTimeout: responseTime * 1000,
    strictContentLength: false,
  });
  agent.on('connect', (origin, targets) => {
    const link = targets.at(-1) as UndiciClient;
    const socket = opened!;
    links.set(socket, link);
    socket.once('close', () => links.delete(socket));
    // undici asks for one thing at a time on a connection unless told otherwise; over HTTP/1.1 that is what browsers do.
    void protocols.get(new URL(String(origin)).origin)?.then((protocol) => {
      if (protocol === 'h2') link.pipelining = STREAMS;
    });
  });
  const isIdle = ({ stats }: UndiciClient) => stats.running === 0 && stats.pending === 0;
  /** Closes a connection on which nothing is asked for. */
  const giveWay = (): boolean => {
    for (const [socket, link] of links) {
      if (!isIdle(link)) continue;
      links.delete(socket);
      meter.rest(socket);
      socket.destroy();
      return true;
    }
    return false;
  };
  const removeHolder = budget.addHolder(giveWay);

  /** The first request to an origin goes ahead of the others: they share its connection, where the server can do that. */
  const turn = async (origin: string, waiting: AbortSignal): Promise<void> => {
    const known = protocols.get(origin);
    if (known) {
      let stop = () => {};
      await new Promise<unknown>((resolve) => {
        stop = () => resolve(null);
        waiting.addEventListener('abort', stop, { once: true });
        void known.then(resolve);
      });
      waiting.removeEventListener('abort', stop);
      return;
    }
    protocols.set(
      origin,
      new Promise((resolve) => {
        found.set(origin, resolve);
      }),
    );
  };

  const hop = async (
    url: URL,
    given: FetchOptions,
    first: URL,
    stop: AbortSignal,
    count: (sent: () => void) => void,
  ) => {
    guard.checkUrl(url);
    await turn(url.origin, stop);
    if (url !== first) count(await budget.request(stop));
    const headers = identity.headers(contextOf(url, given, first));
    const cookies = await cookiesFor(jar, url);
    const flat = headers.flat();
    if (cookies !== '') flat.push('Cookie', cookies);
    if (given.range !== undefined) flat.push('Range', given.range);
    try {
      return await agent.request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: 'GET',
        headers: flat,
        signal: stop,
      });
    } finally {
      // A server that cannot be reached keeps nobody waiting.
      found.get(url.origin)?.('none');
    }
  };

  const read = async (
    response: Dispatcher.ResponseData,
    url: URL,
    { kind, most = options.responseBytes }: FetchOptions,
  ): Promise<Read> => {
    const type = String(response.headers['content-type'] ?? '');
    const result = { bytes: 0, problem: null as string | null };
    const encoding = String(response.headers['content-encoding'] ?? '')
      .toLowerCase()
      .trim();
    const isOk = response.statusCode >= 200 && response.statusCode < 300;
    // robots.txt is what its name says, whatever the server calls it.
    const wantsText = kind === 'robots' && isOk;
    const wantsPage = (kind === 'document' || kind === 'iframe') && isOk && mayBeHtml(type);
    const reader = wantsPage ? readPage(url.href, type) : null;
    const texts: Buffer[] = [];
    const sink = reader
      ? sinkOf(encoding, reader, DECODED)
      : wantsText
        ? sinkOf(encoding, keep(texts, TEXT), TEXT)
        : null;
    try {
      for await (const chunk of response.body as AsyncIterable<Buffer>) {
        result.bytes += chunk.length;
        if (sink) await sink.write(chunk);
        if (result.bytes >= most) {
          result.problem = 'cut: longest response';
          break;
        }
      }
    } catch (error) {
      result.problem = meter.isSpent ? 'cut: budget' : describe(error);
    }
    await sink?.end();
    return { ...result, page: reader?.end() ?? null, text: Buffer.concat(texts).toString() };
  };

  return {
    async fetch(target, given) {
      const began = performance.now();
      const patience = linkSignals([life, given.signal]);
      let sent = await budget.request(patience.signal).catch(() => null);
      patience.release();
      life.throwIfAborted();
      // Whoever waits for us is no slow server.
      const timed = linkSignals([life, given.signal], responseTime);
      const stop = timed.signal;
      let url = parseUrl(target);
      const first = url;
      const answer = (partial: Partial<Answer>): Answer => ({
        url: url?.href ?? target,
        status: null,
        bytes: 0,
        seconds: (performance.now() - began) / 1000,
        contentType: '',
        page: null,
        text: '',
        retryAfter: null,
        problem: null,
        ...partial,
      });
      let bytes = 0;
      try {
        if (!sent) return answer({ problem: 'refused: requests a minute' });
        for (let hops = 0; ; hops++) {
          if (!url || !first) return answer({ problem: 'not a URL' });
          const response = await hop(url, given, first, stop, (next) => {
            sent = next;
          });
          sent();
          await keepCookies(jar, url, response.headers['set-cookie']);
          const location = response.headers.location;
          const isRedirect = REDIRECT.has(response.statusCode) && location !== undefined;
          if (!isRedirect) {
            const content = await read(response, url, given);
            life.throwIfAborted();
            // Only then does the connection count as free; a browser would not open another one either.
            await setImmediate();
            return answer({
              ...content,
              bytes: bytes + content.bytes,
              status: response.statusCode,
              contentType: mediaType(String(response.headers['content-type'] ?? '')),
              retryAfter: readRetryAfter(response.headers['retry-after']),
            });
          }
          const rest = await read(response, url, { ...given, kind: 'image', most: REDIRECT_BYTES });
          bytes += rest.bytes;
          if (hops === REDIRECTS) return answer({ bytes, status: response.statusCode, problem: 'too many redirects' });
          const next = parseUrl(String(location), url);
          if (!next) return answer({ bytes, status: response.statusCode, problem: 'redirect to no URL' });
          url = next;
        }
      } catch (error) {
        if (life.aborted) throw life.reason;
        const problem = timed.isLate ? 'too slow' : meter.isSpent ? 'cut: budget' : describe(error);
        return answer({ bytes, problem });
      } finally {
        timed.release();
        sent?.();
        if (budget.isWanted) giveWay();
      }
    },
    get bytes() {
      return meter.bytes;
    },
    get isSpent() {
      return meter.isSpent;
    },
    async close() {
      removeHolder();
      for (const [socket, link] of links) if (isIdle(link)) meter.rest(socket);
      ended.abort(new Error('visit over'));
      linked.release();
      await agent.destroy(null).catch(() => {});
      meter.close();
    },
  };
}

type Read = Pick<Answer, 'bytes' | 'problem' | 'page' | 'text'>;

/** Where decoded bytes go. */
type Consumer = Pick<PageReader, 'write' | 'isFull'>;

function keep(texts: Buffer[], most: number): Consumer {
  let bytes = 0;
  return {
    write(chunk) {
      texts.push(Buffer.from(chunk));
      bytes += chunk.length;
    },
    get isFull() {
      return bytes >= most;
    },
  };
}

/** Decodes and hands on what comes, up to `most` decoded bytes; what cannot be decoded, or is beyond, is dropped. */
function sinkOf(encoding: string, to: Consumer, most: number) {
  const decoder =
    encoding === 'gzip' || encoding === 'x-gzip'
      ? createGunzip()
      : encoding === 'deflate'
        ? createInflate()
        : encoding === 'br'
          ? createBrotliDecompress()
          : null;
  let decoded = 0;
  let isOver = false;
  const take = (chunk: Buffer) => {
    if (isOver) return;
    decoded += chunk.length;
    to.write(chunk);
    if (decoded >= most || to.isFull) {
      isOver = true;
      decoder?.destroy();
    }
  };
  if (!decoder) {
    const isPlain = encoding === '' || encoding === 'identity';
    return { write: async (chunk: Buffer) => (isPlain ? take(chunk) : undefined), end: async () => {} };
  }
  decoder.on('data', take);
  decoder.on('error', () => {
    isOver = true;
  });
  const closed = new Promise<void>((resolve) => decoder.once('close', resolve));
  return {
    /** Waits until the decoder has dealt with it, so that nothing piles up before it. */
    write(chunk: Buffer): Promise<void> {
      if (isOver) return Promise.resolve();
      return Promise.race([new Promise<void>((resolve) => decoder.write(chunk, () => resolve())), closed]);
    },
    async end(): Promise<void> {
      if (!isOver) decoder.end();
      if (isOver) decoder.destroy();
      await closed;
    },
  };
}

function contextOf(url: URL, { kind, referrer }: FetchOptions, first: URL): RequestContext {
  const isSecure = url.protocol === 'https:';
  if (referrer === null) return { kind, referrer: null, site: kind === 'document' ? 'none' : 'same-origin', isSecure };
  const from = new URL(referrer);
  // A redirect through another site stays one from another site.
  const relation = (to: URL) =>
    to.origin === from.origin ? 0 : siteOf(to) === siteOf(from) && to.protocol === from.protocol ? 1 : 2;
  const site = (['same-origin', 'same-site', 'cross-site'] as const)[Math.max(relation(url), relation(first))]!;
  return { kind, referrer: referrerFor(from, url), site, isSecure };
}

/** strict-origin-when-cross-origin, the default of all browsers (Referrer Policy, W3C). */
function referrerFor(from: URL, to: URL): string | null {
  if (from.protocol === 'https:' && to.protocol === 'http:') return null;
  return from.origin === to.origin ? `${from.origin}${from.pathname}${from.search}` : `${from.origin}/`;
}

/** The registrable domain; of an address, the address. */
export function siteOf(url: URL): string {
  return getDomain(url.hostname, { allowPrivateDomains: true }) ?? url.hostname;
}

async function cookiesFor(jar: CookieJar, url: URL): Promise<string> {
  try {
    const text = await jar.getCookieString(url.href);
    return text.length > COOKIES_BYTES ? '' : text;
  } catch {
    return '';
  }
}

/** Browsers keep 180 cookies of a site, of 4096 bytes each at most; a server that sends more has its first ones kept. */
async function keepCookies(jar: CookieJar, url: URL, header: string | string[] | undefined): Promise<void> {
  for (const line of [header ?? []].flat().slice(0, 50)) {
    if (line.length <= 4096) await jar.setCookie(line, url.href, { ignoreError: true }).catch(() => {});
  }
}

const mediaType = (header: string) => header.split(';')[0]!.trim().toLowerCase();

function mayBeHtml(header: string): boolean {
  const type = mediaType(header);
  return type === '' || type === 'text/html' || type === 'application/xhtml+xml';
}

/** RFC 9110, section 10.2.3: seconds, or a date. */
function readRetryAfter(header: string | string[] | undefined): number | null {
  const text = [header ?? []].flat()[0]?.trim();
  if (!text) return null;
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, Math.min(HIGHEST_RETRY, seconds)) : null;
}

/** An error in a few words: its code where it has one. */
function describe(error: unknown): string {
  if (error instanceof Refused) return `refused: ${error.message}`;
  const { code, message, name } = error as NodeJS.ErrnoException;
  if (name === 'TimeoutError') return 'too slow';
  if (error instanceof AggregateError && error.errors.length > 0) return describe(error.errors[0]);
  return String(code ?? (message === '' ? name : message)).slice(0, 120);
}
