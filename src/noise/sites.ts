import { setTimeout as sleep } from 'node:timers/promises';

/** Limits how often all users together visit a site, and leaves a failing site alone. */
export interface Sites {
  /** Whether a site is being left alone. */
  isResting(site: string): boolean;
  /** Waits for this user's turn. @param delay least seconds since the last page of the site */
  turn(site: string, delay: number, signal: AbortSignal): Promise<void>;
  /** Records that a site answered properly. */
  succeeded(site: string): void;
  /** Records that a site failed: it is left alone, longer each time. @param atLeast seconds that it asked for */
  failed(site: string, atLeast: number | null): void;
}

/** Seconds that a site is left alone: the first time, and at most. Each failure doubles them. */
const FIRST_REST = 30;
const LONGEST_REST = 6 * 3600;
const MOST_SITES = 5000;

interface Site {
  next: number;
  restUntil: number;
  failures: number;
}

/** @param clock seconds */
export function createSites(clock = () => performance.now() / 1000): Sites {
  const sites = new Map<string, Site>();
  const of = (name: string): Site => {
    const known = sites.get(name) ?? { next: 0, restUntil: 0, failures: 0 };
    // Moves the site to the end, so that the first is the one unused for longest.
    sites.delete(name);
    sites.set(name, known);
    if (sites.size > MOST_SITES) sites.delete(sites.keys().next().value!);
    return known;
  };
  return {
    isResting: (name) => (sites.get(name)?.restUntil ?? 0) > clock(),
    async turn(name, delay, signal) {
      const site = of(name);
      const at = Math.max(clock(), site.next);
      site.next = at + delay;
      const wait = at - clock();
      if (wait > 0) await sleep(wait * 1000, undefined, { signal });
    },
    succeeded(name) {
      of(name).failures = 0;
    },
    failed(name, atLeast) {
      const site = of(name);
      const rest = Math.min(LONGEST_REST, FIRST_REST * 2 ** site.failures);
      site.failures = Math.min(20, site.failures + 1);
      site.restUntil = clock() + Math.max(rest, atLeast ?? 0);
    },
  };
}
