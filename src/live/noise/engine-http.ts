import type { Engine } from './engine.js';
import type { Report } from './events.js';
import type { RequestKind } from './identity.js';
import type { Resource } from './page.js';
import { type Answer, type Client, type ClientOptions, createClient } from './web-client.js';

export interface HttpEngineOptions extends Omit<ClientOptions, 'signal'> {
  readonly user: number;
  /** Loaded with a page, at most. */
  readonly resources: number;
  /** Seconds for a page with all it loads. */
  readonly pageTime: number;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** Requests of a page under way at once, over all servers; Chromium holds back what is of low priority likewise. */
const AT_ONCE = 24;

/** First what the page cannot be drawn without. */
const ORDER: readonly Resource['kind'][] = ['style', 'script', 'font', 'image', 'iframe', 'video'];

/** Loads pages with a web client of our own: documents and what they name, no scripts. */
export function createHttpEngine(options: HttpEngineOptions): Engine {
  const { user, report, signal, resources, pageTime } = options;
  return {
    async open() {
      const client = createClient(options);
      /** A browser keeps what it has loaded. */
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
          const bytes = await loadAll(wanted, client, stop, async ({ url: one, kind }) => {
            return (await ask(one, kind, document.url, stop)).bytes;
          });
          signal.throwIfAborted();
          return {
            url: document.url,
            status,
            page,
            requests: 1 + wanted.length,
            bytes: document.bytes + bytes,
            retryAfter,
            problem,
          };
        },
        async robots(url) {
          const { status, text } = await ask(url, 'robots', null);
          return { status, text };
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
  const wanted = ORDER.flatMap((kind) => fresh.filter((one) => one.kind === kind)).slice(0, most);
  for (const { url } of wanted) loaded.add(url);
  return wanted;
}

/** @returns bytes of all */
async function loadAll(
  resources: readonly Resource[],
  client: Client,
  stop: AbortSignal,
  load: (resource: Resource) => Promise<number>,
): Promise<number> {
  let next = 0;
  let bytes = 0;
  const worker = async () => {
    while (next < resources.length && !stop.aborted && !client.isSpent) bytes += await load(resources[next++]!);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, resources.length) }, worker));
  return bytes;
}
