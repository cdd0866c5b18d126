import { setMaxListeners } from 'node:events';
import { createRng } from '../shared/rng.js';
import { createGuard, type Lookup, lookupAll } from './addresses.js';
import { createBudget } from './budget.js';
import type { NoiseConfig } from './config.js';
import { type Query, runDnsNoise } from './dns-noise.js';
import type { Engine } from './engine.js';
import { createBrowserEngine } from './engine-browser.js';
import { createHttpEngine } from './engine-http.js';
import { countEvent, createTotals, type NoiseEvent, type NoiseTotals, type Report } from './events.js';
import { createIdentities } from './identity.js';
import { connectionsFor } from './meter.js';
import { createOwnConnections } from './own-connections.js';
import { parseProxy } from './proxy.js';
import { createRhythm, type LocalTime } from './rhythm.js';
import { createRobots } from './robots.js';
import { createShapedNoise, type NoiseShape } from './shaped.js';
import { createSites } from './sites.js';
import { openState } from './state-file.js';
import { TRACKERS } from './trackers.js';
import { siteOf } from './urls.js';
import { runVisitor } from './visitor.js';

export interface NoiseOptions {
  /** Ends the run, within a second. */
  readonly signal: AbortSignal;
  readonly onEvent?: (event: NoiseEvent) => void;
  /** A defense that decides when noise is made, in place of visits. */
  readonly shape?: NoiseShape | null;
  /** Interface whose packets that defense is shown; without one, it is shown visits. */
  readonly shapeOn?: string | null;
  /** Resolves names, for tests. */
  readonly lookup?: Lookup;
  readonly query?: Query;
  /** A certificate to trust besides the system's, for tests. */
  readonly ca?: string;
  readonly local?: LocalTime;
  /** Factor by which a lab's clock is faster than real time. */
  readonly speed?: number;
}

/** Reason of the signal where the configured time was over. */
class TimeOver extends Error {}

/** Milliseconds between two events of type 'spending'. */
const TICK = 1000;
/** Milliseconds for engines to close; after that they end with the process. */
const CLOSING = 700;

/**
 * Makes noise until the signal is aborted or the configured time is over.
 * @returns totals of the run
 * @throws UsageError, InputError before anything is sent
 */
