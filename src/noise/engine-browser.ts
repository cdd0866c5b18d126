import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Browser, BrowserContext, Page as BrowserPage, Request } from 'playwright-core';
import { InputError } from '../shared/errors.js';
import { Refused } from './addresses.js';
import type { Engine, Load, Session } from './engine.js';
import type { HttpEngineOptions } from './engine-http.js';
import { createGateway } from './gateway.js';
import { BOX, type IsolationKind, isolate } from './isolation.js';
import { createMeter } from './meter.js';
import { parseUrl } from './urls.js';
import { createClient } from './web-client.js';

interface BrowserEngineOptions extends HttpEngineOptions {
  /** Path of Chromium; empty to search for it. */
  readonly executable: string;
  /** User that it runs as where this process is root's; empty for root. */
  readonly browserUser: string;
  /** Whether it uses its own sandbox. */
  readonly browserSandbox: boolean;
}

/** Means that confine a browser to the gateway and protect the machine's files from it. */
interface Protection {
  readonly isolation: IsolationKind;
  /** User that it runs as; null for that of this process. */
  readonly runsAs: string | null;
  readonly sandbox: boolean;
}

interface BrowserEngine extends Engine {
  readonly protection: Protection;
}

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge'] as const;
const PLACES = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
] as const;

/**
 * Finds an installed Chromium or Chrome.
 * @returns its path
 * @throws InputError where there is none
 */
