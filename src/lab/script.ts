import type { HomeOptions, Talk } from '../home/home.js';
import { generateHome } from '../home/home.js';
import { homeSpan } from '../home/options.js';
import { InputError } from '../shared/errors.js';
import { TCP, UDP } from '../trace/read/frame.js';
import { type Device, type Direction, Protocol, type Trace } from '../trace/trace.js';

/** How what is said is to look on the wire. `record` is TLS only to look at: records of those very lengths, for traffic that was recorded. */
export type Speech = 'tls' | 'record' | 'http' | 'plain' | 'datagram' | 'dns' | 'dns-like';

/** One connection of the lab: who speaks to whom, what, and when. Times are seconds since the script's beginning. */
export interface Part {
  readonly device: number;
  readonly timestamps: boolean;
  readonly speech: Speech;
  readonly address: string;
  readonly port: number;
  /** Of the device's end. No two parts over the same transport have the same, so that it tells whose a packet is. */
  readonly localPort: number;
  readonly name: string;
  readonly servers: number;
  readonly greeting: number;
  readonly opened: number;
  readonly closed: number;
  readonly messages: readonly Message[];
}

export interface Message {
  readonly time: number;
  readonly direction: Direction;
  /** Of the application; of each datagram, in UDP. */
  readonly bytes: number;
}

/** All that the devices of a home say across the gateway, to be said over real sockets. */
export interface Script {
  readonly devices: readonly Device[];
  /** Seconds since the Unix epoch of its beginning. */
  readonly from: number;
  readonly seconds: number;
  readonly parts: readonly Part[];
}

/** Connections that are open when the script begins are opened before, within so many seconds, so that no handshake of theirs is seen. */
export const OPENING = 20;
/** As the synthetic home sends them. */
const LARGEST_DATAGRAM = 1350;
/** Ports below are left to what else a device may run. */
const FIRST_PORT = 2048;
const LAST_PORT = 65_535;

export const isDatagrams = (speech: Speech): boolean =>
  speech === 'datagram' || speech === 'dns' || speech === 'dns-like';

const SPEECH: Readonly<Record<Talk['via'], Speech>> = {
  tls: 'tls',
  http: 'http',
  tcp: 'plain',
  udp: 'datagram',
  dns: 'dns',
};

/** What the synthetic home says: the messages whose packets generateHome makes up, same options, same messages. */
export function scriptOfHome(options: HomeOptions): { script: Script; trace: Trace } {
  const talks: Talk[] = [];
  const trace = generateHome(options, (talk) => talks.push(talk));
  const { from, to } = homeSpan(options);
  const parts = talks
    .filter((talk) => talk.closed > from && talk.opened < to)
    .map((talk, i): Omit<Part, 'localPort'> => {
      const { device, timestamps, via, address, port, name, servers, greeting } = talk;
      const speech = SPEECH[via];
      const messages = talk.messages
        .filter(({ time }) => time >= from && time < to)
        .flatMap((message) => (isDatagrams(speech) ? cut(message) : [message]))
        .map(({ time, direction, bytes }) => ({ time: time - from, direction, bytes }))
        .sort((a, b) => a.time - b.time);
      const opened = talk.opened >= from ? talk.opened - from : -OPENING * (0.2 + 0.8 * ((i * 0.618) % 1));
      const closed = talk.closed - from;
      return { device, timestamps, speech, address, port, name, servers, greeting, opened, closed, messages };
    })
    // What says nothing more and was open before is nothing to see.
    .filter(({ opened, messages }) => opened >= 0 || messages.length > 0);
  return { script: finish(trace.devices, from, to - from, parts), trace };
}

function cut({ time, direction, bytes }: Message): Message[] {
  const pieces: Message[] = [];
  for (let left = bytes; left > 0; left -= LARGEST_DATAGRAM) {
    pieces.push({ time, direction, bytes: Math.min(left, LARGEST_DATAGRAM) });
  }
  return pieces;
}

/** Headers of TCP with and without timestamps, before them IP's. */
const IPV4 = 20;
const IPV6 = 40;
const TCP_HEADER = 20;
const TIMESTAMPS = 12;
const SHORTEST_FRAME = 60;

