import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HomeveilError, InputError, UsageError } from '../shared/errors.js';
import { POLICY, renderParts, renderWatchPage } from './page.js';
import type { WatchControls, WatchView } from './watch.js';

export interface WatchServer {
  /** Address of the page, with the secret that opens it. */
  readonly url: string;
  show(view: WatchView): void;
  close(): Promise<void>;
}

const LOOPBACK = ['127.0.0.1', '::1', 'localhost'];
const MOST_LISTENERS = 16;
const LONGEST_BODY = 1000;

/**
 * Parses where to serve the page: `PORT` or `HOST:PORT`.
 * @throws UsageError for a host that other machines can reach
 */
export function parsePlace(text: string): { host: string; port: number } {
  const found = text.match(/^(?:(.+):)?(\d{1,5})$/);
  const host = found?.[1]?.replace(/^\[(.*)\]$/, '$1') ?? '127.0.0.1';
  const port = Number(found?.[2]);
  if (!found || port > 65_535)
    throw new UsageError(`--page: expected a port, 0 for a free one, or off, found "${text}"`);
  if (!LOOPBACK.includes(host)) {
    throw new UsageError(
      `--page: expected a loopback address (${LOOPBACK.join(', ')}), found ${host}; the page is only for this machine`,
    );
  }
  return { host: host === 'localhost' ? '127.0.0.1' : host, port };
}

/**
 * Serves the page to this machine only, on a loopback address. Its path holds a secret, so that neither other users nor other web
 * pages can read it or press its buttons. Requests must name a loopback host, which keeps out an attacker's name that resolves to
 * this machine (DNS rebinding).
 * @throws InputError where the port is taken
 */
export async function serveWatch(place: { host: string; port: number }, controls: WatchControls): Promise<WatchServer> {
  const secret = randomBytes(16).toString('hex');
  const listeners = new Set<ServerResponse>();
  let view: WatchView | null = null;
  let origins: string[] = [];

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const end = (status: number, type: string, body: string): void => {
      response.writeHead(status, { ...HEADERS, 'Content-Type': `${type}; charset=utf-8` });
      response.end(request.method === 'HEAD' ? undefined : body);
    };
    const { host, origin } = request.headers;
    if (!origins.includes(`http://${host}`)) return end(421, 'text/plain', 'wrong host name\n');
    const [, given, what, ...more] = new URL(request.url ?? '/', 'http://localhost').pathname.split('/');
    if (given !== secret || what === undefined || more.length > 0) return end(404, 'text/plain', 'not found\n');
    if (request.method === 'POST') {
      if (origin !== undefined && !origins.includes(origin))
        return end(403, 'text/plain', 'requests from other sites are refused\n');
      try {
        await act(what, await readBody(request), controls);
      } catch (error) {
        if (error instanceof HomeveilError) return end(400, 'text/plain', `${error.message}\n`);
        throw error;
      }
      response.writeHead(303, { ...HEADERS, Location: './' });
      response.end();
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') return end(405, 'text/plain', 'expected GET or POST\n');
    if (what === '') return end(200, 'text/html', renderWatchPage(view));
    if (what === 'state.json') return end(200, 'application/json', `${JSON.stringify(view, null, 2)}\n`);
    if (what !== 'events') return end(404, 'text/plain', 'not found\n');
    if (listeners.size >= MOST_LISTENERS) return end(503, 'text/plain', 'too many viewers\n');
    response.writeHead(200, { ...HEADERS, 'Content-Type': 'text/event-stream' });
    listeners.add(response);
    response.on('close', () => listeners.delete(response));
    if (view !== null) response.write(eventOf(view));
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', ({ message }) => reject(new InputError(`--page: ${message}`)));
    server.listen(place.port, place.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  origins = ['127.0.0.1', '[::1]', 'localhost'].map((host) => `http://${host}:${port}`);
  const shown = place.host.includes(':') ? `[${place.host}]` : place.host;
  return {
    url: `http://${shown}:${port}/${secret}/`,
    show(next) {
      view = next;
      const event = listeners.size === 0 ? '' : eventOf(next);
      // Skips a viewer that does not keep up.
      for (const listener of listeners) if (listener.writableLength < 1 << 20) listener.write(event);
    },
    async close() {
      for (const listener of listeners) listener.end('event: over\ndata: \n\n');
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const HEADERS = {
  'Content-Security-Policy': POLICY,
  'Cache-Control': 'no-store',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

/** Event with the parts of the page that change, as markup, and the view behind them. */
function eventOf(view: WatchView): string {
  return `event: view\ndata: ${JSON.stringify({ parts: renderParts(view), view })}\n\n`;
}

async function readBody(request: IncomingMessage): Promise<URLSearchParams> {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > LONGEST_BODY) throw new UsageError('the form is too long');
  }
  return new URLSearchParams(text);
}

async function act(what: string, form: URLSearchParams, { comparison }: WatchControls): Promise<void> {
  if (comparison === null) throw new UsageError('a comparison needs a live interface, not a capture file');
  const now = Date.now() / 1000;
  if (what === 'compare') {
    const { seconds, pairs } = comparison.status.request;
    const number = (name: string, otherwise: number) => (form.has(name) ? Number(form.get(name)) : otherwise);
    await comparison.start(now, { seconds: 60 * number('minutes', seconds / 60), pairs: number('pairs', pairs) });
  } else if (what === 'confirm') comparison.confirm(now);
  else if (what === 'cancel') await comparison.cancel();
  else throw new UsageError(`expected compare, confirm or cancel, found ${what}`);
}
