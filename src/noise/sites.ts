import { setTimeout as sleep } from 'node:timers/promises';

/** How all users together behave towards a site: not too often, and not after it has asked to be left alone. */
export interface Sites {
  /** Whether it is being left alone. */
  isResting(site: string): boolean;
  /** Waits for this user's turn. @param delay seconds since the last page of the site */
  turn(site: string, delay: number, signal: AbortSignal): Promise<void>;
  /** It answered as it should. */
  succeeded(site: string): void;
  /** It did not: it is left alone for longer each time. @param atLeast seconds it asked for */
  failed(site: string, atLeast: number | null): void;
}

/** Seconds: the first time, and at most; doubled each time between. */
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
    // The one that was met longest ago is first.
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
