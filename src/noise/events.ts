import type { Spending } from './budget.js';

/** Why a user waits: outside the hours, for the budget, or between two visits. */
export type RestReason = 'hours' | 'budget' | 'rhythm';

/** What happens, as it happens. Times are seconds since the Unix epoch; bytes of requests are of bodies. */
export type NoiseEvent = { readonly time: number } & (
  | { readonly type: 'start'; readonly users: number; readonly roots: number; readonly engine: string }
  /** What holds the browsers to the gateway: their own network namespace, or flags alone; and who they run as, null for the user. */
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
  /** A defense is shown the packets of this interface from now on; so many of them just now. */
  | { readonly type: 'home'; readonly interface: string; readonly engine: string }
  | { readonly type: 'shown'; readonly packets: number }
  | { readonly type: 'spending'; readonly spending: Spending }
  | { readonly type: 'stop'; readonly why: string; readonly seconds: number; readonly totals: NoiseTotals }
);

export type Report = (event: WithoutTime<NoiseEvent>) => void;
type WithoutTime<E> = E extends NoiseEvent ? Omit<E, 'time'> : never;

/** Sums since the start. */
export interface NoiseTotals {
  visits: number;
  pages: number;
  requests: number;
  /** Requests and pages that did not come to their end as they should. */
  problems: number;
  lookups: number;
  /** Packets of the home that a defense was shown. */
  shown: number;
  /** IP bytes in both directions, as metered. */
  bytes: number;
}