export async function runNoise(config: NoiseConfig, options: NoiseOptions): Promise<NoiseTotals> {
  const { onEvent, lookup = lookupAll } = options;
  const guard = createGuard({
    allowPrivate: config.unsafeAllowPrivate,
    homeNetworks: config.homeNetworks,
    deny: [...TRACKERS, ...config.deny],
    lookup,
  });
  const proxy = parseProxy(config.proxy);
  const rng =
    config.seed === undefined ? createRng(`${Date.now()} ${Math.random()}`, 'noise') : createRng(config.seed, 'noise');
  const { users, roots, limits, engine: kind } = config;
  const clock = () => Date.now() / 1000;
  const started = performance.now();
  const totals = createTotals();
  const report: Report = (event) => {
    countEvent(totals, event);
    onEvent?.({ time: clock(), ...event } as NoiseEvent);
  };

  const wanted = { ...config.budgets, requestsPerMinute: config.requestsPerMinute, connections: config.connections };
  const allowed = { ...wanted, connections: connectionsFor(wanted) };
  const file = openState(config.state);
  const budget = createBudget(allowed, file);
  const metered = budget.spending().month;
  const ended = new AbortController();
  const signal = AbortSignal.any([
    options.signal,
    ended.signal,
    ...(config.duration === null ? [] : [timeOver(config.duration, ended.signal)]),
  ]);
  // Every task and request listens to it.
  setMaxListeners(0, signal);
  const engines: Engine[] = [];
  const tick = setInterval(() => report({ type: 'spending', spending: budget.spending() }), TICK);
  try {
    report({ type: 'start', users, roots: roots.length, engine: options.shape ? options.shape.label : kind });
    const identities = createIdentities(users, config.userAgents, rng.stream('identities'));
    const sites = createSites();
    const robots = config.robots ? createRobots() : null;
    const walk = { ...config, sites: new Set(roots.map((root) => siteOf(new URL(root)))) };
    const common = { guard, budget, proxy, report, signal, ca: options.ca, ...limits };
    const rhythmOf = (shift: number) => createRhythm({ ...config, shift, local: options.local });
    const tasks: Promise<never>[] = [];
    if (config.dns.perHour > 0) {
      const { perHour } = config.dns;
      const { query } = options;
      const [dnsRng, rhythm] = [rng.stream('dns'), rhythmOf(0)];
      tasks.push(runDnsNoise({ perHour, roots, rhythm, budget, rng: dnsRng, report, signal, clock, query }));
    }
    if (options.shape) {
      const own = createOwnConnections();
      const client = { ...common, own, home: options.shapeOn ?? null, identity: identities[0]! };
      tasks.push(
        createShapedNoise(options.shape, {
          ...client,
          roots,
          rhythm: rhythmOf(0),
          sites,
          robots,
          rng: rng.stream('shape'),
          clock,
        }),
      );
    } else {
      for (const [user, identity] of identities.entries()) {
        const own = rng.stream('user', user);
        const each = { ...common, user, identity, rng: own.stream('engine') };
        let engine: Engine;
        if (kind === 'browser') {
          const { browser: executable, browserUser, browserSandbox } = config;
          const browser = await createBrowserEngine({ ...each, executable, browserUser, browserSandbox });
          if (user === 0) report({ type: 'browser', ...browser.protection });
          engine = browser;
        } else {
          engine = createHttpEngine({ ...each, speed: options.speed });
        }
        engines.push(engine);
        tasks.push(
          runVisitor({
            user,
            roots,
            depth: config.depth,
            walk,
            pause: { median: config.pause, least: config.minPause, most: config.maxPause },
            siteDelay: config.siteDelay,
            // Members of a household keep different hours.
            rhythm: rhythmOf(own.normal(0, 1)),
            engine,
            guard,
            budget,
            sites,
            robots,
            rng: own,
            report,
            signal,
            clock,
          }),
        );
      }
    }
    await settleAll(tasks, signal, ended);
  } finally {
    ended.abort();
    clearInterval(tick);
    await Promise.race([
      Promise.all(engines.map((engine) => engine.close().catch(() => {}))),
      new Promise((resolve) => setTimeout(resolve, CLOSING).unref()),
    ]);
    totals.bytes = Math.max(0, budget.spending().month - metered);
    report({ type: 'spending', spending: budget.spending() });
    budget.close();
  }
  const why = signal.reason instanceof TimeOver ? 'time over' : 'stopped';
  report({ type: 'stop', why, seconds: (performance.now() - started) / 1000, totals });
  return totals;
}

function timeOver(seconds: number, ended: AbortSignal): AbortSignal {
  const over = new AbortController();
  const end = performance.now() + seconds * 1000;
  let timer: NodeJS.Timeout;
  const wait = () => {
    const left = end - performance.now();
    if (left <= 0) return over.abort(new TimeOver());
    // A timer lasts at most 24 days.
    timer = setTimeout(wait, Math.min(left, 2 ** 31 - 1));
  };
  wait();
  ended.addEventListener('abort', () => clearTimeout(timer), { once: true });
  return over.signal;
}

/** Waits for all tasks to end. A task that fails, which is a bug, ends the others. */
async function settleAll(tasks: readonly Promise<never>[], signal: AbortSignal, ended: AbortController): Promise<void> {
  let bug: unknown = null;
  await Promise.all(
    tasks.map((task) =>
      task.catch((error) => {
        if (signal.aborted) return;
        bug ??= error;
        ended.abort(error);
      }),
    ),
  );
  if (bug !== null) throw bug;
}
