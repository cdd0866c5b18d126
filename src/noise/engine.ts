import type { Page } from './page.js';
import type { RobotsAnswer } from './robots.js';

/** What came of loading a page. */
export interface Load {
  /** After redirects. */
  readonly url: string;
  readonly status: number | null;
  /** Null where it is no document, or did not come. */
  readonly page: Page | null;
  readonly requests: number;
  /** Of all bodies. */
  readonly bytes: number;
  readonly retryAfter: number | null;
  readonly problem: string | null;
}

/** A browser's session: one visit of one user. Ends with its cookies and connections. */
export interface Session {
  /** Loads a page with what belongs to it. Throws only where the run has ended. @param referrer of the link that was followed */
  load(url: string, referrer: string | null): Promise<Load>;
  /** robots.txt, over the same connections. */
  robots(url: string): Promise<RobotsAnswer>;
  /** IP bytes so far. */
  readonly bytes: number;
  close(): Promise<void>;
}

/** What loads pages for one user. */
export interface Engine {
  open(): Promise<Session>;
  close(): Promise<void>;
}
