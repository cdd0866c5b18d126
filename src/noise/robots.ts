import { createRequire } from 'node:module';

/** Of the package robots-parser: a CommonJS module, whose types speak of a default export that it does not have. */
type Parse = (
  url: string,
  text: string,
) => { isAllowed(page: string, name: string): boolean | undefined; getCrawlDelay(name: string): number | undefined };

const robotsParser = createRequire(import.meta.url)('robots-parser') as Parse;

/** What a site allows, of its robots.txt (RFC 9309). */
interface Rules {
  isAllowed(url: string): boolean;
  /** Seconds between two requests that it asks for; 0 where it asks for nothing. */
  readonly delay: number;
}

/** The answer to a request for robots.txt; a status of null where there was none. */
export interface RobotsAnswer {
  readonly status: number | null;
  readonly text: string;
  /** Why there is more of it than `text`; null where there is not. */
  readonly problem: string | null;
}

/** A crawler has to read so much (RFC 9309, section 2.5), and need not read more. */
const ROBOTS_BYTES = 512_000;

/** Groups for this name are followed, or else those for everyone. */
const NAME = 'homeveil';
/** A longer delay is taken for this; a visit would never end. */
const LONGEST_DELAY = 60;
/** A longer rule than any honest one costs more to compare than it is worth. */
const LONGEST_RULE = 1000;
const MOST_SITES = 1000;
/** Section 2.4: a copy is used for a day at most; one that could not be had is asked for again sooner, our choice. */
const FRESH = 86_400;
const FRESH_FAILED = 900;

const ALL: Rules = { isAllowed: () => true, delay: 0 };
const NOTHING: Rules = { isAllowed: () => false, delay: 0 };

/** Section 2.3.1: without a file all is allowed, while the server is out of order nothing is. */
function rulesOf(url: string, { status, text, problem }: RobotsAnswer): Rules {
  if (status === null || status >= 500) return NOTHING;
  if (status >= 400) return ALL;
  if (status < 200 || status >= 300) return ALL;
  const lines = text.slice(0, ROBOTS_BYTES).split(/\r\n?|\n/);
  // Half a rule is another rule.
  if (problem !== null || Buffer.byteLength(text) >= ROBOTS_BYTES - 3) lines.pop();
  const parsed = robotsParser(url, lines.filter((line) => line.length <= LONGEST_RULE).join('\n'));
  const delay = Number(parsed.getCrawlDelay(NAME) ?? 0);
  return {
    isAllowed: (page) => parsed.isAllowed(page, NAME) ?? true,
    delay: delay > 0 ? Math.min(delay, LONGEST_DELAY) : 0,
  };
}

/** The rules of sites, each asked for once and then kept. */
export interface Robots {
  /** @param load asks for the robots.txt at this URL */
  of(page: URL, load: (url: string) => Promise<RobotsAnswer>): Promise<Rules>;
}

/** @param clock seconds */
export function createRobots(clock = () => performance.now() / 1000): Robots {
  const known = new Map<string, { readonly rules: Promise<Rules>; until: number }>();
  return {
    of(page, load) {
      const { origin } = page;
      const found = known.get(origin);
      if (found && found.until > clock()) return found.rules;
      const url = `${origin}/robots.txt`;
      const rules = load(url).then((answer) => {
        if (answer.status === null || answer.status >= 500) entry.until = clock() + FRESH_FAILED;
        return rulesOf(url, answer);
      });
      const entry = { rules, until: clock() + FRESH };
      known.delete(origin);
      known.set(origin, entry);
      if (known.size > MOST_SITES) known.delete(known.keys().next().value!);
      // An aborted request says nothing of the site.
      rules.catch(() => known.delete(origin));
      return rules;
    },
  };
}
