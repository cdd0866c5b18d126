import type { Spending } from './budget.js';

/** Why a user waits: for the active hours, for the budget, or for the next visit. */
export type RestReason = 'hours' | 'budget' | 'rhythm';

/** Events of a run. Times are seconds since the Unix epoch; bytes of requests are those of bodies. */
export type NoiseEvent = { readonly time: number } & (
  | { readonly type: 'start'; readonly users: number; readonly roots: number; readonly engine: string }
  /** How browsers are confined to the gateway, and the user that they run as; null for that of this process. */
  | {
      readonly type: 'browser';
      readonly isolation: 'namespace' | 'flags';
      readonly runsAs: string | null;
      readonly sandbox: boolean;
    }
  | { readonly type: 'visit'; readonly user: number; readonly root: string }
  | {
      readonly type: 'request';
      readonly user: number;
      readonly url: string;
      readonly kind: string;
      readonly status: number | null;
      readonly bytes: number;
      readonly seconds: number;
      readonly problem: string | null;
    }
  | {
      readonly type: 'page';
      readonly user: number;
      readonly url: string;
      readonly status: number | null;
      readonly requests: number;
      readonly bytes: number;
      readonly seconds: number;
      readonly problem: string | null;
    }
  | { readonly type: 'leave'; readonly user: number; readonly pages: number; readonly why: string }
  | { readonly type: 'rest'; readonly user: number; readonly until: number; readonly why: RestReason }
  | { readonly type: 'lookup'; readonly name: string; readonly problem: string | null }
  /** A defense is shown packets of this interface from now on ('home'), and how many it was shown just now ('shown'). */
  | { readonly type: 'home'; readonly interface: string; readonly engine: string }
  | { readonly type: 'shown'; readonly packets: number }
  | { readonly type: 'spending'; readonly spending: Spending }
  | { readonly type: 'stop'; readonly why: string; readonly seconds: number; readonly totals: NoiseTotals }
);

export type Report = (event: WithoutTime<NoiseEvent>) => void;
type WithoutTime<E> = E extends NoiseEvent ? Omit<E, 'time'> : never;

/** Totals since the start. */
export interface NoiseTotals {
  visits: number;
  pages: number;
  requests: number;
  /** Requests, pages and look-ups that failed or were incomplete. */
  problems: number;
  lookups: number;
  /** Packets of the home that a defense was shown. */
  shown: number;
  /** IP bytes in both directions, as metered. */
  bytes: number;
}

export function createTotals(): NoiseTotals {
  return { visits: 0, pages: 0, requests: 0, problems: 0, lookups: 0, shown: 0, bytes: 0 };
}

/** Adds an event to the totals, except for `bytes`, which the budget knows. */
export function countEvent(totals: NoiseTotals, event: WithoutTime<NoiseEvent>): void {
  if (event.type === 'visit') totals.visits++;
  else if (event.type === 'page' && event.problem === null) totals.pages++;
  else if (event.type === 'request') totals.requests++;
  else if (event.type === 'lookup') totals.lookups++;
  else if (event.type === 'shown') totals.shown += event.packets;
  if ('problem' in event && event.problem !== null) totals.problems++;
}
