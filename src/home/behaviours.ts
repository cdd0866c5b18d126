import type { Rng } from '../shared/rng.js';
import { Direction } from '../trace/trace.js';
import { type Act, type Household, happenings } from './household.js';
import { type Connection, draw, type Network } from './network.js';
import type { Announcement, Behaviour, Browsing, Exchange, Period, Request, Session, Stream } from './profile.js';
import { GROUPS, SERVICES, type Service, webService } from './services.js';

/** The surroundings of a behaviour. */
export interface Scene {
  /** Seconds since the Unix epoch. */
  readonly from: number;
  readonly to: number;
  readonly household: Household;
  readonly network: Network;
  readonly rng: Rng;
}

type Run<B extends Behaviour> = (behaviour: B, scene: Scene) => void;

const RUN: { readonly [K in Behaviour['kind']]: Run<Extract<Behaviour, { kind: K }>> } = {
  session: runSession,
  request: runRequest,
  stream: runStream,
  announcement: runAnnouncement,
  browsing: runBrowsing,
};

/** Generates all packets of one behaviour. */
export function run(behaviour: Behaviour, scene: Scene): void {
  (RUN[behaviour.kind] as Run<Behaviour>)(behaviour, scene);
}

function runSession(session: Session, { from, to, household, network, rng }: Scene): void {
  const service: Service = SERVICES[session.service];
  const events: { time: number; exchange: Exchange }[] = [];
  for (const time of ticks(session.heartbeat, from, to, rng.stream('clock'))) {
    events.push({ time, exchange: session.heartbeat.exchange });
  }
  for (const [act, exchange] of Object.entries(session.on ?? {}) as [Act, Exchange][]) {
    const delays = rng.stream(act);
    for (const time of household(act)) events.push({ time: time + reaction(delays), exchange });
  }
  events.sort((a, b) => a.time - b.time);

  let connection: Connection | undefined;
  let lost = 0;
  let free = 0;
  for (const { time, exchange } of events) {
    let at = Math.max(time, free);
    if (!connection || at >= lost) {
      connection?.close(Math.max(lost, free));
      // A connection that breaks is opened again for the next message.
      connection = network.connect(at, service);
      at = connection.ready;
      lost = at + rng.exponential(session.lifetime);
    }
    free = connection.exchange(at, exchange);
  }
}

function runRequest(request: Request, { from, to, household, network, rng }: Scene): void {
  const service = SERVICES[request.service];
  const times =
    typeof request.when === 'string' ? household(request.when) : ticks(request.when, from, to, rng.stream('clock'));
  for (const time of times) {
    const connection = network.connect(time + reaction(rng), service);
    const end = connection.exchange(connection.ready, request.exchange);
    connection.close(end + 0.01 + rng.exponential(0.3));
  }
}

function runStream(stream: Stream, { household, network, rng }: Scene): void {
  const service = SERVICES[stream.service];
  const [forth, back] =
    stream.direction === 'up'
      ? [Direction.OUTBOUND, Direction.INBOUND]
      : ([Direction.INBOUND, Direction.OUTBOUND] as const);
  let free = 0;
  for (const time of household(stream.when)) {
    // Movement during a recording does not start a second one.
    if (time < free) continue;
    const connection = network.connect(time + reaction(rng), service);
    const end = connection.ready + draw(rng, stream.seconds);
    let at = connection.ready;
    for (let i = 0; at < end; i++) {
      const { keyframe, feedback } = stream;
      const bytes = keyframe && i % keyframe.each === 0 ? keyframe.bytes : stream.bytes;
      const sent = connection.send(at, forth, draw(rng, bytes));
      if (feedback && i % feedback.each === 0) connection.send(sent + service.rtt, back, draw(rng, feedback.bytes));
      at = Math.max(sent, at + Math.max(stream.every * rng.normal(1, 0.05), 0));
    }
    connection.close(at);
    free = at;
  }
}

function runAnnouncement(announcement: Announcement, { from, to, network, rng }: Scene): void {
  const group = GROUPS[announcement.group];
  for (const time of ticks(announcement.when, from, to, rng.stream('clock'))) {
    for (let i = 0; i < announcement.count; i++)
      network.multicast(time + 0.1 * i, group, draw(rng, announcement.bytes));
  }
}

function runBrowsing(browsing: Browsing, { from, to, network, rng }: Scene): void {
  const popularity = zipf(browsing.sites);
  let free = 0;
  for (const start of happenings(rng.stream('sittings'), browsing.perHour, from, to)) {
    if (start < free) continue;
    let at = start;
    for (let pages = draw(rng, browsing.pages); pages > 0; pages--) {
      loadPage(popularity(rng), at, browsing, network, rng);
      at += 3 + rng.exponential(browsing.reading);
    }
    free = at;
  }
}

/** The document first, then the other hosts at once, each with a burst of objects. */
function loadPage(site: number, time: number, browsing: Browsing, network: Network, rng: Rng): void {
  const hosts = draw(rng, browsing.hosts);
  let begin = time;
  for (let index = 0; index < hosts; index++) {
    const connection = network.connect(begin + rng.exponential(0.05), webService(site, index));
    let at = connection.ready;
    for (let objects = index === 0 ? 1 : draw(rng, browsing.objects); objects > 0; objects--) {
      const bytes = Math.min(2e6, Math.round(browsing.objectBytes * Math.exp(rng.normal(0, 1.1))));
      at = connection.exchange(at, [{ up: [280, 900] }, { down: Math.max(bytes, 150) }]);
    }
    // The first host's document names the others.
    if (index === 0) begin = at;
    connection.close(at + 5 + rng.exponential(20));
  }
}

/**
 * Ticks of the device's own clock, with a random phase; jitter does not accumulate. They continue after `to` as far as jitter may
 * bring them back before it.
 */
function ticks(period: Period, from: number, to: number, rng: Rng): number[] {
  const times: number[] = [];
  const end = to + 6 * period.jitter;
  for (let due = from + rng.uniform() * period.every; due < end; due += period.every) {
    times.push(due + rng.normal(0, period.jitter));
  }
  return times;
}

/** Draws the seconds from an act to its traffic: a button, a radio, a program. */
function reaction(rng: Rng): number {
  return 0.05 + rng.exponential(0.4);
}

/** Draws 0 to n-1 with probability proportional to 1/(k+1). */
function zipf(n: number): (rng: Rng) => number {
  const cumulative: number[] = [];
  let sum = 0;
  for (let k = 1; k <= n; k++) {
    sum += 1 / k;
    cumulative.push(sum);
  }
  return (rng) => {
    const u = rng.uniform() * sum;
    const site = cumulative.findIndex((c) => u < c);
    return site < 0 ? n - 1 : site;
  };
}
