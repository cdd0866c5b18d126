import type { Rng } from '../../shared/rng.js';
import { TCP, UDP } from '../../trace/read/frame.js';
import { Direction, Protocol } from '../../trace/trace.js';
import { IP_HEADER } from './parts.js';
import { HEADERS, SEGMENT, type Stage } from './stage.js';
import type { Task } from './tasks.js';

/**
 * Web traffic of a plain client, generated packet by packet: name look-ups, TCP and TLS 1.3 handshakes, requests, responses with
 * slow start and acknowledgements, closing. Sizes in bytes, times in seconds. Figures without a source are our choice.
 * HTTP/1.1 over TCP; neither QUIC nor losses are modelled.
 */

const { INBOUND, OUTBOUND } = Direction;
const TLS = Protocol.IP | Protocol.TCP | Protocol.TLS;
const DNS = Protocol.IP | Protocol.UDP | Protocol.DNS;

const UDP_HEADER = 8;
/** A SYN has 20 bytes of options: segment size, window scale, SACK, and the timestamps that Linux sends in every segment. */
const SYN = IP_HEADER + 20 + 20;
/** Each round trip doubles the window from RFC 6928's, up to the limit of a small receive buffer. */
const INITIAL_WINDOW = 10;
const LARGEST_WINDOW = 80;

/** TLS 1.3 (RFC 8446): a record adds header 5, content type 1, tag 16. */
const RECORD = 22;
const LARGEST_RECORD = 16_384;
/** OpenSSL pads its hello to 512 (RFC 7685), in a record. */
const CLIENT_HELLO = 517;
/** ChangeCipherSpec 6 and Finished 74, for SHA-384. */
const CLIENT_FINISHED = 80;
/** Two session tickets of OpenSSL's servers. */
const TICKETS = 2 * 255;
/** close_notify. */
const ALERT = RECORD + 2;

/** A public resolver; all other servers are in the range for benchmarks, RFC 2544. */
const RESOLVER = { address: '198.51.100.53', rtt: 0.012 };
/** From the gateway to the client and back, with the client's own delay. */
const CLIENT_DELAY = 0.0005;

/**
 * HTTP Archive, Web Almanac 2024, chapter Page Weight, desktop: the median page has 18 KB of HTML; the median inner page 1273 KB of
 * images, scripts, styles and fonts in 48 requests, so 26.5 KB each; the median page makes 71 requests, nine of ten fewer than
 * 176. Shapes are log-normal: the spread of requests follows from those two figures, those of sizes are our choice.
 */
const DOCUMENT = { median: 18_000, spread: 1 };
const OBJECT = { mean: 26_500, spread: 1.5 };
const REQUESTS_SPREAD = Math.log(176 / 71) / 1.2816;
const LARGEST_OBJECT = 5e6;

/** A page's objects come from the document's host and, at once, from at most so many others. */
const OTHER_HOSTS = 5;
const OBJECTS_PER_HOST = 3;

/** Bytes of the headers of a response. */
export const RESPONSE_HEADERS = 400;
/** Mean seconds that a server needs before it answers. */
export const THINKING = 0.02;

/** Probability that a page has no links, so that a walk begins again; our choice. */
export const DEAD_END = 0.05;
/** Probability that a link leads to another host; our choice. */
export const LEAVES_SITE = 0.3;

/** The downstream line that the inbound packets of all connections share. */
export interface Line {
  /** Occupies the line for `bytes` as soon as it is free; returns the time when the last of them is through. */
  take(now: number, bytes: number): number;
}

/** @param rate bytes a second */
export function createLine(rate: number): Line {
  let free = Number.NEGATIVE_INFINITY;
  return {
    take(now, bytes) {
      free = Math.max(now, free) + bytes / rate;
      return free;
    },
  };
}

export interface Host {
  readonly address: string;
  /** Characters of its name, which show in the size of a look-up. */
  readonly name: number;
  readonly rtt: number;
  /** ServerHello, certificates (two or three of about 1 KB and more) and the rest of that flight. */
  readonly hello: number;
}

export function createHost(rng: Rng): Host {
  return {
    address: `198.${rng.integer(18, 19)}.${rng.integer(0, 255)}.${rng.integer(1, 254)}`,
    name: rng.integer(8, 32),
    // Median 20 ms: most servers are in a content network nearby, some across an ocean.
    rtt: Math.min(0.3, logNormal(rng, 0.02, 0.8)),
    hello: rng.integer(2600, 5200),
  };
}

/** Draws the number of objects that a page loads besides its document. */
export function drawObjects(rng: Rng, median: number): number {
  return median === 0 ? 0 : Math.round(logNormal(rng, median, REQUESTS_SPREAD));
}

/** The number of a page's objects that come from each host; the document's is the first. */
export function shareObjects(objects: number): number[] {
  const hosts = 1 + Math.min(OTHER_HOSTS, Math.floor(objects / OBJECTS_PER_HOST));
  return Array.from({ length: hosts }, (_, host) => Math.floor((objects + host) / hosts));
}

/**
 * Loads one page: its document, then its objects, over the document's connection and from other hosts at once, each looked up first.
 * Calls `loaded` when the last object is there; all connections are closed.
 */
export function* loadPage(stage: Stage, line: Line, host: Host, objects: number, loaded: () => void): Task {
  const [own, ...others] = shareObjects(objects) as [number, ...number[]];
  let open = others.length + 1;
  const done = () => {
    if (--open === 0) loaded();
  };
  yield* lookUp(stage, host);
  const connection = yield* connect(stage, line, host);
  const { rng, now } = stage.link;
  yield* connection.fetch(drawDocument(rng));
  for (const share of others) stage.start(loadObjects(stage, line, share, done), now + rng.exponential(0.02));
  yield* fetchObjects(stage, connection, own, done);
}

