import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { checkConfig, openConfig } from '../shared/config-file.js';
import { InputError, UsageError } from '../shared/errors.js';
import { readText } from '../shared/files.js';
import { describeIssue, firstIssue } from '../shared/issues.js';
import { bytesOf } from '../shared/quantities.js';
import { isNoisy, readNoisy, rootOf } from './noisy-config.js';
import { DEFAULT_ROOTS } from './roots.js';

const HOURS = /^([01]?\d|2[0-4])-([01]?\d|2[0-4])$/;

/** Below this, what is held back for bytes under way would be most of the budget. */
const LEAST_BUDGET = 1e6;

function size(least: number, most: number) {
  return z
    .union([z.string(), z.number()])
    .transform((value) => (typeof value === 'number' ? value : (bytesOf(value) ?? Number.NaN)))
    .refine((bytes) => bytes >= least && bytes <= most, {
      error: `expected a size such as '200 MB', from ${least / 1e6} MB to ${most / 1e6} MB`,
    });
}

const budgets = z.strictObject({
  perHour: size(LEAST_BUDGET, 1e13).prefault('60 MB').describe('bytes in any 60 minutes, at most'),
  perDay: size(LEAST_BUDGET, 1e14).prefault('300 MB').describe('bytes in any 24 hours, at most'),
  perMonth: size(LEAST_BUDGET, 1e15).prefault('6 GB').describe('bytes in any 31 days, at most'),
});

const limits = z.strictObject({
  responseBytes: size(1000, 1e9).prefault('4 MB').describe('of one response; the rest is not read'),
  responseTime: z.number().min(0.1).max(600).default(20).describe('seconds for one response'),
  pageTime: z.number().min(0.1).max(600).default(45).describe('seconds for a page with all it loads'),
  resources: z.int().min(0).max(500).default(80).describe('things loaded with a page; 0: the document alone'),
});

const noise = z
  .strictObject({
    engine: z.enum(['http', 'browser']).default('http').describe('own web client, or an installed Chromium'),
    users: z.int().min(1).max(64).default(1).describe('virtual users, each with a browser identity of its own'),
    roots: z
      .union([z.string(), z.array(z.string()).min(1)])
      .default('safe')
      .describe('where visits begin: safe (the list that comes with Homeveil), a file of URLs, or a list'),
    deny: z
      .union([z.string(), z.array(z.string())])
      .default([])
      .describe('domains never contacted, subdomains included: a list, or a file (hosts files too)'),
    denyText: z.array(z.string().min(1)).default([]).describe('pages whose URL contains one of these are not visited'),
    follow: z
      .enum(['site', 'roots', 'any'])
      .default('roots')
      .describe('where links may lead: the site, any root, anywhere'),
    depth: z.int().min(1).max(1000).default(6).describe('pages of a visit, at most'),
    visitsPerHour: z
      .number()
      .min(0)
      .max(3600)
      .default(4)
      .describe('of each user when it is busiest; 0: one after another'),
    pause: z
      .number()
      .min(0)
      .max(3600)
      .default(20)
      .describe('seconds on a page, median; 0: evenly from minPause to maxPause'),
    minPause: z.number().min(0).max(3600).default(3).describe('seconds on a page, at least'),
    maxPause: z.number().min(0).max(3600).default(300).describe('seconds on a page, at most'),
    siteDelay: z
      .number()
      .min(0)
      .max(3600)
      .default(2)
      .describe('seconds between two pages of one site, all users together'),
    robots: z.boolean().default(true).describe("keep to the sites' robots.txt"),
    activeHours: z
      .string()
      .regex(HOURS, { error: 'expected hours of the day, from-to, such as 7-23' })
      .default('7-23')
      .describe('hours of the day (local time) in which visits begin; 22-6 is by night, 0-24 always'),
    rhythm: z.enum(['household', 'flat']).default('household').describe('more in the evening and on weekends, or even'),
    budgets: budgets.prefault({}).describe('never exceeded, also across restarts'),
    requestsPerMinute: z.int().min(1).max(100_000).default(240).describe('in any 60 seconds, at most'),
    connections: z.int().min(1).max(1000).default(24).describe('open at once, at most'),
    limits: limits.prefault({}),
    dns: z
      .strictObject({
        perHour: z.number().min(0).max(36_000).default(0).describe('names looked up besides, and nothing more'),
      })
      .prefault({}),
    proxy: z
      .string()
      .regex(/^$|^(http|socks5):\/\/\S+$/, { error: 'expected http://host:port or socks5://host:port' })
      .default('')
      .describe('goes between; names are still resolved, and addresses checked, here'),
    userAgents: z
      .array(z.string().min(1))
      .default([])
      .describe('in place of the built-in identities; one for each user'),
    browser: z.string().default('').describe('path of Chromium for engine browser; found by itself where empty'),
    browserUser: z
      .string()
      .default('nobody')
      .describe(
        'who Chromium runs as where homeveil is run by root; empty for root, which browserSandbox: false goes with',
      ),
    browserSandbox: z
      .boolean()
      .default(true)
      .describe('whether Chromium has its sandbox; set it to false only where none can be had'),
    state: z.string().default('').describe('file that keeps what was spent; by default one of the user'),
    seed: z.union([z.int(), z.string()]).optional().describe('same choices again; by chance where left out'),
    homeNetworks: z
      .array(z.string())
      .default([])
      .describe(
        'never contacted, besides what this machine is on: the public address of the home, 203.0.113.7/32, say',
      ),
    unsafeAllowPrivate: z
      .array(z.string())
      .default([])
      .describe('for tests: networks such as 127.0.0.0/8 that may be contacted though they are private'),
  })
  .refine(({ minPause, maxPause }) => minPause <= maxPause, {
    path: ['minPause'],
    error: 'expected at most maxPause',
  })
  .describe('Noise: what homeveil noise does');