export function findBrowser(): string {
  const onPath = (process.env.PATH ?? '').split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  const path = [...onPath, ...PLACES].find((one) => {
    try {
      accessSync(one, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (path) return path;
  throw new InputError(
    'engine browser: found no Chromium or Chrome; install one, or name it with browser: in the configuration',
  );
}

/**
 * Flags against background traffic and against bypassing the gateway: no QUIC, WebRTC only through the proxy, no look-ups. Without a
 * namespace they are the only protection. Chromium has used both names of the WebRTC policy.
 */
const FLAGS = [
  '--disable-quic',
  '--disable-domain-reliability',
  '--no-pings',
  '--webrtc-ip-handling-policy=disable_non_proxied_udp',
  '--force-webrtc-ip-handling-policy=disable_non_proxied_udp',
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
  // Names in place of local addresses make it join a multicast group, the only packet left without this.
  ...(process.platform === 'win32' ? [] : ['--disable-features=WebRtcHideLocalIpsWithMdns']),
];

const MOST_LINKS = 1000;
const LONGEST_URL = 1000;

/**
 * Creates an engine that loads pages in an installed Chromium, with scripts, fonts and caches. Chromium reaches the network only through
 * a gateway in this process, which resolves names, checks addresses, meters bytes and cuts connections. Each request is counted and
 * checked against the deny list.
 * @throws InputError where playwright-core or Chromium is missing
 */
export async function createBrowserEngine(options: BrowserEngineOptions): Promise<BrowserEngine> {
  const { budget, guard, signal, executable } = options;
  const { chromium } = await import('playwright-core').catch(() => {
    throw new InputError('engine browser: needs playwright-core; npm install playwright-core');
  });
  const path = executable || findBrowser();
  const { browserUser, browserSandbox } = options;
  const isolation = isolate({ executable: path, user: browserUser, sandbox: browserSandbox });
  const { socket } = isolation;
  const meter = createMeter(budget);
  const gateway = await createGateway({
    ...{ guard, budget, meter, socket, signal, timeout: 10 },
    proxy: options.proxy ?? null,
  });
  let browser: Browser;
  try {
    browser = await chromium.launch({
      executablePath: isolation.executable,
      headless: true,
      args: FLAGS,
      chromiumSandbox: browserSandbox,
      proxy: {
        server: `http://127.0.0.1:${gateway.port || isolation.port}`,
        username: gateway.user,
        password: gateway.password,
        bypass: '<-loopback>',
      },
      handleSIGINT: false,
      handleSIGTERM: false,
    });
  } catch (cause) {
    await gateway.close();
    meter.close();
    isolation.close();
    const who = isolation.user === null ? '' : ` as user ${isolation.user}`;
    throw new InputError(`engine browser: ${path} does not start${who}: ${describeFailure(cause as Error)}`, { cause });
  }
  // Runs after Playwright's handler, which kills the browser: a running one would write its profile again.
  process.on('exit', isolation.close);
  return {
    protection: { isolation: isolation.kind, runsAs: isolation.user, sandbox: browserSandbox },
    async open() {
      const context = await browser.newContext({
        userAgent: userAgentOf(browser),
        serviceWorkers: 'block',
        acceptDownloads: false,
        viewport: { width: 1280, height: 720 },
      });
      return createSession(context, () => meter.bytes, options);
    },
    async close() {
      await Promise.all([browser.close().catch(() => {}), gateway.close()]);
      meter.close();
      process.off('exit', isolation.close);
      isolation.close();
    },
  };
}

/** Extracts from Playwright's long message, in one line, why a browser did not start. */
function describeFailure({ message }: Error): string {
  if (/No usable sandbox|setuid sandbox|sandbox/i.test(message.replaceAll(/--[\w-]*sandbox/g, '')))
    return 'no sandbox can be had here; browserSandbox: false runs it without';
  const said = new RegExp(`${BOX} (.*)`).exec(message)?.[1] ?? /(?:FATAL|ERROR)[^\n]*\] ?([^\n]*)/.exec(message)?.[1];
  return (said ?? message.split('\n')[0]!).slice(0, 200);
}

/** User agent that the same browser has with a window. */
function userAgentOf(browser: Browser): string {
  const [major] = browser.version().split('.');
  const system =
    process.platform === 'win32'
      ? 'Windows NT 10.0; Win64; x64'
      : process.platform === 'darwin'
        ? 'Macintosh; Intel Mac OS X 10_15_7'
        : 'X11; Linux x86_64';
  return `Mozilla/5.0 (${system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${major}.0.0.0 Safari/537.36`;
}

async function createSession(
  context: BrowserContext,
  metered: () => number,
  options: BrowserEngineOptions,
): Promise<Session> {
  const { user, guard, budget, report, signal, resources, pageTime } = options;
  const before = metered();
  let requests = 0;
  let bytes = 0;
  /** Requests that Chromium may not have sent yet, with the functions that count them as sent. */
  const sent = new Map<Request, () => void>();
  const told = (request: Request) => {
    sent.get(request)?.();
    sent.delete(request);
  };
  context.on('response', (response) => told(response.request()));
  context.on('requestfailed', told);
  await context.route('**', async (route) => {
    const url = parseUrl(route.request().url());
    try {
      if (!url || requests > resources) throw new Refused('enough');
      guard.checkUrl(url);
      requests++;
      sent.set(route.request(), await budget.request(signal));
      await route.continue();
    } catch {
      told(route.request());
      await route.abort('blockedbyclient').catch(() => {});
    }
  });
  context.on('response', (response) => {
    const request = response.request();
    void request
      .sizes()
      .then(({ responseBodySize }) => {
        bytes += responseBodySize;
        const { startTime, responseEnd } = request.timing();
        const seconds = responseEnd > 0 && startTime > 0 ? responseEnd / 1000 : 0;
        const kind = request.resourceType();
        report({
          type: 'request',
          user,
          url: request.url(),
          kind,
          status: response.status(),
          bytes: responseBodySize,
          seconds,
          problem: null,
        });
      })
      .catch(() => {});
  });
  const page = await context.newPage();
  // Closes pages that the page opens.
  context.on('page', (other) => void (other === page ? null : other.close().catch(() => {})));
  page.on('dialog', (dialog) => void dialog.dismiss().catch(() => {}));
  return {
    load: async (url, referrer) => {
      requests = 0;
      bytes = 0;
      const loaded = await loadPage(page, url, referrer, pageTime);
      signal.throwIfAborted();
      return { ...loaded, requests, bytes };
    },
    async robots(url) {
      // Bypasses the browser, in which no user ever opens it.
      const client = createClient(options);
      try {
        const answer = await client.fetch(url, { kind: 'robots', referrer: null });
        const { status, bytes: size, seconds, problem } = answer;
        report({ type: 'request', user, url, kind: 'robots', status, bytes: size, seconds, problem });
        return answer;
      } finally {
        await client.close();
      }
    },
    get bytes() {
      return metered() - before;
    },
    async close() {
      await context.close().catch(() => {});
      for (const request of [...sent.keys()]) told(request);
    },
  };
}

async function loadPage(
  page: BrowserPage,
  url: string,
  referrer: string | null,
  pageTime: number,
): Promise<Omit<Load, 'requests' | 'bytes'>> {
  const failed = { url, status: null, page: null, retryAfter: null };
  try {
    const response = await page.goto(url, {
      waitUntil: 'load',
      timeout: pageTime * 1000,
      ...(referrer === null ? {} : { referer: referrer }),
    });
    if (!response) return { ...failed, problem: 'no answer' };
    const found = await page.evaluate(
      `[...document.links].slice(0, ${MOST_LINKS}).map((link) => link.href).filter((href) => href.length <= ${LONGEST_URL})`,
    );
    const links = (found as string[])
      .flatMap((link) => parseUrl(link) ?? [])
      .filter(({ protocol }) => /^https?:$/.test(protocol));
    const retryAfter = Number(response.headers()['retry-after']);
    return {
      url: page.url(),
      status: response.status(),
      page: { links: [...new Set(links.map(({ href }) => href))], resources: [], refresh: null, hasIcon: true },
      retryAfter: Number.isFinite(retryAfter) ? retryAfter : null,
      problem: null,
    };
  } catch (error) {
    // Stops whatever is still loading.
    await page.goto('about:blank', { timeout: 2000 }).catch(() => {});
    const { name, message } = error as Error;
    const net = /net::(ERR_\w+)/.exec(message)?.[1];
    return {
      ...failed,
      problem: name === 'TimeoutError' ? 'too slow' : (net ?? message.split('\n')[0]!.slice(0, 120)),
    };
  }
}
