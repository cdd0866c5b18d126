import { setTimeout as sleep } from 'node:timers/promises';
import type { Rng } from '../shared/rng.js';
import { type Guard, Refused } from './addresses.js';
import type { Budget } from './budget.js';
import type { Engine, Session } from './engine.js';
import type { Report, RestReason } from './events.js';
import type { Rhythm } from './rhythm.js';
import type { Robots } from './robots.js';
import type { Sites } from './sites.js';
import { parseUrl, siteOf } from './urls.js';
import { chooseLink, type WalkOptions } from './walk.js';

interface VisitorOptions {
  readonly user: number;
  readonly roots: readonly string[];
  /** Most pages in a visit. */
  readonly depth: number;
  readonly walk: WalkOptions;
  /** Seconds on a page. A median of 0 stands for an even distribution from the least to the most. */
  readonly pause: { readonly median: number; readonly least: number; readonly most: number };
  /** Least seconds between two pages of a site. */
  readonly siteDelay: number;
  readonly rhythm: Rhythm;
  readonly engine: Engine;
  readonly guard: Guard;
  readonly budget: Budget;
  readonly sites: Sites;
  /** Null where robots.txt is ignored. */
  readonly robots: Robots | null;
  readonly rng: Rng;
  readonly report: Report;
  readonly signal: AbortSignal;
  /** Seconds since the Unix epoch. */
  readonly clock: () => number;
}

/** Least bytes left in the budget for a visit to begin: a visit that breaks off would stand out. */
const LEAST_BYTES = 500_000;
/** Longest sleep in seconds before the clock is read again, since computers suspend. */
const LONGEST_SLEEP = 60;
/** Spread of the log-normal time on a page. Liu, White and Dumais (SIGIR 2010) find long tails; the figure is our choice. */
const PAUSE_SPREAD = 0.9;
/** Links tried from one page before the visit ends. */
const TRIES = 3;
/** Seconds before the next visit after one without a page, so that a dead network does not cause a busy loop. */
const AFTER_FAILURE = 5;

/** Runs one user's visits, one after another, as rhythm and budget allow. Throws only the signal's reason. */
export async function runVisitor(options: VisitorOptions): Promise<never> {
  const { user, rhythm, rng, report, budget, signal, clock } = options;
  /** Sleeps until the time that `when` returns, which is asked again after every sleep. */
  const until = async (why: RestReason, when: () => number) => {
    let told = Number.NaN;
    for (let at = when(); at > clock(); at = when()) {
      if (!(Math.abs(at - told) < 1)) report({ type: 'rest', user, until: at, why });
      told = at;
      await sleep(Math.min(LONGEST_SLEEP, at - clock()) * 1000, undefined, { signal });
    }
  };
  // The first user begins at once, so that something is to be seen.
  let next = user === 0 ? rhythm.activeFrom(clock()) : rhythm.next(clock(), rng);
  for (;;) {
    signal.throwIfAborted();
    const begins = next;
    await until(rhythm.isActive(clock()) ? 'rhythm' : 'hours', () => begins);
    await until('budget', () => budget.timeOf(LEAST_BYTES));
    await until('hours', () => rhythm.activeFrom(clock()));
    const pages = await visit(options);
    if (pages === 0) await sleep(AFTER_FAILURE * 1000, undefined, { signal });
    next = rhythm.next(clock(), rng);
  }
}

/**
 * Makes one visit: a root, then links.
 * @returns number of pages loaded
 */
