/**
 * A process of the lab: plays one side of a script over real sockets, in the namespace where it is started. The parent sends one
 * `PlayerOrder`, then `PlayerMessage`s. The process ends at `stop`, or when its parent does.
 */
import { createSocket, type Socket as DatagramSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { deserialize } from 'node:v8';
import { createQuantiles } from '../live/tunnel/statistics.js';
import type { Spread } from '../result/result.js';
import { Direction } from '../trace/trace.js';
import { type Agenda, createAgenda } from './agenda.js';
import type { Certificate } from './certificate.js';
import { payloadOf } from './payload.js';
import { createPerformer, type Performer } from './perform.js';
import { openResolver } from './resolver.js';
import { isDatagrams, type Part, type Script } from './script.js';

/** First message of the parent. */
export interface PlayerOrder {
  readonly role: 'devices' | 'servers';
  /** File with the script, serialized by v8. */
  readonly script: string;
  /** Numbers of the parts to play; servers play all. */
  readonly parts: readonly number[];
  /** Local address of each device. */
  readonly addresses: readonly string[];
  readonly speed: number;
  /** Certificates by the length of the server's first flight, in bytes. */
  readonly certificates: readonly (Certificate & { readonly greeting: number })[];
}

export type PlayerMessage = { readonly type: 'begin'; readonly start: number } | { readonly type: 'stop' };

export interface PlayerReport {
  readonly type: 'report';
  /** Connections that were opened, and those that failed or ended before all their messages were sent. */
  readonly opened: number;
  readonly failed: number;
  /** Messages sent. */
  readonly sent: number;
  /** Lateness of messages, in seconds of the script's clock. */
  readonly late: Spread;
  /** Connections and datagrams that are not in the script. */
  readonly strangers: number;
  readonly problems: readonly string[];
}

/** TLS as the synthetic home speaks it: records have 29 bytes more than their content. */
const TLS = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' } as const;
const PROBLEMS_TOLD = 5;
const SOCKET_BUFFER = 1 << 21;

function createPlayer(order: PlayerOrder) {
  const script = deserialize(readFileSync(order.script)) as Script;
  const { parts } = script;
  const late = createQuantiles(1 << 16);
  const count = { opened: 0, failed: 0, sent: 0, strangers: 0 };
  const problems = new Map<string, number>();
  const performers = new Map<number, Performer>();
  let agenda: Agenda | null = null;

  const fail = (what: string): void => {
    count.failed++;
    problems.set(what, (problems.get(what) ?? 0) + 1);
  };

  /** @param say sends bytes to the other end */
  const perform = (
    number: number,
    direction: Direction,
    say: (bytes: Buffer) => void,
    finish: () => void,
  ): Performer => {
    const part = parts[number]!;
    const performer = createPerformer({
      part,
      direction,
      now: agenda!.now,
      wakeAt: (time) => agenda!.set(number, time),
      send(bytes, index) {
        count.sent++;
        say(payloadOf(part, direction, bytes, index));
      },
      finish,
      onSent: (seconds) => late.add(seconds),
    });
    performers.set(number, performer);
    return performer;
  };

  const overStream = (socket: Socket, number: number, direction: Direction): void => {
    const part = parts[number]!;
    const performer = perform(
      number,
      direction,
      (bytes) => socket.write(bytes),
      () => {
        performers.delete(number);
        if (direction === Direction.OUTBOUND) socket.end();
      },
    );
    socket.on('data', (data: Buffer) => performer.received(data.length));
    socket.once('close', () => {
      if (performers.delete(number) && agenda!.now() < Math.min(part.closed, script.seconds))
        fail('a connection was closed too early');
      agenda!.set(number, Number.POSITIVE_INFINITY);
    });
    performer.wake();
  };

  const openStream = (number: number): void => {
    const { address, port, device, localPort, speech, name } = parts[number]!;
    const to = { host: address, port, localAddress: order.addresses[device]!, localPort };
    count.opened++;
    const socket =
      speech === 'tls'
        ? // The certificate is self-signed; no one else is in the namespace.
          connectTls({ ...to, servername: name, rejectUnauthorized: false, ...TLS })
        : connect(to);
    socket.setNoDelay(true);
    socket.once(speech === 'tls' ? 'secureConnect' : 'connect', () => overStream(socket, number, Direction.OUTBOUND));
    socket.on('error', ({ message }) => fail(message.replaceAll(/[\d.]+:\d+/g, 'a server')));
  };

  const openDatagrams = (number: number): void => {
    const { address, port, device, localPort } = parts[number]!;
    count.opened++;
    const socket = createSocket('udp4');
    socket.on('error', ({ message }) => fail(message));
    socket.bind(localPort, order.addresses[device]!, () => {
      // Datagrams may still arrive late.
      const finish = () => setTimeout(() => socket.close(), 1000).unref();
      const performer = perform(number, Direction.OUTBOUND, (bytes) => socket.send(bytes, port, address), finish);
      socket.on('message', (data) => performer.received(data.length));
      performer.wake();
    });
  };

  /** Wakes the performer of a part, or opens the part where it has not begun. */
  const wake = (number: number): void => {
    const performer = performers.get(number);
    if (performer) performer.wake();
    else if (order.role === 'devices') (isDatagrams(parts[number]!.speech) ? openDatagrams : openStream)(number);
  };

  const listening: Promise<unknown>[] = [];
  const listen = (): void => {
    const streams = new Map<number, number>();
    const datagrams = new Map<number, number>();
    const places = new Map<string, Part>();
    const resolvers = new Set<string>();
    const names = new Map<string, string[]>();
    for (const [number, part] of parts.entries()) {
      const { speech, address, port, localPort, name, servers } = part;
      if (speech === 'dns') {
        resolvers.add(address);
        names.set(
          name.toLowerCase(),
          Array.from({ length: servers }, () => address),
        );
        continue;
      }
      if (isDatagrams(speech)) {
        datagrams.set(localPort, number);
        places.set(`udp ${address} ${port}`, part);
      } else {
        streams.set(localPort, number);
        places.set(`tcp ${port}`, part);
      }
    }
    const contexts = new Map<number, SecureContext>();
    for (const { greeting, key, cert } of order.certificates)
      contexts.set(greeting, createSecureContext({ key, cert, ...TLS }));

    const take = (socket: Socket): void => {
      const number = streams.get(socket.remotePort!);
      socket.on('error', ({ message }) => fail(message));
      socket.setNoDelay(true);
      if (number === undefined) {
        count.strangers++;
        socket.destroy();
        return;
      }
      count.opened++;
      const { speech, greeting } = parts[number]!;
      if (speech !== 'tls') {
        overStream(socket, number, Direction.INBOUND);
        return;
      }
      const secured = new TLSSocket(socket, { isServer: true, secureContext: contexts.get(greeting) });
      secured.on('error', ({ message }) => fail(message));
      secured.once('secure', () => overStream(secured, number, Direction.INBOUND));
    };
    for (const [place, { address, port }] of places) {
      if (place.startsWith('udp')) listening.push(listenDatagrams(address, port, datagrams));
      else listening.push(once(createServer(take).listen(port, '0.0.0.0'), 'listening'));
    }
    for (const address of resolvers) {
      listening.push(openResolver({ address, port: 53, lookup: (name) => names.get(name) ?? [] }));
    }
  };

  const listenDatagrams = async (address: string, port: number, parts: ReadonlyMap<number, number>): Promise<void> => {
    const socket: DatagramSocket = createSocket('udp4');
    socket.on('message', (data: Buffer, from: RemoteInfo) => {
      const number = parts.get(from.port);
      if (number === undefined) {
        count.strangers++;
        return;
      }
      const known = performers.get(number);
      if (known) return known.received(data.length);
      count.opened++;
      const say = (bytes: Buffer) => socket.send(bytes, from.port, from.address);
      perform(number, Direction.INBOUND, say, () => {}).received(data.length);
    });
    socket.bind(port, address);
    await once(socket, 'listening');
    try {
      socket.setRecvBufferSize(SOCKET_BUFFER);
    } catch {
      // The default buffer must do.
    }
  };

  return {
    async prepare(): Promise<void> {
      if (order.role === 'servers') listen();
      await Promise.all(listening);
    },
    begin(start: number): void {
      agenda = createAgenda(start, order.speed, wake);
      if (order.role === 'devices') for (const number of order.parts) agenda.set(number, parts[number]!.opened);
    },
    report: (): PlayerReport => ({
      type: 'report',
      ...count,
      late: late.spread(),
      problems: [...problems].slice(0, PROBLEMS_TOLD).map(([what, times]) => `${what} (${times} times)`),
    }),
  };
}

process.once('message', async (order: PlayerOrder) => {
  const player = createPlayer(order);
  await player.prepare();
  process.on('message', (message: PlayerMessage) => {
    if (message.type === 'begin') player.begin(message.start);
    else process.send!(player.report(), () => process.exit(0));
  });
  process.send!({ type: 'ready' });
});
process.once('disconnect', () => process.exit(0));