export type NoiseInput = z.input<typeof noise>;
type Checked = z.output<typeof noise>;

/** A configuration with all defaults, its files read. */
export interface NoiseConfig extends Omit<Checked, 'roots' | 'deny'> {
  /** http and https URLs. */
  readonly roots: readonly string[];
  /** Domains. */
  readonly deny: readonly string[];
  /** Seconds after which it ends by itself; null for never. */
  readonly duration: number | null;
  /** In which it differs from what its file says, a line each: only of noisy's config.json. */
  readonly warnings: readonly string[];
}

/** Keys with their defaults and descriptions, for documentation: `budgets.perHour` and so on. */
export function describeNoiseConfig(): { key: string; default: unknown; description: string }[] {
  interface Property {
    properties?: Record<string, Property>;
    default?: unknown;
    description?: string;
  }
  const rowsOf = (property: Property, prefix: string): { key: string; default: unknown; description: string }[] =>
    Object.entries(property.properties ?? {}).flatMap(([name, one]) =>
      one.properties
        ? rowsOf(one, `${prefix}${name}.`)
        : [{ key: `${prefix}${name}`, default: one.default, description: one.description ?? '' }],
    );
  return rowsOf(noiseSchema() as Property, '');
}

/** JSON Schema of a configuration, for editors. */
export function noiseSchema(): object {
  return z.toJSONSchema(noise, { io: 'input' });
}

const PARTS: Readonly<Record<string, z.ZodObject>> = {
  budgets,
  limits,
  dns: noise.shape.dns.unwrap() as z.ZodObject,
};

/**
 * Reads a configuration, in YAML or JSON (with comments), or noisy's config.json as it is. Files named in it are beside it.
 * @throws InputError, UsageError: one line, with file and line number
 */
export function readNoiseConfig(path: string): NoiseConfig {
  const config = openConfig(path, 'a configuration of noise in YAML or JSON');
  const ownKeys = Object.keys(noise.shape);
  if (isNoisy(config.content)) {
    const { input, duration, warnings } = readNoisy(config, ownKeys);
    return { ...resolveNoiseConfig(input), duration, warnings };
  }
  const checked = checkConfig(config, noise, {
    keysAt: ([first]) => (first === undefined ? ownKeys : Object.keys(PARTS[String(first)]?.shape ?? {})),
  });
  return finish(checked, dirname(path), config.where(['roots']));
}

/**
 * The same from an object.
 * @throws UsageError, InputError
 */
export function resolveNoiseConfig(given: NoiseInput = {}, folder = '.'): NoiseConfig {
  const parsed = noise.safeParse(given);
  if (parsed.success) return finish(parsed.data, folder);
  throw new UsageError(`noise: ${describeIssue(firstIssue(parsed.error))}`);
}

/** @param where of the roots, where they stand in the configuration itself */
function finish({ roots, deny, ...rest }: Checked, folder: string, where = 'noise'): NoiseConfig {
  const listed = roots === 'safe' ? DEFAULT_ROOTS : typeof roots === 'string' ? readLines(roots, folder) : roots;
  const denied = typeof deny === 'string' ? readLines(deny, folder) : deny;
  const beside = (path: string) => (path === '' || isAbsolute(path) ? path : join(folder, path));
  return {
    ...rest,
    roots: readRoots(listed, typeof roots === 'string' ? roots : `${where}: roots`),
    deny: denied.map(domainOfLine).filter((domain) => domain !== ''),
    state: beside(rest.state) || defaultState(),
    duration: null,
    warnings: [],
  };
}

function readLines(path: string, folder: string): string[] {
  return readText(isAbsolute(path) ? path : join(folder, path)).split(/\r?\n/);
}

/** The domain of a line of a deny list: plain, of a hosts file (`0.0.0.0 name`), or of an Adblock list (`||name^`). */
function domainOfLine(line: string): string {
  const words = line
    .replace(/[#!].*$/, '')
    .trim()
    .split(/\s+/);
  const name = /^[\d.:]+$/.test(words[0]!) && words.length > 1 ? words[1]! : words[0]!;
  return name
    .replace(/^\|\|/, '')
    .replace(/\^$/, '')
    .replace(/^\*?\./, '')
    .toLowerCase();
}

function readRoots(lines: readonly string[], where: string): string[] {
  const roots: string[] = [];
  for (const line of lines) {
    const text = line.replace(/\s#.*$|^#.*$/, '').trim();
    if (text === '') continue;
    const url = rootOf(text);
    if (url === null) throw new UsageError(`${where}: expected an http or https URL, found "${text}"`);
    roots.push(url);
  }
  if (roots.length === 0) throw new InputError(`${where}: expected URLs, found none`);
  return [...new Set(roots)];
}

/** Of the XDG base directory specification. */
function defaultState(): string {
  const base = process.env.XDG_STATE_HOME || join(homedir(), '.local', 'state');
  return join(base, 'homeveil', 'noise.json');
}
