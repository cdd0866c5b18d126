import { resolve4, resolve6 } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Rng } from '../shared/rng.js';
import type { Budget } from './budget.js';
import type { Report } from './events.js';
import type { Rhythm } from './rhythm.js';

/** Looks up the IPv4 and IPv6 addresses of a name at once, as browsers do. */
export type Query = (name: string) => Promise<unknown>;

/** Bypasses the hosts file and local caches, so that queries are sent. */
const queryBoth: Query = (name) => Promise.any([resolve4(name), resolve6(name)]);

interface DnsNoiseOptions {
  /** Look-ups in the busiest hour of the household. */
  readonly perHour: number;
  readonly roots: readonly string[];
  readonly rhythm: Rhythm;
  readonly budget: Budget;
  readonly rng: Rng;
  readonly report: Report;
  readonly signal: AbortSignal;
  readonly clock: () => number;
  readonly query?: Query;
}

/** Estimated IP bytes of two queries and two answers with a few records each. */
export const LOOKUP_BYTES = 600;
/** Common prefixes of host names within a site. */
const PREFIXES = ['', 'www.', 'static.', 'cdn.', 'images.', 'api.', 'm.'] as const;

/** Looks up names of the roots at Poisson times, without connecting. Throws only the signal's reason. */
export async function runDnsNoise(options: DnsNoiseOptions): Promise<never> {
  const { perHour, roots, rhythm, budget, rng, report, signal, clock, query = queryBoth } = options;
  const names = [...new Set(roots.map((root) => new URL(root).hostname))].filter(
    (name) => /[a-z]/i.test(name) && !name.includes(':'),
  );
  if (names.length === 0) return sleepForever(signal);
  for (;;) {
    await sleep(rng.exponential(3600 / perHour) * 1000, undefined, { signal });
    if (rng.uniform() >= rhythm.activity(clock())) continue;
    const base = names[rng.integer(0, names.length - 1)]!;
    const name = `${PREFIXES[rng.integer(0, PREFIXES.length - 1)]}${base.replace(/^www\./, '')}`;
    if (!budget.reserve(LOOKUP_BYTES)) continue;
    budget.spend(LOOKUP_BYTES);
    const problem = await query(name).then(
      () => null,
      (error: { code?: string; errors?: { code?: string }[] }) => error.errors?.[0]?.code ?? error.code ?? 'failed',
    );
    signal.throwIfAborted();
    report({ type: 'lookup', name, problem });
  }
}

function sleepForever(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