/**
 * What the devices of recorded traffic said, as far as lengths tell: each packet of TCP that is longer than its connection's
 * acknowledgements is a message of its payload's length, each of UDP a datagram. What is said is the lengths' alone. IPv6
 * becomes IPv4; what is neither TCP nor UDP, and what stays on the LAN, is left out.
 */
export function scriptOfTrace(trace: Trace, seconds: number): Script {
  const { flows } = trace;
  const from = trace.time[0] ?? 0;
  const rows = new Map<number, number[]>();
  for (let row = 0; row < trace.packets && trace.time[row]! - from < seconds; row++) {
    const flow = trace.flow[row]!;
    if (flows.wan[flow] !== 1 || (flows.transport[flow] !== TCP && flows.transport[flow] !== UDP)) continue;
    const known = rows.get(flow);
    if (known) known.push(row);
    else rows.set(flow, [row]);
  }
  const addressOf = createAddresses();
  const parts: Omit<Part, 'localPort'>[] = [];
  for (const [flow, own] of rows) {
    const isTcp = flows.transport[flow] === TCP;
    const remote = flows.addresses[flows.remoteAddress[flow]!]!;
    const ip = flows.header[flow]! + (remote.includes(':') ? IPV6 : IPV4);
    const shortest = own.reduce((least, row) => Math.min(least, trace.length[row]!), Number.POSITIVE_INFINITY);
    const timestamps = isTcp && shortest >= ip + TCP_HEADER + TIMESTAMPS;
    const headers = ip + (isTcp ? TCP_HEADER + (timestamps ? TIMESTAMPS : 0) : 8);
    const messages: Message[] = [];
    let bits = 0;
    for (const row of own) {
      bits |= trace.protocols[row]!;
      const length = trace.length[row]!;
      // The padding of Ethernet's shortest frame is no payload.
      const bytes = isTcp && length <= SHORTEST_FRAME ? 0 : length - headers;
      const isHandshake = isTcp && messages.length === 0 && bytes <= 20;
      if (bytes <= 0 || isHandshake) continue;
      messages.push({ time: trace.time[row]! - from, direction: trace.direction[row] as Direction, bytes });
    }
    if (messages.length === 0) continue;
    const speech: Speech = isTcp
      ? (bits & Protocol.TLS) !== 0
        ? 'record'
        : (bits & Protocol.HTTP) !== 0
          ? 'http'
          : 'plain'
      : (bits & Protocol.DNS) !== 0
        ? 'dns-like'
        : 'datagram';
    parts.push({
      ...{ device: trace.device[own[0]!]!, timestamps, speech, address: addressOf(remote) },
      ...{ port: flows.remotePort[flow]!, name: '', servers: 1, greeting: 0 },
      opened: trace.time[own[0]!]! - from,
      closed: trace.time[own.at(-1)!]! - from,
      messages,
    });
  }
  return finish(trace.devices, from, Math.min(seconds, (trace.time[trace.packets - 1] ?? from) - from + 1e-6), parts);
}

/** Gives hosts of IPv6, and those in networks of the lab's own, addresses of the range for benchmarks (RFC 2544); others keep theirs. */
function createAddresses(): (remote: string) => string {
  const given = new Map<string, string>();
  return (remote) => {
    if (!remote.includes(':') && !/^(100\.64|203\.0\.113|10\.9[89])\./.test(remote)) return remote;
    const known = given.get(remote);
    if (known !== undefined) return known;
    const n = given.size;
    const address = `198.19.${(n >>> 8) & 0xff}.${n & 0xff}`;
    given.set(remote, address);
    return address;
  };
}

/** @throws InputError where there are more connections than ports */
function finish(devices: readonly Device[], from: number, seconds: number, parts: Omit<Part, 'localPort'>[]): Script {
  const next = { tcp: FIRST_PORT, udp: FIRST_PORT };
  const sorted = parts.sort((a, b) => a.opened - b.opened);
  const scripted = sorted.map((part): Part => {
    const localPort = next[isDatagrams(part.speech) ? 'udp' : 'tcp']++;
    if (localPort > LAST_PORT) {
      throw new InputError(
        `expected at most ${LAST_PORT - FIRST_PORT + 1} connections of TCP or UDP, found more; take fewer hours`,
      );
    }
    return { ...part, localPort };
  });
  return { devices, from, seconds, parts: scripted };
}
