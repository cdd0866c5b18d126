import { setTimeout as sleep } from 'node:timers/promises';
import type { AppliedDefense } from '../shaping/shaper.js';
import { shape } from '../shaping/simulate.js';
import { UsageError } from '../shared/errors.js';
import { createRng, type Rng } from '../shared/rng.js';
import { createTraceBuilder, Direction, Protocol } from '../trace/trace.js';
import { Refused } from './addresses.js';
import { createClockLink, type SeenPacket } from './clock-link.js';
import type { Report } from './events.js';
import { showHome } from './home-packets.js';
import type { OwnConnections } from './own-connections.js';
import type { Rhythm } from './rhythm.js';
import type { Robots } from './robots.js';
import type { Sites } from './sites.js';
import { parseUrl, siteOf } from './urls.js';
import { type Client, type ClientOptions, createClient } from './web-client.js';

/** A defense that decides when to make noise. */
export interface NoiseShape {
  readonly label: string;
  readonly applied: AppliedDefense;
}

interface ShapedOptions extends ClientOptions {
  readonly roots: readonly string[];
  readonly rhythm: Rhythm;
  readonly sites: Sites;
  readonly robots: Robots | null;
  readonly rng: Rng;
  readonly report: Report;
  readonly clock: () => number;
  /** Interface whose packets the defense is shown; null to show it visits. */
  readonly home: string | null;
  readonly own: OwnConnections;
}

const { INBOUND, OUTBOUND } = Direction;

/** Bytes of the two packets that a defense is shown where a visit would begin: a request and the first of its answer. */
const REQUEST = 700;
const ANSWER = 1514;
/** IP bytes of an answer besides its content (headers of HTTP, TLS, TCP and IP), and of a request. */
const ANSWER_HEADERS = 700;
const REQUEST_BYTES = 900;

/** Milliseconds over which cover is collected before it is requested, since requests have a least size. */
const TICK = 250;
/** Most bytes of cover that may be outstanding; more are dropped. */
const MOST_OWED = 4e6;
const AT_ONCE = 6;
/** Requests to one site before another is chosen. */
const REQUESTS_PER_SITE = 30;
/** Seconds before another site is tried after one that could not be used. */
const AFTER_FAILURE = 5;
/** Least bytes left in the budget for another site to be used. */
const LEAST_BYTES = 500_000;
/** Seconds of the trial in which a defense must send cover. */
const TRIAL = 600;

/**
 * Checks in a trial that a defense sends cover when it is shown a few packets.
 * @throws UsageError where it does not, is a tunnel, or learns from captures
 */
export function checkShape({ label, applied }: NoiseShape): void {
  const { defense, parameters } = applied;
  if (defense.tunnel) throw new UsageError(`--shape ${label}: is a tunnel; expected a defense that sends cover`);
  if (defense.prepare) throw new UsageError(`--shape ${label}: learns from captures, and there are none here`);
  const builder = createTraceBuilder([{ name: 'noise', category: 'non-iot' }], ['trial'], 4);
  builder.flow({
    transport: 6,
    localPort: 50_000,
    remotePort: 443,
    localAddress: '192.0.2.1',
    remoteAddress: '198.51.100.1',
    wan: true,
    header: 14,
  });
  const protocols = Protocol.IP | Protocol.TCP | Protocol.TLS;
  const packet = (time: number, direction: Direction, length: number) =>
    builder.push({ time, length, direction, protocols, port: 443, flow: 0, device: 0 });
  packet(0, OUTBOUND, REQUEST);
  packet(0.05, INBOUND, ANSWER);
  packet(TRIAL, OUTBOUND, REQUEST);
  const { trace } = shape(builder.build(), defense, parameters, {
    rng: createRng(1, 'trial'),
    maximumFrames: 2_000_000,
  });
  if (!trace.cover.includes(1))
    throw new UsageError(`--shape ${label}: sends no cover; expected a defense such as front or dummy`);
}

/**
 * Makes noise when, and as much as, a defense decides. The defense is shown the packets of the home or, without an interface, two
 * packets where a visit would begin. Its inbound cover becomes requests for as many bytes; its outbound cover becomes the requests
 * themselves. This is an approximation: a quarter of a second of cover arrives as one answer, after a round trip, and the next
 * request makes up for an answer that was too short. Throws only the signal's reason.
 */
