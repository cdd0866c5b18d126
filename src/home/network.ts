import type { Rng } from '../shared/rng.js';
import { TCP, UDP } from '../trace/read/frame.js';
import { Direction, LARGEST_FRAME, Protocol, type TraceBuilder } from '../trace/trace.js';
import type { DeviceProfile, Exchange, Range } from './profile.js';
import { type Carriage, SERVICES, type Service, serverAddress } from './services.js';

const ETHERNET = 14;
const IPV4 = 20;
const SHORTEST_FRAME = 60;
const LARGEST_RECORD = 16384;
/** TLS 1.2 with AES-GCM: record header 5, explicit nonce 8, tag 16 (RFC 5288). */
const RECORD_OVERHEAD = 29;
const LARGEST_DATAGRAM = 1350;
/** Segments, RFC 6928. */
const INITIAL_WINDOW = 10;
const LARGEST_WINDOW = 80;

/** Bytes a second of the home's line in each direction, and a resolver's cache time. Our choice. */
const LINE = { [Direction.INBOUND]: 12.5e6, [Direction.OUTBOUND]: 2.5e6 } as const;
const NAME_CACHE_SECONDS = 300;
/** Most addresses in the answer to a look-up. */
const MOST_ANSWERS = 4;

/** Bytes of a server's hello, certificates and key exchange, which vary with its certificates. */
const greetingOf = (service: Service): number => 2600 + 97 * (service.host.length % 19);

/** Destination of the simulated home's packets; those outside [from, to) are discarded. */
export interface Sink {
  readonly trace: TraceBuilder;
  readonly from: number;
  readonly to: number;
  /** Called for each connection across the gateway when it opens, for a replay over real sockets. */
  readonly onTalk?: (talk: Talk) => void;
}

/** Messages of the applications at both ends of a connection; bytes are theirs, before TLS and headers. */
export interface Talk {
  /** Row of `devices`. */
  readonly device: number;
  /** The device's TCP sends timestamps. */
  readonly timestamps: boolean;
  /** A look-up is a datagram each way. */
  readonly via: Carriage | 'dns';
  readonly address: string;
  readonly port: number;
  /** Name of the remote host; in a look-up, the name asked for. */
  readonly name: string;
  /** Addresses behind the name, in the answer to a look-up. */
  readonly servers: number;
  /** Bytes of TLS records in the server's first flight; 0 without TLS. */
  readonly greeting: number;
  /** Seconds since the Unix epoch. */
  readonly opened: number;
  /** Grows until the home ends; in order of time, except where the two ends overlap. */
  readonly messages: { readonly time: number; readonly direction: Direction; readonly bytes: number }[];
  /** Seconds since the Unix epoch; Infinity for a connection that stays open. */
  closed: number;
}

/** A device as an end of connections. */
export interface Host {
  readonly profile: DeviceProfile;
  /** Row of `devices`. */
  readonly device: number;
  readonly address: string;
}

export interface Connection {
  /** Time when the handshakes are over and data can be sent. */
  readonly ready: number;
  /**
   * Sends a message of `bytes` from `time` on, as segments with their acknowledgements.
   * @param answered true if the receiver's answer carries the last acknowledgement
   * @returns the time when the last segment passes the gateway
   */
  send(time: number, direction: Direction, bytes: number, answered?: boolean): number;
  /** Runs an exchange from `time` on; returns the time of its last segment. */
  exchange(time: number, messages: Exchange): number;
  close(time: number): void;
}

/** A device's network stack for one of its behaviours, with its own random stream, ports and name cache. */
export interface Network {
  /** Opens a connection: a name look-up unless the name is cached, then the service's TCP and TLS handshakes. */
  connect(time: number, service: Service): Connection;
  /** Sends one datagram to a group on the LAN. */
  multicast(time: number, group: { readonly address: string; readonly port: number }, bytes: number): void;
}

/** Draws a whole number from a range, uniformly. */
export function draw(rng: Rng, range: Range): number {
  return typeof range === 'number' ? range : rng.integer(range[0], range[1]);
}

