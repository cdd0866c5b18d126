import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createHost,
  DEAD_END,
  drawDocument,
  drawObject,
  drawObjects,
  RESPONSE_HEADERS,
  shareObjects,
  THINKING,
} from '../shaping/kit/web.js';
import { createRng, type Rng } from '../shared/rng.js';

export interface WebOptions {
  readonly seed: number | string;
  /** Median number of objects loaded with a page. */
  readonly objects: number;
  /** Seconds of the lab's clock in one real second: servers think that much faster. */
  readonly speed?: number;
}

/**
 * A web of pages that link to each other and load objects, within a host and beyond. Each answer follows from its URL and the seed, so
 * nothing is stored. Sizes and counts are distributed as in the simulated web (src/shaping/kit/web.ts).
 */
export interface Web {
  readonly hosts: readonly string[];
  /** URL of the root page of each host. */
  readonly roots: readonly string[];
  /** Answers for all hosts, over HTTP or HTTPS on any port; links keep scheme and port. */
  respond(request: IncomingMessage, response: ServerResponse): void;
}

const HOSTS = 300;
/** Pages of a host besides its root: enough that a walk seldom returns to one. */
const PAGES = 10_000;
/** Links of a page to its own host and to others; our choice. */
const LINKS = { within: 8, beyond: 4 } as const;
/** Kinds of objects: one in ten is a style sheet, three are scripts; our choice. */
const KINDS = [
  { extension: 'css', upTo: 0.1, type: 'text/css', tag: (url: string) => `<link rel=stylesheet href=${url}>` },
  { extension: 'js', upTo: 0.4, type: 'text/javascript', tag: (url: string) => `<script src=${url}></script>` },
  { extension: 'png', upTo: 1, type: 'image/png', tag: (url: string) => `<img src=${url}>` },
] as const;

const PAGE = /^\/(?:p(\d{1,5}))?$/;
const OBJECT = /^\/o[\da-z.]{1,20}\.(css|js|png)$/;

/** Bytes of a response header without the filling: Node's fields and ours. */
const PLAIN_HEADERS = 200;
const FILLER = Buffer.alloc(1 << 16, 'nothing to read here; ');

export function createWeb({ seed, objects, speed = 1 }: WebOptions): Web {
  const hosts = nameHosts(createRng(seed, 'web'));
  const numbers = new Map(hosts.map((host, i) => [host, i]));

  /** Writes a page: its document without the filling, and its bytes with it. */
  const write = (host: string, page: number, port: string, rng: Rng) => {
    const number = numbers.get(host)!;
    const away = drawOthers(hosts.length, number, rng);
    const origin = (other: number) => (other === number ? '' : `//${hosts[other]}${port}`);
    const links =
      rng.uniform() < DEAD_END
        ? []
        : [...repeat(LINKS.within, number), ...repeat(LINKS.beyond, away)].map(
            (other) => `<a href=${origin(other)}/p${rng.integer(1, PAGES)}>on</a>`,
          );
    const shares = shareObjects(drawObjects(rng, objects));
    const things = shares
      .flatMap((share, i) => repeat(share, i === 0 ? number : away()))
      .map((other, i) => {
        const { tag, extension } = drawKind(rng);
        return tag(`${origin(other)}/o${number.toString(36)}.${page.toString(36)}.${i}.${extension}`);
      });
    // The page brings its own icon; otherwise browsers would request one.
    const document = `<!doctype html><title>${host}</title><link rel=icon href=data:,>${things.join('')}${links.join(' ')}<p>`;
    return { document: Buffer.from(document), bytes: drawDocument(rng) };
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [host = '', port] = (request.headers.host ?? '').split(':');
    const path = request.url ?? '';
    const rng = createRng(seed, 'web', host, path);
    const page = PAGE.exec(path);
    const object = OBJECT.exec(path);
    await sleep((1000 * rng.stream('thinking').exponential(THINKING)) / speed);
    if (!numbers.has(host) || !(page || object)) return send(response, 404, 'text/plain', Buffer.alloc(0), 0);
    if (object) {
      const { type } = KINDS.find(({ extension }) => extension === object[1])!;
      return send(response, 200, type, Buffer.alloc(0), drawObject(rng));
    }
    const { document, bytes } = write(host, Number(page![1] ?? 0), port === undefined ? '' : `:${port}`, rng);
    return send(response, 200, 'text/html; charset=utf-8', document, bytes);
  };

  return {
    hosts,
    roots: hosts.map((host) => `https://${host}/`),
    respond(request, response) {
      // The client may have gone away in the meantime.
      answer(request, response).catch(() => response.destroy());
    },
  };
}

/** Names as long as the simulated ones, in reserved domains (RFC 2606). */
function nameHosts(rng: Rng): string[] {
  const names = new Set<string>();
  for (let i = 0; names.size < HOSTS; i++) {
    const own = rng.stream('host', i);
    const length = createHost(own).name;
    const domain = length < 12 ? '.test' : '.example';
    const letters = Array.from({ length: length - domain.length }, () => own.integer(10, 35).toString(36));
    names.add(letters.join('') + domain);
  }
  return [...names];
}

/** Draws hosts other than `but` at random, each once. */
function drawOthers(hosts: number, but: number, rng: Rng): () => number {
  const drawn = new Set([but]);
  return () => {
    for (;;) {
      const host = rng.integer(0, hosts - 1);
      if (drawn.has(host)) continue;
      drawn.add(host);
      return host;
    }
  };
}

function drawKind(rng: Rng): (typeof KINDS)[number] {
  const drawn = rng.uniform();
  return KINDS.find(({ upTo }) => drawn < upTo)!;
}

function repeat(times: number, host: number | (() => number)): number[] {
  return Array.from({ length: times }, () => (typeof host === 'number' ? host : host()));
}

/** Sends `start`, filled up to `bytes` bytes, in pieces as the client takes them. */
async function send(
  response: ServerResponse,
  status: number,
  type: string,
  start: Buffer,
  bytes: number,
): Promise<void> {
  const left = Math.max(0, bytes - start.length);
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': start.length + left,
    'Cache-Control': 'max-age=3600',
    'X-Filler': '.'.repeat(RESPONSE_HEADERS - PLAIN_HEADERS),
  });
  await pipeline(Readable.from(fill(start, left), { objectMode: false }), response);
}

function* fill(start: Buffer, left: number): Generator<Buffer> {
  if (start.length > 0) yield start;
  for (; left > 0; left -= FILLER.length) yield FILLER.subarray(0, left);
}
