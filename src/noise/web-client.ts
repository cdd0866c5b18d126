import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { CookieJar } from 'tough-cookie';
import { Agent, type Client as UndiciClient } from 'undici';
import type { Guard } from './addresses.js';
import type { Budget } from './budget.js';
import { createConnector } from './connector.js';
import { contextOf, type Identity, type RequestKind } from './identity.js';
import { createMeter, STREAM_WINDOW } from './meter.js';
import type { OwnConnections } from './own-connections.js';
import type { Page } from './page.js';
import type { ProxyServer } from './proxy.js';
import { describeFailure, mediaType, readBody, readRetryAfter } from './response-body.js';
import { linkSignals, unless } from './signals.js';
import { parseUrl } from './urls.js';

export interface ClientOptions {
  readonly guard: Guard;
  readonly budget: Budget;
  readonly identity: Identity;
  readonly proxy?: ProxyServer | null;
  /** Most bytes of a response that are read, before decompression. */
  readonly responseBytes: number;
  /** Most seconds for a response, redirects included. */
  readonly responseTime: number;
  /** Ends every request and connection. */
  readonly signal: AbortSignal;
  /** A certificate to trust besides the system's, for tests. */
  readonly ca?: string;
  readonly own?: OwnConnections;
}

/** Outcome of a request. */
export interface Answer {
  /** URL after redirects. */
  readonly url: string;
  /** Null where there was no answer. */
  readonly status: number | null;
  /** Bytes of all bodies, redirects' included, before decompression. */
  readonly bytes: number;
  readonly seconds: number;
  /** Media type in lower case, without parameters. */
  readonly contentType: string;
  /** Links and resources of an HTML document; null for anything else. */
  readonly page: Page | null;
  /** The text of robots.txt; empty for anything else. */
  readonly text: string;
  /** Seconds that the server asks us to stay away. */
  readonly retryAfter: number | null;
  /** Why the answer is missing or incomplete; null where it is whole. */
  readonly problem: string | null;
}

interface FetchOptions {
  readonly kind: RequestKind;
  readonly referrer: string | null;
  readonly signal?: AbortSignal;
  /** Value of a `Range` header: `bytes=0-999`. */
  readonly range?: string;
  /** Most bytes of this response, in place of the client's `responseBytes`. */
  readonly most?: number;
}

/** One browser in one visit: its connections and cookies. */
export interface Client {
  /** Throws only where the client's own signal is aborted. */
  fetch(url: string, options: FetchOptions): Promise<Answer>;
  /** IP bytes used so far, as metered. */
  readonly bytes: number;
  /** Whether the budget cut its connections. */
  readonly isSpent: boolean;
  close(): Promise<void>;
}

/** Connections that Chromium opens to one HTTP/1.1 server. */
const CONNECTIONS = 6;
const STREAMS = 100;
/** Most redirects followed. The Fetch standard allows 20; sites seldom need more than a few. */
const REDIRECTS = 10;
/** Bytes read of the body of a redirect, which browsers do not show. */
const REDIRECT_BYTES = 65_536;
const HEADER_BYTES = 65_536;
const COOKIES_BYTES = 8192;

const REDIRECT = new Set([301, 302, 303, 307, 308]);

/** An origin's protocol, 'h2' or 'http/1.1', known once a connection is open; 'none' where that failed. */
interface Origin {
  readonly protocol: Promise<string>;
  settle(protocol: string): void;
}