export function createNetwork(sink: Sink, host: Host, rng: Rng): Network {
  const { profile } = host;
  const resolver = SERVICES[profile.resolver];
  const known = new Map<string, number>();
  let port = rng.integer(32768, 60999);

  /** The next ephemeral port; none repeats within about ten thousand connections. */
  const nextPort = (): number => {
    port += rng.integer(1, 4);
    if (port > 60999) port -= 60999 - 32768;
    return port;
  };

  /** Returns a function that puts frames of one flow on the wire. The flow is added with its first observed packet. */
  const openFlow = (transport: number, remoteAddress: string, remotePort: number, wan = true) => {
    const localPort = wan ? nextPort() : remotePort;
    let flow = -1;
    return (time: number, direction: Direction, length: number, protocols: number): void => {
      if (time < sink.from || time >= sink.to) return;
      if (flow < 0) {
        const localAddress = host.address;
        flow = sink.trace.flow({
          transport,
          localPort,
          remotePort,
          localAddress,
          remoteAddress,
          wan,
          header: ETHERNET,
        });
      }
      length = Math.max(length, SHORTEST_FRAME);
      sink.trace.push({ time, length, direction, protocols, port: remotePort, flow, device: host.device });
    };
  };

  /** Draws a delay: a constant one with queueing and radio noise on top. */
  const around = (seconds: number): number => seconds * (1 + rng.exponential(0.08));
  const deviceDelay = (): number => around(0.003);

  const beginTalk = (service: Service, via: Talk['via'], address: string, name: string, opened: number) => {
    if (!sink.onTalk) return null;
    const { port, servers = 1 } = service;
    const greeting = via === 'tls' ? greetingOf(service) : 0;
    const talk: Talk = {
      ...{ device: host.device, timestamps: profile.timestamps, via, address, port, name, greeting, opened },
      ...{ servers: Math.min(servers, MOST_ANSWERS), messages: [], closed: Number.POSITIVE_INFINITY },
    };
    sink.onTalk(talk);
    return talk;
  };

  const lookUp = (time: number, service: Service): number => {
    if (service.port === resolver.port || time < (known.get(service.host) ?? 0)) return time;
    known.set(service.host, time + NAME_CACHE_SECONDS);
    const address = serverAddress(resolver, rng.integer(0, resolver.servers - 1));
    const frame = openFlow(UDP, address, resolver.port);
    const bits = Protocol.IP | Protocol.UDP | Protocol.DNS;
    // Header 12, name with its length bytes, type and class 4; each answer repeats the name as a pointer: 16 bytes.
    const query = ETHERNET + IPV4 + 8 + 12 + service.host.length + 2 + 4;
    frame(time, Direction.OUTBOUND, query, bits);
    const answered = time + around(resolver.rtt);
    const answer = query + 16 * Math.min(service.servers ?? 1, MOST_ANSWERS);
    frame(answered, Direction.INBOUND, answer, bits);
    const talk = beginTalk({ ...resolver, servers: service.servers }, 'dns', address, service.host, time);
    const headers = ETHERNET + IPV4 + 8;
    talk?.messages.push({ time, direction: Direction.OUTBOUND, bytes: query - headers });
    talk?.messages.push({ time: answered, direction: Direction.INBOUND, bytes: answer - headers });
    return answered + deviceDelay();
  };

  const connectUdp = (time: number, service: Service, address: string): Connection => {
    const frame = openFlow(UDP, address, service.port);
    const bits = Protocol.IP | Protocol.UDP | (service.port === 53 ? Protocol.DNS : 0);
    const talk = beginTalk(service, service.via, address, service.host, time);
    const send: Connection['send'] = (at, direction, bytes) => {
      talk?.messages.push({ time: at, direction, bytes });
      const line = LINE[direction];
      for (let left = bytes; ; ) {
        const size = Math.min(left, LARGEST_DATAGRAM);
        const length = ETHERNET + IPV4 + 8 + size;
        frame(at, direction, length, bits);
        left -= size;
        if (left <= 0) return at;
        at += around(length / line);
      }
    };
    return withExchange(time, service, send, (end) => {
      if (talk) talk.closed = end;
    });
  };

  const connectTcp = (time: number, service: Service, address: string): Connection => {
    const frame = openFlow(TCP, address, service.port);
    const options = profile.timestamps ? 12 : 0;
    const headers = ETHERNET + IPV4 + 20 + options;
    const largest = LARGEST_FRAME - headers;
    const tcp = Protocol.IP | Protocol.TCP;
    const data = tcp | (service.via === 'tls' ? Protocol.TLS : service.via === 'http' ? Protocol.HTTP : 0);
    let window = INITIAL_WINDOW;

    /** Sends `bytes` of TCP payload; every second segment is acknowledged, and the last one unless an answer does it. */
    const sendBytes: Connection['send'] = (at, direction, bytes, answered = false) => {
      const line = LINE[direction];
      const back = direction === Direction.INBOUND ? Direction.OUTBOUND : Direction.INBOUND;
      const delay = direction === Direction.INBOUND ? 0.003 : service.rtt;
      let flight = 0;
      let unacknowledged = 0;
      for (let left = bytes; ; ) {
        const size = Math.min(left, largest);
        frame(at, direction, headers + size, data);
        left -= size;
        unacknowledged++;
        if (unacknowledged === 2) {
          frame(at + around(delay), back, headers, tcp);
          unacknowledged = 0;
        }
        if (left <= 0) break;
        at += around((headers + size) / line);
        if (++flight === window) {
          // The sender waits for the acknowledgement of its window; then slow start doubles it.
          at += around(service.rtt);
          window = Math.min(window * 2, LARGEST_WINDOW);
          flight = 0;
        }
      }
      // Delayed acknowledgement, RFC 1122 section 4.2.3.2; 40 ms is what Linux does.
      if (unacknowledged > 0 && !answered) frame(at + 0.04 + around(delay), back, headers, tcp);
      return at;
    };

    const talk = beginTalk(service, service.via, address, service.host, time);
    const send: Connection['send'] = (at, direction, bytes, answered) => {
      talk?.messages.push({ time: at, direction, bytes });
      const records = Math.max(1, Math.ceil(bytes / LARGEST_RECORD));
      return sendBytes(at, direction, bytes + (service.via === 'tls' ? records * RECORD_OVERHEAD : 0), answered);
    };

    // SYN, SYN/ACK, ACK. Maximum segment size alone, or with timestamps, window scale and selective acknowledgement.
    const syn = ETHERNET + IPV4 + 20 + (profile.timestamps ? 20 : 4);
    frame(time, Direction.OUTBOUND, syn, tcp);
    let at = time + around(service.rtt);
    frame(at, Direction.INBOUND, syn, tcp);
    at += deviceDelay();
    frame(at, Direction.OUTBOUND, headers, tcp);
    if (service.via === 'tls') {
      // TLS 1.2 (RFC 5246 section 7.3): hello; hello, certificates, key exchange; key exchange and finished; finished.
      at = sendBytes(at + deviceDelay(), Direction.OUTBOUND, draw(rng, profile.hello), true);
      at = sendBytes(at + around(service.rtt), Direction.INBOUND, greetingOf(service), true);
      at = sendBytes(at + deviceDelay() * 4, Direction.OUTBOUND, 126, true);
      at = sendBytes(at + around(service.rtt), Direction.INBOUND, 51, true);
      at += deviceDelay();
    }
    return withExchange(at, service, send, (end) => {
      if (talk) talk.closed = end;
      frame(end, Direction.OUTBOUND, headers, tcp);
      const closed = end + around(service.rtt);
      frame(closed, Direction.INBOUND, headers, tcp);
      frame(closed + deviceDelay(), Direction.OUTBOUND, headers, tcp);
    });
  };

  const withExchange = (
    ready: number,
    service: Service,
    send: Connection['send'],
    close: Connection['close'],
  ): Connection => ({
    ready,
    send,
    close,
    exchange(time, messages) {
      let at = time;
      for (let i = 0; i < messages.length; i++) {
        const message = messages[i]!;
        const up = 'up' in message;
        const next = messages[i + 1];
        const answered = next !== undefined && 'up' in next !== up;
        const bytes = draw(rng, up ? message.up : message.down);
        at = send(at, up ? Direction.OUTBOUND : Direction.INBOUND, bytes, answered);
        // The server needs some milliseconds to answer, the device's small processor a little longer.
        if (answered) at += up ? around(service.rtt) + rng.exponential(0.008) : deviceDelay() + rng.exponential(0.012);
        else at += rng.exponential(0.02);
      }
      return at;
    },
  });

  return {
    connect(time, service) {
      const at = lookUp(time, service);
      const address = serverAddress(service, rng.integer(0, (service.servers ?? 1) - 1));
      return service.via === 'udp' ? connectUdp(at, service, address) : connectTcp(at, service, address);
    },
    multicast(time, group, bytes) {
      const frame = openFlow(UDP, group.address, group.port, false);
      const bits = Protocol.IP | Protocol.UDP | (group.port === 5353 ? Protocol.DNS : 0);
      frame(time, Direction.OUTBOUND, ETHERNET + IPV4 + 8 + bytes, bits);
    },
  };
}
