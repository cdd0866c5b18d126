import { getDomain } from 'tldts';
import { z } from 'zod';
import { type ConfigText, checkConfig } from '../shared/config-file.js';
import { suggestion, UsageError } from '../shared/errors.js';
import type { NoiseInput } from './schema.js';
import { TRACKERS } from './trackers.js';
import { hasScheme, rootOf } from './urls.js';

/** A config.json of noisy, translated. */
interface FromNoisy {
  readonly input: NoiseInput;
  /** Seconds after which the run ends; null for no limit. */
  readonly duration: number | null;
  /** Differences from what the file says, a line each. */
  readonly warnings: readonly string[];
}

/** Most links in a walk, after its root. */
const MOST_DEPTH = 999;

const seconds = z.number().min(0).max(3600);
const texts = z.array(z.string());

const schema = z.strictObject({
  root_urls: z.array(z.unknown()).min(1, 'expected at least one URL, found none'),
  max_depth: z.number().optional(),
  min_sleep: seconds.optional(),
  max_sleep: seconds.optional(),
  timeout: z.union([z.literal(false), z.null(), z.number()], 'expected seconds, or false for no limit').optional(),
  blacklisted_urls: texts.optional(),
  user_agents: texts.optional(),
});

const KEYS = Object.keys(schema.shape);

/** Keys of noisy's forks, with their equivalents here. */
const FORK_KEYS: Readonly<Record<string, string>> = {
  click_depth: 'use max_depth',
  threads: 'here the visits of a user follow one another',
  num_users: 'use --users',
  domain_delay: 'use siteDelay in a YAML configuration',
  dns_workers: 'use dns.perHour in a YAML configuration',
  max_queue_size: 'here a visit has no queue',
  max_links_per_page: 'here a walk follows one link of a page',
  crux_count: 'here the roots are those in the file',
  RPS: 'use requestsPerMinute in a YAML configuration',
};

/** Whether a configuration is one of noisy (1tayH/noisy or a fork), not one of ours. */
export function isNoisy(content: unknown): boolean {
  return typeof content === 'object' && content !== null && KEYS.some((key) => Object.hasOwn(content, key));
}

/**
 * Reads noisy's config.json. noisy walks from root to root without rest, at any hour, and its blacklist holds parts of URLs. Settings
 * that it lacks, budgets above all, keep our defaults. A blacklist entry that names a whole site also applies to resources of pages.
 * @param ownKeys keys of our own configuration, which may not stand beside noisy's
 * @throws UsageError with file and line where a setting would be lost, or is invalid in noisy too
 */
export function readNoisy(config: ConfigText, ownKeys: readonly string[]): FromNoisy {
  const warnings: string[] = [];
  const tell = (key: string, text: string) => warnings.push(`${config.where([], key)}: ${key}: ${text}`);
  for (const { place, key } of config.repeated) {
    warnings.push(`${config.where(place, key)}: ${key}: stands twice; the last one counts`);
  }
  const content: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(config.content as object)) {
    if (KEYS.includes(key)) content[key] = value;
    else reportUnknown(config, key, ownKeys, tell);
  }
  const given = checkConfig({ ...config, content, repeated: [] }, schema, { keysAt: () => KEYS });
  const {
    timeout = null,
    max_depth = 25,
    min_sleep = 3,
    max_sleep = 6,
    blacklisted_urls = [],
    user_agents = [],
  } = given;

  if (typeof timeout === 'number' && timeout <= 0) {
    tell('timeout', `${timeout} means no limit, as in urusai; 1tayH/noisy would end after its first root`);
  }
  if (max_depth <= 0) tell('max_depth', `${max_depth}: only roots are visited, no links are followed`);
  if (max_depth > MOST_DEPTH) tell('max_depth', `${max_depth} is taken as ${MOST_DEPTH}, the most`);
  if (min_sleep > max_sleep) {
    tell(
      'min_sleep',
      `${min_sleep} is more than max_sleep (${max_sleep}): from ${max_sleep} to ${min_sleep} s is taken`,
    );
  }
  const denyText = withoutEmpty(blacklisted_urls, () => {
    tell('blacklisted_urls', 'an empty entry is left out; in noisy it stands for every URL');
  });
  const userAgents = withoutEmpty(user_agents, () => tell('user_agents', 'an empty entry is left out'));
  if (given.user_agents !== undefined && userAgents.length === 0) {
    tell('user_agents', 'the list is empty: the built-in browser identities are used');
  }
  const defaults = {
    max_depth,
    min_sleep,
    max_sleep,
    blacklisted_urls: 'nothing is denied',
    user_agents: 'the built-in browser identities',
  };
  for (const [key, value] of Object.entries(defaults)) {
    if (!Object.hasOwn(content, key)) warnings.push(`${config.path}: ${key}: is not given, taken as ${value}`);
  }
  const deny = denyText.flatMap((text) => (namesSite(text) ? [siteOf(text)] : []));
  return {
    input: {
      roots: readRoots(config, given.root_urls, deny, (text) => tell('root_urls', text)),
      deny,
      denyText,
      follow: 'any',
      depth: Math.min(MOST_DEPTH, Math.max(0, Math.ceil(max_depth))) + 1,
      visitsPerHour: 0,
      pause: 0,
      minPause: Math.min(min_sleep, max_sleep),
      maxPause: Math.max(min_sleep, max_sleep),
      activeHours: '0-24',
      rhythm: 'flat',
      userAgents,
    },
    duration: typeof timeout === 'number' && timeout > 0 ? timeout : null,
    warnings,
  };
}