export async function createShapedNoise(shaped: NoiseShape, options: ShapedOptions): Promise<never> {
  const { rhythm, rng, signal, clock, home, own, report } = options;
  const owed = { [INBOUND]: 0, [OUTBOUND]: 0 };
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  const link = createClockLink(shaped.applied, {
    rng: rng.stream('defense'),
    onCover(direction, bytes) {
      if (rhythm.isActive(clock())) owed[direction] = Math.min(MOST_OWED, owed[direction] + bytes);
    },
    onError: fail,
  });
  const visits = async (): Promise<never> => {
    for (let next = rhythm.activeFrom(clock()); ; next = rhythm.next(clock(), rng)) {
      while (next > clock()) await sleep(Math.min(60, next - clock()) * 1000, undefined, { signal });
      link.packet('noise', ofVisit(OUTBOUND, REQUEST));
      link.packet('noise', ofVisit(INBOUND, ANSWER));
      // Even without rests a visit takes time.
      await sleep(1000, undefined, { signal });
    }
  };
  const pay = async (): Promise<never> => {
    for (;;) {
      await sleep(TICK, undefined, { signal });
      if (owed[INBOUND] < ANSWER_HEADERS && owed[OUTBOUND] < REQUEST_BYTES) continue;
      // Cover that the budget does not allow is dropped, not postponed.
      if (options.budget.timeOf(LEAST_BYTES) > clock()) {
        owed[INBOUND] = 0;
        owed[OUTBOUND] = 0;
        await sleep(AFTER_FAILURE * 1000, undefined, { signal });
        continue;
      }
      const source = await openSource(options);
      if (source) await payFrom(source, owed, options);
      else await sleep(AFTER_FAILURE * 1000, undefined, { signal });
    }
  };
  const show = () =>
    home === null
      ? visits()
      : showHome({
          ...{ interface: home, own, signal, onPacket: link.packet },
          onOpen: (engine) => report({ type: 'home', interface: home, engine }),
          onShown: (packets) => report({ type: 'shown', packets }),
        });
  try {
    return await Promise.race([show(), pay(), failed]);
  } finally {
    link.close();
  }
}

/** A packet that looks like part of a visit. */
function ofVisit(direction: Direction, length: number): SeenPacket {
  return { direction, length, header: 14, protocols: Protocol.IP | Protocol.TCP | Protocol.TLS, port: 443 };
}

/** Files of a site, to be requested in ranges. */
interface Source {
  readonly client: Client;
  readonly urls: readonly string[];
  readonly referrer: string;
}

async function openSource(options: ShapedOptions): Promise<Source | null> {
  const { roots, guard, robots, sites, rng, report } = options;
  const root = roots[rng.integer(0, roots.length - 1)]!;
  const url = parseUrl(root)!;
  const site = siteOf(url);
  if (sites.isResting(site)) return null;
  report({ type: 'visit', user: 0, root });
  const client = createClient(options);
  const ask = askOf(client, options);
  try {
    guard.checkUrl(url);
    const rules = robots ? await robots.of(url, (address) => ask(address, 'robots', null)) : null;
    const document = rules && !rules.isAllowed(url.href) ? null : await ask(url.href, 'document', null);
    const { page = null } = document ?? {};
    if (document && page) {
      sites.succeeded(site);
      const own = page.resources
        .map((one) => one.url)
        .filter((one) => siteOf(new URL(one)) === siteOf(new URL(document.url)));
      const urls = own.filter((one) => rules?.isAllowed(one) ?? true);
      return { client, urls: urls.length > 0 ? urls : [document.url], referrer: document.url };
    }
    // A refusal or a spent budget is not the site's fault.
    if (document && !/^(refused|cut)/.test(document.problem ?? '')) sites.failed(site, document.retryAfter);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
  await client.close();
  return null;
}

function askOf(client: Client, { report }: ShapedOptions) {
  return async (url: string, kind: 'robots' | 'document' | 'image', referrer: string | null, most?: number) => {
    const range = most === undefined ? undefined : `bytes=0-${most - 1}`;
    const answer = await client.fetch(url, { kind, referrer, range, most });
    const { status, bytes, seconds, problem } = answer;
    report({
      type: 'request',
      user: 0,
      url,
      kind,
      status,
      bytes,
      seconds,
      problem: problem?.startsWith('cut: longest') ? null : problem,
    });
    return answer;
  };
}

async function payFrom(
  { client, urls, referrer }: Source,
  owed: Record<Direction, number>,
  options: ShapedOptions,
): Promise<void> {
  const { rng, signal } = options;
  const ask = askOf(client, options);
  const running = new Set<Promise<void>>();
  let failures = 0;
  try {
    for (let requests = 0; requests < REQUESTS_PER_SITE && failures < 3; ) {
      const wanted = owed[INBOUND] - ANSWER_HEADERS;
      if ((wanted <= 0 && owed[OUTBOUND] < REQUEST_BYTES) || running.size >= AT_ONCE) {
        await sleep(TICK, undefined, { signal });
        continue;
      }
      requests++;
      const most = Math.max(1, Math.floor(wanted));
      owed[INBOUND] = Math.max(0, owed[INBOUND] - most - ANSWER_HEADERS);
      owed[OUTBOUND] = Math.max(0, owed[OUTBOUND] - REQUEST_BYTES);
      const task = ask(urls[rng.integer(0, urls.length - 1)]!, 'image', referrer, most).then((answer) => {
        if (answer.status === null || answer.status >= 400) failures++;
        owed[INBOUND] = Math.min(MOST_OWED, owed[INBOUND] + Math.max(0, most - answer.bytes));
      });
      running.add(task);
      void task.finally(() => running.delete(task)).catch(() => {});
      await sleep(TICK, undefined, { signal });
    }
    await Promise.all(running);
  } finally {
    await client.close();
  }
}
