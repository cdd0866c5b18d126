import { createRequire } from 'node:module';

/** Type of the CommonJS module robots-parser, whose own types declare a default export that it lacks. */
type Parse = (
  url: string,
  text: string,
) => { isAllowed(page: string, name: string): boolean | undefined; getCrawlDelay(name: string): number | undefined };

const robotsParser = createRequire(import.meta.url)('robots-parser') as Parse;

/** Rules of a site's robots.txt (RFC 9309). */
interface Rules {
  isAllowed(url: string): boolean;
  /** Seconds that the site asks for between two requests; 0 where it asks for none. */
  readonly delay: number;
}

/** Answer to a request for robots.txt; `status` is null where there was no answer. */
export interface RobotsAnswer {
  readonly status: number | null;
  readonly text: string;
  /** Why `text` is incomplete; null where it is whole. */
  readonly problem: string | null;
}

/** Bytes that a crawler must read; it may ignore the rest (RFC 9309, section 2.5). */
const ROBOTS_BYTES = 512_000;

/** Name whose groups of rules apply, or else those for every crawler. */
const NAME = 'homeveil';
/** Longest delay honoured, in seconds: with more, a visit would never end. */
const LONGEST_DELAY = 60;
/** Longer rules are ignored: no honest rule is as long, and matching one is slow. */
const LONGEST_RULE = 1000;
const MOST_SITES = 1000;
/** Seconds that a copy is used (section 2.4), and our choice for one that could not be loaded. */
const FRESH = 86_400;
const FRESH_FAILED = 900;

const ALL: Rules = { isAllowed: () => true, delay: 0 };
const NOTHING: Rules = { isAllowed: () => false, delay: 0 };

/** Without a file everything is allowed; while the server fails, nothing is (section 2.3.1). */
function rulesOf(url: string, { status, text, problem }: RobotsAnswer): Rules {
  if (status === null || status >= 500) return NOTHING;
  if (status >= 400) return ALL;
  if (status < 200 || status >= 300) return ALL;
  const lines = text.slice(0, ROBOTS_BYTES).split(/\r\n?|\n/);
  // A rule cut short would be another rule.
  if (problem !== null || Buffer.byteLength(text) >= ROBOTS_BYTES - 3) lines.pop();
  const parsed = robotsParser(url, lines.filter((line) => line.length <= LONGEST_RULE).join('\n'));
  const delay = Number(parsed.getCrawlDelay(NAME) ?? 0);
  return {
    isAllowed: (page) => parsed.isAllowed(page, NAME) ?? true,
    delay: delay > 0 ? Math.min(delay, LONGEST_DELAY) : 0,
  };
}

/** Rules of sites, loaded once and kept for a day. */
export interface Robots {
  /** Returns the rules that apply to a page. @param load requests the robots.txt at a URL */
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
      // An aborted request says nothing about the site.
      rules.catch(() => known.delete(origin));
      return rules;
    },
  };
}
