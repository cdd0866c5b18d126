import type { Page } from './page.js';
import type { RobotsAnswer } from './robots.js';

/** Outcome of loading a page. */
export interface Load {
  /** URL after redirects. */
  readonly url: string;
  readonly status: number | null;
  /** Links of the page; null where it is not an HTML document or could not be loaded. */
  readonly page: Page | null;
  readonly requests: number;
  /** Bytes of all bodies. */
  readonly bytes: number;
  readonly retryAfter: number | null;
  readonly problem: string | null;
}

/** Session of a browser: one visit of one user, with cookies and connections of its own. */
export interface Session {
  /** Loads a page with its resources. Throws only where the run has ended. @param referrer URL of the page with the link */
  load(url: string, referrer: string | null): Promise<Load>;
  /** Requests a robots.txt. */
  robots(url: string): Promise<RobotsAnswer>;
  /** IP bytes so far, as metered. */
  readonly bytes: number;
  close(): Promise<void>;
}

/** Loads pages for one user. */
export interface Engine {
  open(): Promise<Session>;
  close(): Promise<void>;
}