async function visit(options: VisitorOptions): Promise<number> {
  const { user, depth, walk, engine, sites, rng, report, budget, signal } = options;
  const root = chooseRoot(options);
  if (root === null) {
    report({ type: 'leave', user, pages: 0, why: 'all sites are resting' });
    return 0;
  }
  report({ type: 'visit', user, root });
  const session = await engine.open();
  const seen = new Set<string>();
  let pages = 0;
  let why = 'depth';
  try {
    let url: string | null = root;
    let referrer: string | null = null;
    let links: readonly string[] = [];
    let site = '';
    let tries = 0;
    while (pages < depth) {
      if (url === null) {
        why = 'dead end';
        break;
      }
      if (budget.timeOf(LEAST_BYTES) > options.clock()) {
        why = 'budget';
        break;
      }
      seen.add(url);
      const arrived: Arrival | null = await go(url, referrer, session, options);
      const isPage = arrived !== null && (pages === 0 || walk.follow === 'any' || isWithin(arrived.site, site, walk));
      if (isPage) {
        pages++;
        tries = 0;
        seen.add(arrived.url);
        links = arrived.links;
        site = arrived.site;
        referrer = arrived.url;
        if (pages < depth) await sleep(drawPause(options) * 1000, undefined, { signal });
      } else if (++tries === TRIES || pages === 0) {
        why = 'errors';
        break;
      }
      url = chooseLink(links, site, seen, walk, rng);
      if (url !== null && sites.isResting(siteOf(new URL(url)))) url = chooseLink(links, site, seen, walk, rng);
    }
  } finally {
    await session.close();
  }
  report({ type: 'leave', user, pages, why });
  return pages;
}

const isWithin = (site: string, from: string, { follow, sites }: WalkOptions) =>
  site === from || (follow === 'roots' && sites.has(site));

function chooseRoot({ roots, sites, rng }: VisitorOptions): string | null {
  for (let tries = 0; tries < 20; tries++) {
    const root = roots[rng.integer(0, roots.length - 1)]!;
    if (!sites.isResting(siteOf(new URL(root)))) return root;
  }
  return null;
}

interface Arrival {
  readonly url: string;
  readonly site: string;
  readonly links: readonly string[];
}

/** Loads one page if that is allowed; null where it could not be loaded. */
async function go(
  text: string,
  referrer: string | null,
  session: Session,
  { user, guard, robots, sites, siteDelay, report, signal }: VisitorOptions,
): Promise<Arrival | null> {
  const url = parseUrl(text);
  const skip = (problem: string) => {
    report({ type: 'page', user, url: text, status: null, requests: 0, bytes: 0, seconds: 0, problem });
    return null;
  };
  if (!url) return skip('not a URL');
  try {
    guard.checkUrl(url);
  } catch (error) {
    if (error instanceof Refused) return skip(`refused: ${error.message}`);
    throw error;
  }
  const site = siteOf(url);
  let delay = siteDelay;
  if (robots) {
    const rules = await robots.of(url, (address) => session.robots(address));
    if (!rules.isAllowed(url.href)) return skip('robots.txt');
    delay = Math.max(delay, rules.delay);
  }
  await sites.turn(site, delay, signal);
  const began = performance.now();
  const load = await session.load(url.href, referrer);
  const { status, requests, bytes, problem, page, retryAfter } = load;
  const seconds = (performance.now() - began) / 1000;
  report({ type: 'page', user, url: text, status, requests, bytes, seconds, problem });
  const isOverloaded = status === 429 || status === 503;
  // A refusal or a spent budget is not the site's fault.
  const isOurs = problem !== null && /^(refused|cut)/.test(problem);
  if (isOverloaded || (status === null && !isOurs) || (status !== null && status >= 500))
    sites.failed(site, retryAfter);
  else sites.succeeded(site);
  if (status === null || status >= 400 || !page) return null;
  const links = page.refresh === null ? page.links : [page.refresh, ...page.links];
  return { url: load.url, site: siteOf(new URL(load.url)), links };
}

/** Draws the seconds on a page. */
function drawPause({ pause: { median, least, most }, rng }: VisitorOptions): number {
  if (median === 0) return least + rng.uniform() * (most - least);
  return Math.min(most, Math.max(least, median * Math.exp(rng.normal(0, PAUSE_SPREAD))));
}
