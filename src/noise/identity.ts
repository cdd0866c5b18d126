import type { Rng } from '../shared/rng.js';
import type { ResourceKind } from './page.js';
import { siteOf } from './urls.js';

/** Purpose of a request. `document` is a page that the user goes to. */
export type RequestKind = 'document' | 'robots' | ResourceKind;

/** Context of a request, as in Fetch Metadata Request Headers (W3C). */
export interface RequestContext {
  readonly kind: RequestKind;
  /** URL of the page that leads there; null for an address that is typed in. */
  readonly referrer: string | null;
  readonly site: 'none' | 'same-origin' | 'same-site' | 'cross-site';
  /** Whether the URL is HTTPS. Otherwise browsers send no fetch metadata or client hints, and do not offer Brotli. */
  readonly isSecure: boolean;
}

/** One user's browser, the same in every request. */
export interface Identity {
  readonly name: string;
  readonly userAgent: string;
  /** Returns headers in the browser's order, without `Host`, `Connection` and `Cookie`. */
  headers(context: RequestContext): [string, string][];
}

type Family = 'chromium' | 'firefox' | 'safari';

interface Browser {
  readonly name: string;
  readonly userAgent: string;
  readonly family: Family;
  /** Brand besides Chromium, version and platform, as client hints name them. */
  readonly hints?: {
    readonly brand: string;
    readonly version: string;
    readonly platform: string;
    readonly mobile: boolean;
  };
  readonly languages: string;
}

/** Versions of 2025. Only servers read them, inside TLS, so they may lag behind. */
const CHROME = '140';
const FIREFOX = '143.0';
const SAFARI = '18.6';

const chromium = (
  name: string,
  brand: string,
  system: string,
  platform: string,
  suffix = '',
  mobile = false,
): Browser => ({
  name,
  userAgent: `Mozilla/5.0 (${system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${CHROME}.0.0.0${mobile ? ' Mobile' : ''} Safari/537.36${suffix}`,
  family: 'chromium',
  hints: { brand, version: CHROME, platform, mobile },
  languages: 'en-US,en;q=0.9',
});

const BROWSERS: readonly Browser[] = [
  chromium('Chrome on Windows', 'Google Chrome', 'Windows NT 10.0; Win64; x64', 'Windows'),
  chromium('Chrome on macOS', 'Google Chrome', 'Macintosh; Intel Mac OS X 10_15_7', 'macOS'),
  chromium('Chrome on Android', 'Google Chrome', 'Linux; Android 10; K', 'Android', '', true),
  chromium('Edge on Windows', 'Microsoft Edge', 'Windows NT 10.0; Win64; x64', 'Windows', ` Edg/${CHROME}.0.0.0`),
  {
    name: 'Firefox on Windows',
    userAgent: `Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:${FIREFOX}) Gecko/20100101 Firefox/${FIREFOX}`,
    family: 'firefox',
    languages: 'en-US,en;q=0.5',
  },
  {
    name: 'Firefox on Linux',
    userAgent: `Mozilla/5.0 (X11; Linux x86_64; rv:${FIREFOX}) Gecko/20100101 Firefox/${FIREFOX}`,
    family: 'firefox',
    languages: 'en-US,en;q=0.5',
  },
  {
    name: 'Safari on macOS',
    userAgent: `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/${SAFARI} Safari/605.1.15`,
    family: 'safari',
    languages: 'en-US,en;q=0.9',
  },
];

const DESTINATION: Readonly<Record<RequestKind, string>> = {
  document: 'document',
  iframe: 'iframe',
  style: 'style',
  script: 'script',
  image: 'image',
  font: 'font',
  video: 'video',
  robots: 'empty',
};

const ACCEPT: Readonly<Record<Family, Readonly<Record<'document' | 'style' | 'image', string>>>> = {
  chromium: {
    document:
      'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7',
    style: 'text/css,*/*;q=0.1',
    image: 'image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8',
  },
  firefox: {
    document: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    style: 'text/css,*/*;q=0.1',
    image: 'image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5',
  },
  safari: {
    document: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    style: 'text/css,*/*;q=0.1',
    image:
      'image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5',
  },
};

/** Encodings that browsers accept and this client can decode; zstd is missing. */
const ENCODINGS = 'gzip, deflate, br';
const PLAIN_ENCODINGS = 'gzip, deflate';