function* loadObjects(stage: Stage, line: Line, objects: number, done: () => void): Task {
  const host = createHost(stage.link.rng);
  yield* lookUp(stage, host);
  const connection = yield* connect(stage, line, host);
  yield* fetchObjects(stage, connection, objects, done);
}

function* fetchObjects(stage: Stage, connection: Connection, objects: number, done: () => void): Task {
  for (let left = objects; left > 0; left--) yield* connection.fetch(drawObject(stage.link.rng));
  done();
  yield* connection.close();
}

/** Draws the bytes of a document. */
export function drawDocument(rng: Rng): number {
  return heavy(rng, DOCUMENT.median, DOCUMENT.spread);
}

/** Draws the bytes of an object. */
export function drawObject(rng: Rng): number {
  const { mean, spread } = OBJECT;
  return heavy(rng, mean * Math.exp(-(spread ** 2) / 2), spread);
}

function heavy(rng: Rng, median: number, spread: number): number {
  return Math.round(Math.min(LARGEST_OBJECT, Math.max(150, logNormal(rng, median, spread))));
}

function logNormal(rng: Rng, median: number, spread: number): number {
  return median * Math.exp(rng.normal(0, spread));
}

/** Draws a delay: a constant one with queueing on top. */
function around(rng: Rng, seconds: number): number {
  return seconds * (1 + rng.exponential(0.08));
}

/** Asks for the IPv4 and the IPv6 address at once from one port, as the C library does. */
function* lookUp(stage: Stage, { name }: Host): Task {
  const { rng, now } = stage.link;
  const send = stage.open({ transport: UDP, remoteAddress: RESOLVER.address, remotePort: 53 });
  // Header 12; the name with its length bytes; type and class 4.
  const query = IP_HEADER + UDP_HEADER + 12 + name + 2 + 4;
  send(OUTBOUND, query, DNS);
  send(OUTBOUND, query, DNS);
  const answers = [around(rng, RESOLVER.rtt), around(rng, RESOLVER.rtt)].sort((a, b) => a - b);
  yield now + answers[0]!;
  // One to four addresses of 16 bytes, or 28, or an alias before them.
  send(INBOUND, query + 16 * rng.integer(1, 4), DNS);
  yield now + answers[1]!;
  send(INBOUND, query + 28 * rng.integer(1, 4), DNS);
  yield stage.link.now + CLIENT_DELAY;
}

interface Connection {
  /** Sends a request, and receives `bytes` of content. */
  fetch(bytes: number): Task;
  close(): Task;
}

function* connect(stage: Stage, line: Line, host: Host): Task<Connection> {
  const { rng } = stage.link;
  const send = stage.open({ transport: TCP, remoteAddress: host.address, remotePort: 443 });
  const roundTrip = () => stage.link.now + around(rng, host.rtt);
  let window = INITIAL_WINDOW;
  let tickets = TICKETS;

  /** Receives `bytes` of TLS records, window by window; acknowledges every second segment and the last. */
  function* receive(bytes: number): Task {
    let flight = 0;
    let acknowledged = roundTrip();
    let waiting = 0;
    let acknowledgeAt = Number.POSITIVE_INFINITY;
    function* acknowledge(): Task {
      yield acknowledgeAt;
      send(OUTBOUND, HEADERS);
      acknowledgeAt = Number.POSITIVE_INFINITY;
    }
    for (let left = bytes; left > 0; ) {
      if (flight === window) {
        // The next window goes out when the acknowledgement of this one has reached the server.
        flight = 0;
        window = Math.min(2 * window, LARGEST_WINDOW);
        if (acknowledgeAt < Number.POSITIVE_INFINITY) yield* acknowledge();
        yield Math.max(acknowledged, stage.link.now);
        acknowledged = roundTrip();
      }
      const size = Math.min(left, SEGMENT);
      const through = line.take(stage.link.now, HEADERS + size);
      if (acknowledgeAt <= through) yield* acknowledge();
      yield through;
      send(INBOUND, HEADERS + size, TLS);
      left -= size;
      flight++;
      if (++waiting < 2 && left > 0) continue;
      waiting = 0;
      acknowledgeAt = Math.min(acknowledgeAt, stage.link.now + CLIENT_DELAY);
    }
    yield Math.max(acknowledgeAt, stage.link.now);
    send(OUTBOUND, HEADERS);
  }

  send(OUTBOUND, SYN);
  yield roundTrip();
  send(INBOUND, SYN);
  yield stage.link.now + CLIENT_DELAY;
  send(OUTBOUND, HEADERS);
  send(OUTBOUND, HEADERS + CLIENT_HELLO, TLS);
  yield roundTrip();
  yield* receive(host.hello);
  send(OUTBOUND, HEADERS + CLIENT_FINISHED, TLS);

  return {
    *fetch(bytes) {
      send(OUTBOUND, HEADERS + RECORD + rng.integer(180, 900), TLS);
      // The session tickets come with the server's first answer.
      yield roundTrip() + rng.exponential(THINKING);
      const content = bytes + RESPONSE_HEADERS;
      yield* receive(tickets + content + RECORD * Math.ceil(content / LARGEST_RECORD));
      tickets = 0;
    },
    *close() {
      yield stage.link.now + CLIENT_DELAY;
      send(OUTBOUND, HEADERS + ALERT, TLS);
      send(OUTBOUND, HEADERS);
      yield roundTrip();
      send(INBOUND, HEADERS);
      yield stage.link.now + CLIENT_DELAY;
      send(OUTBOUND, HEADERS);
    },
  };
}
