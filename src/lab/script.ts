import type { HomeOptions, Talk } from '../home/home.js';
import { generateHome } from '../home/home.js';
import { homeSpan } from '../home/options.js';
import { InputError } from '../shared/errors.js';
import { TCP, UDP } from '../trace/read/frame.js';
import { type Device, type Direction, Protocol, type Trace } from '../trace/trace.js';

/** Protocol of a connection on the wire. `record` only looks like TLS: it has records of exactly the recorded lengths. */
export type Speech = 'tls' | 'record' | 'http' | 'plain' | 'datagram' | 'dns' | 'dns-like';

/** One connection of the lab and its messages. Times are in seconds since the beginning of the script. */
export interface Part {
  readonly device: number;
  readonly timestamps: boolean;
  readonly speech: Speech;
  readonly address: string;
  readonly port: number;
  /** Port of the device's end, unique among the parts over the same transport, so that it identifies the device of a packet. */
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
  /** Bytes of the application's message; in UDP, of one datagram. */
  readonly bytes: number;
}

/** All messages between a home's devices and the Internet, to be sent over real sockets. */
export interface Script {
  readonly devices: readonly Device[];
  /** Beginning of the script, in seconds since the Unix epoch. */
  readonly from: number;
  readonly seconds: number;
  readonly parts: readonly Part[];
}

/** Seconds before the script begins, in which connections that are already open then are opened: their handshakes are not captured. */
export const OPENING = 20;
/** Bytes of the longest datagram that the synthetic home sends. */
const LARGEST_DATAGRAM = 1350;
/** Local ports of parts. Those below are left to other programs of a device. */
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

/** Script of the synthetic home: the messages whose packets generateHome makes up with the same options. */
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
    // A connection that was open before and has no more messages shows nothing.
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

/** Bytes of headers. */
const IPV4 = 20;
const IPV6 = 40;
const TCP_HEADER = 20;
const TIMESTAMPS = 12;
const SHORTEST_FRAME = 60;

/**
 * Script of a trace, as far as lengths tell. Each TCP packet longer than the acknowledgements of its connection is a message of its
 * payload's length, and each UDP packet is a datagram. IPv6 becomes IPv4. Packets that are neither TCP nor UDP, or stay on the LAN, are
 * left out.
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
      // The padding of the shortest Ethernet frame is not payload.
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

/** Maps IPv6 addresses, and those in the lab's own networks, into the range for benchmarks (RFC 2544); other addresses stay. */
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