/** Browser that a user agent claims to be. An unknown one sends Safari's headers, which are few. */
function browserOf(userAgent: string): Browser {
  const chrome = /Chrome\/(\d+)/.exec(userAgent);
  const languages = 'en-US,en;q=0.9';
  if (/Firefox\/\d/.test(userAgent))
    return { name: 'custom', userAgent, family: 'firefox', languages: 'en-US,en;q=0.5' };
  if (!chrome) return { name: 'custom', userAgent, family: 'safari', languages };
  const platform = [
    ['Android', 'Android'],
    ['Windows', 'Windows'],
    ['Mac OS X', 'macOS'],
    ['CrOS', 'Chrome OS'],
  ].find(([word]) => userAgent.includes(word!))?.[1];
  const hints = {
    brand: /Edg\//.test(userAgent) ? 'Microsoft Edge' : 'Google Chrome',
    version: chrome[1]!,
    platform: platform ?? 'Linux',
    mobile: userAgent.includes('Mobile'),
  };
  // Client hints came with Chrome 89.
  return {
    name: 'custom',
    userAgent,
    family: 'chromium',
    languages,
    hints: Number(chrome[1]) < 89 ? undefined : hints,
  };
}

/** Draws an identity for each user from `userAgents` or the built-in browsers, without repetition while they last. */
export function createIdentities(users: number, userAgents: readonly string[], rng: Rng): Identity[] {
  const browsers = userAgents.length === 0 ? BROWSERS : userAgents.map(browserOf);
  const order = browsers.map((browser) => ({ browser, key: rng.uniform() })).sort((a, b) => a.key - b.key);
  return Array.from({ length: users }, (_, user) => identityOf(order[user % order.length]!.browser));
}

function identityOf(browser: Browser): Identity {
  const { family, hints, userAgent, languages, name } = browser;
  const brands = hints
    ? `"Chromium";v="${hints.version}", "Not=A?Brand";v="24", "${hints.brand}";v="${hints.version}"`
    : '';
  return {
    name,
    userAgent,
    headers({ kind, referrer, site, isSecure }) {
      const isPage = kind === 'document' || kind === 'iframe';
      const form = isPage ? 'document' : kind === 'style' || kind === 'image' ? kind : null;
      const accept: [string, string] = ['Accept', form ? ACCEPT[family][form] : '*/*'];
      const mode = isPage ? 'navigate' : kind === 'font' || kind === 'robots' ? 'cors' : 'no-cors';
      const fetchMetadata: [string, string][] = !isSecure
        ? []
        : [
            ['Sec-Fetch-Site', site],
            ['Sec-Fetch-Mode', mode],
            ...(kind === 'document' ? ([['Sec-Fetch-User', '?1']] as [string, string][]) : []),
            ['Sec-Fetch-Dest', DESTINATION[kind]],
          ];
      const referer: [string, string][] = referrer === null ? [] : [['Referer', referrer]];
      const upgrade: [string, string][] = isPage ? [['Upgrade-Insecure-Requests', '1']] : [];
      const agent: [string, string] = ['User-Agent', userAgent];
      const encoding: [string, string] = ['Accept-Encoding', isSecure ? ENCODINGS : PLAIN_ENCODINGS];
      const language: [string, string] = ['Accept-Language', languages];
      if (family === 'chromium') {
        const hinted: [string, string][] =
          hints && isSecure
            ? [
                ['sec-ch-ua', brands],
                ['sec-ch-ua-mobile', hints.mobile ? '?1' : '?0'],
                ['sec-ch-ua-platform', `"${hints.platform}"`],
              ]
            : [];
        return [...hinted, ...upgrade, agent, accept, ...fetchMetadata, ...referer, encoding, language];
      }
      if (family === 'firefox') return [agent, accept, language, encoding, ...referer, ...upgrade, ...fetchMetadata];
      return [
        accept,
        ...fetchMetadata.filter(([key]) => key !== 'Sec-Fetch-User'),
        agent,
        language,
        ...referer,
        encoding,
      ];
    },
  };
}

/**
 * Context of a request for `url`, to which `first` may have redirected.
 * @param referrer URL of the page that leads there; null for an address that is typed in
 */
export function contextOf(url: URL, first: URL, kind: RequestKind, referrer: string | null): RequestContext {
  const isSecure = url.protocol === 'https:';
  if (referrer === null) return { kind, referrer, site: kind === 'document' ? 'none' : 'same-origin', isSecure };
  const from = new URL(referrer);
  const distance = (to: URL) =>
    to.origin === from.origin ? 0 : siteOf(to) === siteOf(from) && to.protocol === from.protocol ? 1 : 2;
  // A redirect by way of another site stays cross-site.
  const site = (['same-origin', 'same-site', 'cross-site'] as const)[Math.max(distance(url), distance(first))]!;
  return { kind, referrer: referrerFor(from, url), site, isSecure };
}

/** Referrer under strict-origin-when-cross-origin, the default of all browsers (Referrer Policy, W3C). */
function referrerFor(from: URL, to: URL): string | null {
  if (from.protocol === 'https:' && to.protocol === 'http:') return null;
  return from.origin === to.origin ? `${from.origin}${from.pathname}${from.search}` : `${from.origin}/`;
}
