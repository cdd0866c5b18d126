import { z } from 'zod';
import { bytesOf } from '../shared/quantities.js';

const HOURS = /^([01]?\d|2[0-4])-([01]?\d|2[0-4])$/;

/** In a smaller budget, most would be held back for bytes that may be under way. */
const LEAST_BUDGET = 1e6;

function size(least: number, most: number) {
  return z
    .union([z.string(), z.number()])
    .transform((value) => (typeof value === 'number' ? value : (bytesOf(value) ?? Number.NaN)))
    .refine((bytes) => bytes >= least && bytes <= most, {
      error: `expected a size such as '200 MB', from ${least / 1e6} MB to ${most / 1e6} MB`,
    });
}

const seconds = (least: number, most: number) => z.number().min(least).max(most);

const budgets = z.strictObject({
  perHour: size(LEAST_BUDGET, 1e13).prefault('60 MB').describe('most bytes in any 60 minutes'),
  perDay: size(LEAST_BUDGET, 1e14).prefault('300 MB').describe('most bytes in any 24 hours'),
  perMonth: size(LEAST_BUDGET, 1e15).prefault('6 GB').describe('most bytes in any 31 days'),
});

const limits = z.strictObject({
  responseBytes: size(1000, 1e9).prefault('4 MB').describe('most bytes read of one response'),
  responseTime: seconds(0.1, 600).default(20).describe('most seconds for one response'),
  pageTime: seconds(0.1, 600).default(45).describe('most seconds for a page and everything it loads'),
  resources: z
    .int()
    .min(0)
    .max(500)
    .default(80)
    .describe('most resources loaded with a page; 0 loads only the document'),
});

const dns = z.strictObject({
  perHour: z.number().min(0).max(36_000).default(0).describe('extra DNS look-ups an hour, without a connection'),
});

/** Schema of a noise configuration: keys, defaults, checks and descriptions. */
export const noiseConfigSchema = z
  .strictObject({
    engine: z.enum(['http', 'browser']).default('http').describe("Homeveil's own web client, or an installed Chromium"),
    users: z.int().min(1).max(64).default(1).describe('virtual users, each with its own browser identity'),
    roots: z
      .union([z.string(), z.array(z.string()).min(1)])
      .default('safe')
      .describe('where visits begin: safe (the built-in list), a file of URLs, or a list'),
    deny: z
      .union([z.string(), z.array(z.string())])
      .default([])
      .describe('domains never contacted, subdomains included: a list, or a file (a hosts file works too)'),
    denyText: z.array(z.string().min(1)).default([]).describe('skip pages whose URL contains one of these texts'),
    follow: z
      .enum(['site', 'roots', 'any'])
      .default('roots')
      .describe('where links may lead: the same site, any root, or anywhere'),
    depth: z.int().min(1).max(1000).default(6).describe('most pages in a visit'),
    visitsPerHour: z
      .number()
      .min(0)
      .max(3600)
      .default(4)
      .describe('visits of each user in the busiest hour; 0: one visit after another'),
    pause: seconds(0, 3600)
      .default(20)
      .describe('median seconds on a page; 0: evenly distributed from minPause to maxPause'),
    minPause: seconds(0, 3600).default(3).describe('least seconds on a page'),
    maxPause: seconds(0, 3600).default(300).describe('most seconds on a page'),
    siteDelay: seconds(0, 3600).default(2).describe('least seconds between two pages of a site, across all users'),
    robots: z.boolean().default(true).describe('obey robots.txt'),
    activeHours: z
      .string()
      .regex(HOURS, { error: 'expected hours of the day, from-to, such as 7-23' })
      .default('7-23')
      .describe('hours (local time) in which visits begin; 22-6 runs overnight, 0-24 always'),
    rhythm: z
      .enum(['household', 'flat'])
      .default('household')
      .describe('household: more visits in the evening and on weekends; flat: evenly'),
    budgets: budgets.prefault({}).describe('traffic budgets, never exceeded, even across restarts'),
    requestsPerMinute: z.int().min(1).max(100_000).default(240).describe('most requests in any 60 seconds'),
    connections: z.int().min(1).max(1000).default(24).describe('most connections open at once'),
    limits: limits.prefault({}).describe('limits of one response and one page'),
    dns: dns.prefault({}).describe('DNS look-ups besides those that visits need'),
    proxy: z
      .string()
      .regex(/^$|^(http|socks5):\/\/\S+$/, { error: 'expected http://host:port or socks5://host:port' })
      .default('')
      .describe('proxy to connect through; names are still resolved, and addresses checked, on this machine'),
    userAgents: z
      .array(z.string().min(1))
      .default([])
      .describe('user agents to use in place of the built-in identities, one for each user'),
    browser: z.string().default('').describe('path of Chromium for engine browser; empty: search for it'),
    browserUser: z
      .string()
      .default('nobody')
      .describe('user that Chromium runs as when root starts homeveil; empty: root, which needs browserSandbox: false'),
    browserSandbox: z
      .boolean()
      .default(true)
      .describe("whether to use Chromium's sandbox; set to false only where it cannot be had"),
    state: z.string().default('').describe('file that records what was spent; empty: one in your state folder'),
    seed: z.union([z.int(), z.string()]).optional().describe('makes the same choices again; random when left out'),
    homeNetworks: z
      .array(z.string())
      .default([])
      .describe("networks never contacted besides this machine's own, such as your public address: 203.0.113.7/32"),
    unsafeAllowPrivate: z
      .array(z.string())
      .default([])
      .describe('for tests: private networks that may be contacted, such as 127.0.0.0/8'),
  })
  .refine(({ minPause, maxPause }) => minPause <= maxPause, {
    path: ['minPause'],
    error: 'expected at most maxPause',
  })
  .describe('Configuration of homeveil noise');

/** A configuration as a user writes it: every key optional. */
export type NoiseInput = z.input<typeof noiseConfigSchema>;

/** Keys at a place of the configuration; none where it holds no further keys. */
export function keysAt([first]: readonly PropertyKey[]): readonly string[] {
  if (first === undefined) return Object.keys(noiseConfigSchema.shape);
  const parts: Record<PropertyKey, z.ZodObject> = { budgets, limits, dns };
  return Object.keys(parts[first]?.shape ?? {});
}