export function createClient(options: ClientOptions): Client {
  const { guard, budget, identity, signal, responseTime } = options;
  const meter = createMeter(budget);
  const jar = new CookieJar(undefined, { rejectPublicSuffixes: true, looseMode: true });
  const origins = new Map<string, Origin>();
  /** Open connections, with undici's client of each. */
  const links = new Map<Socket, UndiciClient>();
  /** The connection opened last: undici's next 'connect' event is about it. */
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
        origins.get(origin)?.settle(protocol);
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
    // By default undici sends one request at a time on a connection, as browsers do over HTTP/1.1.
    void origins.get(new URL(String(origin)).origin)?.protocol.then((protocol) => {
      if (protocol === 'h2') link.pipelining = STREAMS;
    });
  });
  const isIdle = ({ stats }: UndiciClient) => stats.running === 0 && stats.pending === 0;
  /** Closes one idle connection; says whether there was one. */
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

  /** Waits for the first request to an origin, so that the others can share its connection where it speaks HTTP/2. */
  const turn = async (origin: string, stop: AbortSignal): Promise<void> => {
    const known = origins.get(origin);
    if (known) {
      await unless(stop, known.protocol);
      return;
    }
    let settle = (_: string) => {};
    const protocol = new Promise<string>((resolve) => {
      settle = resolve;
    });
    origins.set(origin, { protocol, settle });
  };

  /** Sends one request, for `url` itself or as a redirect of `first`. */
  const ask = async (url: URL, first: URL, { kind, referrer, range }: FetchOptions, stop: AbortSignal) => {
    await turn(url.origin, stop);
    const headers = identity.headers(contextOf(url, first, kind, referrer)).flat();
    const cookies = await cookiesFor(jar, url);
    if (cookies !== '') headers.push('Cookie', cookies);
    if (range !== undefined) headers.push('Range', range);
    try {
      return await agent.request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: 'GET',
        headers,
        signal: stop,
      });
    } finally {
      // Releases those that wait, where no connection could be opened.
      origins.get(url.origin)?.settle('none');
    }
  };

  return {
    async fetch(target, given) {
      const { kind, most = options.responseBytes } = given;
      const began = performance.now();
      const patience = linkSignals([life, given.signal]);
      let sent = await budget.request(patience.signal).catch(() => null);
      patience.release();
      life.throwIfAborted();
      // The server's time begins now: waiting for the budget is not its fault.
      const timed = linkSignals([life, given.signal], responseTime);
      const stop = timed.signal;
      const first = parseUrl(target);
      let url = first;
      let bytes = 0;
      const answer = (partial: Partial<Answer>): Answer => ({
        url: url?.href ?? target,
        status: null,
        bytes,
        seconds: (performance.now() - began) / 1000,
        contentType: '',
        page: null,
        text: '',
        retryAfter: null,
        problem: null,
        ...partial,
      });
      try {
        if (!sent) return answer({ problem: 'refused: requests a minute' });
        if (!url || !first) return answer({ problem: 'not a URL' });
        for (let hops = 0; ; hops++) {
          guard.checkUrl(url);
          if (hops > 0) sent = await budget.request(stop);
          const response = await ask(url, first, given, stop);
          sent();
          const { statusCode: status, headers } = response;
          await keepCookies(jar, url, headers['set-cookie']);
          const { location } = headers;
          const isRedirect = REDIRECT.has(status) && location !== undefined;
          const body = isRedirect
            ? await readBody(response, url, 'image', REDIRECT_BYTES)
            : await readBody(response, url, kind, most);
          bytes += body.bytes;
          if (!isRedirect) {
            life.throwIfAborted();
            // Only after this does the connection count as free; a browser would not open another one either.
            await setImmediate();
            const problem = body.problem !== null && meter.isSpent ? 'cut: budget' : body.problem;
            const contentType = mediaType(String(headers['content-type'] ?? ''));
            const retryAfter = readRetryAfter(headers['retry-after']);
            return answer({ ...body, bytes, problem, status, contentType, retryAfter });
          }
          if (hops === REDIRECTS) return answer({ status, problem: 'too many redirects' });
          const next = parseUrl(String(location), url);
          if (!next) return answer({ status, problem: 'redirect to no URL' });
          url = next;
        }
      } catch (error) {
        if (life.aborted) throw life.reason;
        const problem = timed.isLate ? 'too slow' : meter.isSpent ? 'cut: budget' : describeFailure(error);
        return answer({ problem });
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

async function cookiesFor(jar: CookieJar, url: URL): Promise<string> {
  try {
    const text = await jar.getCookieString(url.href);
    return text.length > COOKIES_BYTES ? '' : text;
  } catch {
    return '';
  }
}

/** Keeps the first 50 cookies of a response, of at most 4096 bytes each, as browsers limit them. */
async function keepCookies(jar: CookieJar, url: URL, header: string | string[] | undefined): Promise<void> {
  for (const line of [header ?? []].flat().slice(0, 50)) {
    if (line.length <= 4096) await jar.setCookie(line, url.href, { ignoreError: true }).catch(() => {});
  }
}
