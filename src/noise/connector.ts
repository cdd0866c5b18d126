import { connect as connectTcp, isIP, isIPv4, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { buildConnector } from 'undici';
import type { Guard } from './addresses.js';
import { Refused } from './addresses.js';
import type { Budget } from './budget.js';
import { LOOKUP_BYTES } from './dns-noise.js';
import type { Meter } from './meter.js';
import type { OwnConnections } from './own-connections.js';
import { openThrough, type ProxyServer } from './proxy.js';
import { linkSignals, unless } from './signals.js';
import { bareHost } from './urls.js';

interface ConnectorOptions {
  readonly guard: Guard;
  readonly budget: Budget;
  readonly meter: Meter;
  readonly proxy: ProxyServer | null;
  readonly signal: AbortSignal;
  /** Seconds for resolving, connecting and TLS together. */
  readonly timeout: number;
  /** A certificate to trust besides the system's, for tests. */
  readonly ca?: string;
  /** Receives each TCP connection as it begins. */
  readonly own?: OwnConnections;
  /** Called for each connection before undici gets it; the protocol is 'h2' or 'http/1.1'. */
  readonly onOpen?: (origin: string, protocol: string, socket: Socket) => void;
}

/** Protocols in Chromium's order. */
const ALPN = ['h2', 'http/1.1'];

/**
 * Creates undici's connector, which connects only to checked addresses. It resolves the name and connects to the address, so a name
 * that resolves differently afterwards changes nothing. Every byte is metered.
 */
export function createConnector(options: ConnectorOptions): buildConnector.connector {
  return (target, callback) => {
    open(target, options).then(
      (socket) => {
        const protocol = ('alpnProtocol' in socket && socket.alpnProtocol) || 'http/1.1';
        options.onOpen?.(originOf(target), protocol, socket);
        callback(null, socket);
      },
      (error) => callback(error as Error, null),
    );
  };
}

async function open(target: buildConnector.Options, options: ConnectorOptions): Promise<Socket | TLSSocket> {
  const isSecure = target.protocol === 'https:';
  const port = Number(target.port) || (isSecure ? 443 : 80);
  const { signal, release } = linkSignals([options.signal], options.timeout);
  let socket: Socket | null = null;
  try {
    socket = await openChecked(target.hostname, port, { ...options, signal });
    if (!isSecure) return socket;
    const secure = connectTls({
      socket,
      // The certificate must be valid for this host. An address has no server name to send.
      host: target.hostname,
      ...(isIP(target.hostname) === 0 ? { servername: target.hostname } : {}),
      ALPNProtocols: ALPN,
      ...(options.ca === undefined ? {} : { ca: options.ca }),
    });
    secure.on('error', () => {});
    options.meter.watch(secure, socket);
    await settled(secure, 'secureConnect', signal);
    return secure;
  } catch (error) {
    socket?.destroy();
    throw error;
  } finally {
    release();
  }
}

export type OpenOptions = Pick<ConnectorOptions, 'guard' | 'budget' | 'meter' | 'proxy' | 'signal' | 'timeout' | 'own'>;

/**
 * Opens a TCP connection to a checked address of a host, metered and counted.
 * @throws Refused, or the error of the look-up or the connection
 */
export async function openChecked(hostname: string, port: number, options: OpenOptions): Promise<Socket> {
  const { guard, budget, proxy, signal, timeout } = options;
  const patience = linkSignals([signal], timeout / 2);
  const release = await budget
    .connection(patience.signal)
    .catch((error) => {
      throw patience.isLate ? new Refused('no connection free') : error;
    })
    .finally(patience.release);
  let socket: Socket | null = null;
  try {
    if (isIP(bareHost(hostname)) === 0) {
      if (!budget.reserve(LOOKUP_BYTES)) throw new Refused('budget');
      budget.spend(LOOKUP_BYTES);
    }
    const addresses = await unless(signal, guard.resolve(hostname, port));
    if (proxy) {
      socket = await reach([proxy.host], proxy.port, options);
      await unless(signal, openThrough(proxy, socket, addresses[0]!, port));
    } else {
      // A home with IPv6 addresses may still lack IPv6 to the Internet: tries one address of each kind, in the resolver's order.
      const other = addresses.find((address) => isIPv4(address) !== isIPv4(addresses[0]!));
      socket = await reach([addresses[0]!, ...(other ? [other] : [])], port, options);
      guard.checkAddress(socket.remoteAddress ?? '', port);
    }
    socket.once('close', release);
    return socket;
  } catch (error) {
    socket?.destroy();
    release();
    throw error;
  }
}

/** Connects to the first of `hosts` that answers. @throws the error of the last one; Refused where the budget has no room */
async function reach(
  hosts: readonly string[],
  port: number,
  { meter, own, signal, timeout }: OpenOptions,
): Promise<Socket> {
  for (const [i, host] of hosts.entries()) {
    if (!meter.open()) throw new Refused('budget');
    const socket = connectTcp({ host, port, noDelay: true });
    meter.add(socket);
    own?.add(socket, host, port);
    // Without a listener of ours, an error before undici listens would end the process.
    socket.on('error', () => {});
    const patience = linkSignals([signal], timeout / (hosts.length - i));
    try {
      await settled(socket, 'connect', patience.signal);
      return socket;
    } catch (error) {
      socket.destroy();
      if (signal.aborted || i === hosts.length - 1) throw error;
    } finally {
      patience.release();
    }
  }
  throw new Refused('no address');
}

const originOf = ({ protocol, host, hostname }: buildConnector.Options) => `${protocol}//${host ?? hostname}`;

function settled(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<void> {
  let cleanUp = () => {};
  const promise = new Promise<void>((resolve, reject) => {
    const closed = () => reject(new Error('closed while connecting'));
    cleanUp = () => {
      socket.off(event, resolve).off('error', reject).off('close', closed);
    };
    socket.once(event, resolve).once('error', reject).once('close', closed);
  });
  return unless(signal, promise).finally(cleanUp);
}
