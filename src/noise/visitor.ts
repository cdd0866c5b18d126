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
  /** Pages of a visit, at most. */
  readonly depth: number;
  readonly walk: WalkOptions;
  /** Seconds on a page: median (0 for evenly from the least to the most), least, most. */
  readonly pause: { readonly median: number; readonly least: number; readonly most: number };
  /** Seconds between two pages of a site. */
  readonly siteDelay: number;
  readonly rhythm: Rhythm;
  readonly engine: Engine;
  readonly guard: Guard;
  readonly budget: Budget;
  readonly sites: Sites;
  /** Null where they are not kept to. */
  readonly robots: Robots | null;
  readonly rng: Rng;
  readonly report: Report;
  readonly signal: AbortSignal;
  /** Seconds since the Unix epoch. */
  readonly clock: () => number;
}

/** A visit does not begin with less than this left: it would show as one that breaks off. */
const LEAST_BYTES = 500_000;
/** Seconds: a look at the clock at least so often, since computers sleep. */
const LONGEST_SLEEP = 60;
/** Spread of the log-normal time on a page (Liu, White and Dumais, SIGIR 2010, find long tails; the figure is our choice). */
const PAUSE_SPREAD = 0.9;
/** Links tried from one page before a visit is given up. */
const TRIES = 3;
/** Seconds before the next visit after one that failed at once, so that a dead network is no busy loop. */
const AFTER_FAILURE = 5;

/** One user: visits, one after another, as the rhythm and the budget have it, until the signal. Throws only the signal's reason. */
export async function runVisitor(options: VisitorOptions): Promise<never> {
  const { user, rhythm, rng, report, budget, signal, clock } = options;
  /** Sleeps until the time that `when` gives, asked anew after every sleep. */
  const until = async (why: RestReason, when: () => number) => {
    let told = Number.NaN;
    for (let at = when(); at > clock(); at = when()) {
      if (!(Math.abs(at - told) < 1)) report({ type: 'rest', user, until: at, why });
      told = at;
      await sleep(Math.min(LONGEST_SLEEP, at - clock()) * 1000, undefined, { signal });
    }
  };
  // The first user at once: whoever starts it wants to see something.
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
 * One visit: a root, then links.
 * @returns pages that came
 */
async function visit(options: VisitorOptions): Promise<number> {
  const { user, depth, walk, engine, sites, rng, report, budget, signal } = options;
  const root = chooseRoot(options);
  if (root === null) {
    report({ type: 'leave', user, pages: 0, why: 'all roots are left alone for now' });
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

/** Loads one page, if it may be loaded; null where it did not come. */
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
  // What we refuse, or cannot afford, is no fault of the site's.
  const isOurs = problem !== null && /^(refused|cut)/.test(problem);
  if (isOverloaded || (status === null && !isOurs) || (status !== null && status >= 500))
    sites.failed(site, retryAfter);
  else sites.succeeded(site);
  if (status === null || status >= 400 || !page) return null;
  const links = page.refresh === null ? page.links : [page.refresh, ...page.links];
  return { url: load.url, site: siteOf(new URL(load.url)), links };
}

/** Seconds on a page. */
function drawPause({ pause: { median, least, most }, rng }: VisitorOptions): number {
  if (median === 0) return least + rng.uniform() * (most - least);
  return Math.min(most, Math.max(least, median * Math.exp(rng.normal(0, PAUSE_SPREAD))));
}
