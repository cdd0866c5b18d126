import { LEAVES_SITE } from '../shaping/kit/web.js';
import type { Rng } from '../shared/rng.js';
import { parseUrl, siteOf } from './urls.js';

export interface WalkOptions {
  readonly follow: 'site' | 'roots' | 'any';
  /** Texts: a page whose URL contains one of them is not visited. */
  readonly denyText: readonly string[];
  /** Sites of all roots. */
  readonly sites: ReadonlySet<string>;
}

/** Names of files that are not pages. */
const FILE =
  /\.(?:7z|apk|avi|bz2|csv|deb|dmg|docx?|epub|exe|gif|gz|ico|iso|jpe?g|json|m4[av]|mkv|mov|mp[34]|msi|og[gv]|pdf|png|pptx?|rar|rpm|svg|tar|tgz|txt|wav|web[mp]|xlsx?|xml|xz|zip)$/i;
/** Links that act on something, which a walk must not do. */
const ACTION =
  /(?:^|[/_.?&=-])(?:log-?(?:in|out)|sign-?(?:in|out|up)|register|subscribe|unsubscribe|delete|remove|edit|cart|checkout|buy|donate|download|vote|share)(?:$|[/_.?&=-])/i;

/** Whether a walk may follow a link from a page of the site `from`. */
function mayFollow(url: string, from: string, { follow, denyText, sites }: WalkOptions): boolean {
  const target = parseUrl(url);
  if (!target || denyText.some((text) => url.includes(text))) return false;
  if (FILE.test(target.pathname) || ACTION.test(target.pathname + target.search)) return false;
  const site = siteOf(target);
  return follow === 'any' || site === from || (follow === 'roots' && sites.has(site));
}

/**
 * Draws the next page of a walk among the links of a page, mostly within its site, as the defense `noise` does; null at a dead end.
 * @param site site of the page
 * @param seen URLs visited already
 */
export function chooseLink(
  links: readonly string[],
  site: string,
  seen: ReadonlySet<string>,
  options: WalkOptions,
  rng: Rng,
): string | null {
  const within: string[] = [];
  const beyond: string[] = [];
  for (const link of links) {
    if (seen.has(link) || !mayFollow(link, site, options)) continue;
    (siteOf(new URL(link)) === site ? within : beyond).push(link);
  }
  const isLeaving = beyond.length > 0 && (within.length === 0 || rng.uniform() < LEAVES_SITE);
  const from = isLeaving ? beyond : within;
  return from.length === 0 ? null : from[rng.integer(0, from.length - 1)]!;
}
