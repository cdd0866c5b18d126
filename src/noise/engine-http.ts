import { setTimeout as sleep } from 'node:timers/promises';
import type { Rng } from '../shared/rng.js';
import type { Engine } from './engine.js';
import type { Report } from './events.js';
import type { RequestKind } from './identity.js';
import type { Resource } from './page.js';
import { type Answer, type ClientOptions, createClient } from './web-client.js';

export interface HttpEngineOptions extends Omit<ClientOptions, 'signal'> {
  readonly user: number;
  /** Most resources loaded with a page. */
  readonly resources: number;
  /** Most seconds for a page and everything it loads. */
  readonly pageTime: number;
  readonly report: Report;
  readonly rng: Rng;
  readonly signal: AbortSignal;
  /** Factor by which pages are read and rendered faster, for a lab's clock. */
  readonly speed?: number;
}

/**
 * Requests at once for resources that rendering does not wait for. As in Chromium's resource scheduler
 * (services/network/resource_scheduler), they go one by one until the page can be rendered. After that Chromium delays low
 * priorities beyond ten, but not pictures in view.
 */
const WAITING = { meanwhile: 1, after: 24 } as const;
const BLOCKING = 24;
/** Seconds from a document to its first resource, and from its blocking resources to the rest; our choice. */
const READING = { median: 0.04, spread: 0.5 } as const;
const DRAWING = { median: 0.03, spread: 0.6 } as const;

/** Whether a page cannot be rendered without a resource. */
const isBlocking = ({ kind, isDeferred }: Resource) =>
  kind === 'style' || kind === 'font' || (kind === 'script' && !isDeferred);

/** Creates an engine that loads pages with our own web client: documents and the resources that they name, without scripts. */
export function createHttpEngine(options: HttpEngineOptions): Engine {
  const { user, report, rng, signal, resources, pageTime, speed = 1 } = options;
  return {
    async open() {
      const client = createClient(options);
      /** URLs loaded in this session, which a browser would have in its cache. */
      const loaded = new Set<string>();
      const ask = async (
        url: string,
        kind: RequestKind,
        referrer: string | null,
        stop?: AbortSignal,
      ): Promise<Answer> => {
        const answer = await client.fetch(url, { kind, referrer, signal: stop });
        const { status, bytes, seconds, problem } = answer;
        report({ type: 'request', user, url, kind, status, bytes, seconds, problem });
        return answer;
      };
      return {
        async load(url, referrer) {
          const stop = AbortSignal.timeout(pageTime * 1000);
          const document = await ask(url, 'document', referrer, stop);
          const { page, status, problem, retryAfter } = document;
          const isPage = page !== null && status !== null && status < 400;
          const wanted = isPage ? choose(page.resources, loaded, resources) : [];
          let bytes = 0;
          const load = async ({ url: one, kind }: Resource) => {
            bytes += (await ask(one, kind, document.url, stop)).bytes;
          };
          const first = wanted.filter(isBlocking);
          const later = wanted.filter((one) => !isBlocking(one));
          const think = ({ median, spread }: typeof READING | typeof DRAWING) =>
            sleep((1000 * median * Math.exp(rng.normal(0, spread))) / speed, undefined, { signal });
          if (wanted.length > 0) await think(READING);
          const isOver = () => stop.aborted || client.isSpent;
          let isDrawn = false;
          const drawn = loadAll(first, BLOCKING, load, isOver)
            .then(() => think(DRAWING))
            .then(() => {
              isDrawn = true;
            });
          await Promise.all([drawn, loadAll(later, WAITING.meanwhile, load, () => isOver() || isDrawn)]);
          await loadAll(later, WAITING.after, load, isOver);
          const icon = `${new URL(document.url).origin}/favicon.ico`;
          const hasOwn = !isPage || page.hasIcon || resources === 0 || loaded.has(icon) || isOver();
          if (!hasOwn) {
            loaded.add(icon);
            await load({ url: icon, kind: 'image', isDeferred: false });
          }
          signal.throwIfAborted();
          return {
            url: document.url,
            status,
            page,
            requests: 1 + wanted.length + (hasOwn ? 0 : 1),
            bytes: document.bytes + bytes,
            retryAfter,
            problem,
          };
        },
        async robots(url) {
          return ask(url, 'robots', null);
        },
        get bytes() {
          return client.bytes;
        },
        close: () => client.close(),
      };
    },
    close: async () => {},
  };
}

function choose(resources: readonly Resource[], loaded: Set<string>, most: number): Resource[] {
  const fresh = resources.filter(({ url }) => !loaded.has(url));
  const wanted = [...fresh.filter(isBlocking), ...fresh.filter((one) => !isBlocking(one))].slice(0, most);
  for (const { url } of wanted) loaded.add(url);
  return wanted;
}

/** Takes resources off the list, `atOnce` at a time, until none is left or `isOver`. */
async function loadAll(
  resources: Resource[],
  atOnce: number,
  load: (resource: Resource) => Promise<void>,
  isOver: () => boolean,
): Promise<void> {
  const worker = async () => {
    for (let next = resources.shift(); next; next = isOver() ? undefined : resources.shift()) await load(next);
  };
  if (isOver()) return;
  await Promise.all(Array.from({ length: Math.min(atOnce, resources.length) }, worker));
}