/** Rejects a key of ours, and one that resembles a key of noisy's: ignoring it would change the run. Warns of any other. */
function reportUnknown(
  config: ConfigText,
  key: string,
  ownKeys: readonly string[],
  tell: (key: string, text: string) => void,
): void {
  const where = config.where([], key);
  if (ownKeys.includes(key)) {
    throw new UsageError(
      `${where}: "${key}" belongs to a configuration of homeveil (docs/noise.md), which has no ${KEYS.find((one) => Object.hasOwn(config.content as object, one))}; expected one or the other`,
    );
  }
  const sibling = Object.hasOwn(FORK_KEYS, key) ? FORK_KEYS[key] : undefined;
  const hint = sibling === undefined ? suggestion(key, KEYS) : '';
  if (hint !== '') throw new UsageError(`${where}: unknown key "${key}"${hint}; expected one of ${KEYS.join(', ')}`);
  tell(key, sibling === undefined ? `unknown, ignored; known are ${KEYS.join(', ')}` : `ignored; ${sibling}`);
}

function withoutEmpty(list: readonly string[], onEmpty: () => void): string[] {
  const rest = list.filter((text) => text.trim() !== '');
  if (rest.length < list.length) onEmpty();
  return rest;
}

/** Reads roots as noisy does: leaves out those that cannot be requested, with a warning. */
function readRoots(
  config: ConfigText,
  given: readonly unknown[],
  deny: readonly string[],
  tell: (text: string) => void,
): string[] {
  const roots = new Set<string>();
  const [bad, bare, denied]: [string[], string[], string[]] = [[], [], []];
  let repeated = 0;
  for (const one of given) {
    const url = typeof one === 'string' ? rootOf(one.trim()) : null;
    const shown = typeof one === 'string' ? `"${one}"` : JSON.stringify(one).slice(0, 60);
    if (url === null) bad.push(shown);
    else if (isUnder(new URL(url).hostname, deny) || isUnder(new URL(url).hostname, TRACKERS)) denied.push(shown);
    else {
      if (!hasScheme(one as string)) bare.push(shown);
      if (roots.has(url)) repeated++;
      roots.add(url);
    }
  }
  if (bad.length > 0) tell(`${countOf(bad, given)} left out, expected http or https URLs: ${someOf(bad)}`);
  if (denied.length > 0)
    tell(`${countOf(denied, given)} left out, on the blacklist or the list of trackers: ${someOf(denied)}`);
  if (bare.length > 0) tell(`${countOf(bare, given)} without a scheme, taken as https: ${someOf(bare)}`);
  if (repeated > 0) tell(`${repeated} of ${given.length} repeated; each counts once`);
  if (roots.size > 0) return [...roots];
  throw new UsageError(
    `${config.where([], 'root_urls')}: root_urls: no root is left of ${given.length}: ${someOf([...bad, ...denied])}`,
  );
}

const countOf = (some: readonly unknown[], all: readonly unknown[]) => `${some.length} of ${all.length}`;

/** Lists the first three. */
const someOf = (list: readonly string[]) => `${list.slice(0, 3).join(', ')}${list.length > 3 ? ', ...' : ''}`;

function isUnder(host: string, domains: readonly string[]): boolean {
  return domains.some((domain) => host === domain || host.endsWith(`.${domain}`));
}

const siteOf = (text: string) =>
  text
    .replace(/^https?:\/\//i, '')
    .replace(/\/$/, '')
    .toLowerCase();

/** Whether a text names a whole site: `t.umblr.com` and `https://t.co` do, `.json`, `mediawiki` and `twitter.com/share` do not. */
function namesSite(text: string): boolean {
  const host = siteOf(text);
  return (
    /^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(host) && getDomain(host, { validateHostname: true }) !== null && isPublic(host)
  );
}

function isPublic(host: string): boolean {
  return getDomain(host, { allowPrivateDomains: false }) !== null;
}
