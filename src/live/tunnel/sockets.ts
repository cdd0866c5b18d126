import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { isIP } from 'node:net';
import { InputError } from '../../shared/errors.js';
import { interfaceFact, interfaceWith } from '../interface.js';

/** A host, as a name or an address, and a UDP port. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

export interface Address {
  readonly address: string;
  readonly port: number;
}

interface Resolved extends Address {
  readonly family: 4 | 6;
}

/** Smallest MTU that every path with IPv6 has (RFC 8200). The same bound for IPv4 is our choice. */
export const SMALLEST_MTU = 1280;
/** MTU of jumbo frames; the length of a record has 15 bits. */
export const LARGEST_MTU = 9216;
const USUAL_MTU = 1500;
/** Bytes that the system is asked to buffer while this process is busy. */
const SOCKET_BUFFER = 1 << 20;

/** Sockets of one end of a tunnel. */
export interface EndSockets {
  /** Socket towards the VPN, and socket towards the other end. */
  readonly inner: Socket;
  readonly outer: Socket;
  /** The one of the two that listens. */
  readonly listener: Socket;
  /** Address of `peer` or `forward`. */
  readonly sendTo: Address;
  /** IP version of the path between the ends. */
  readonly family: 4 | 6;
  /** Bytes of the longest IP packet on the path between the ends. */
  readonly mtu: number;
}

/**
 * Opens the sockets of the home's end, which sends to `peer`, or of the far end, which passes on to `forward`.
 * @param mtu by default the MTU of the interface, at most 1500
 * @throws InputError where a name cannot be found, or a socket cannot be opened
 */
export async function openSockets(
  listen: Place,
  { peer, forward }: { readonly peer?: Place; readonly forward?: Place },
  mtu?: number,
): Promise<EndSockets> {
  const [listenAt, sendTo] = await Promise.all([resolve(listen), resolve((peer ?? forward)!)]);
  const listener = await bind(listenAt);
  growBuffers(listener);
  try {
    const caller = peer ? await bind({ ...ANY[sendTo.family], port: 0 }) : await connect(sendTo);
    growBuffers(caller);
    return {
      ...(peer ? { inner: listener, outer: caller } : { inner: caller, outer: listener }),
      ...{ listener, sendTo, family: peer ? sendTo.family : listenAt.family },
      mtu: mtu ?? (peer ? await mtuTowards(sendTo) : mtuOf(listenAt.address)),
    };
  } catch (thrown) {
    listener.close();
    throw thrown;
  }
}

async function resolve({ host, port }: Place): Promise<Resolved> {
  try {
    const { address, family } = await lookup(host);
    return { address, family: family === 6 ? 6 : 4, port };
  } catch (cause) {
    throw new InputError(`${host}: cannot be found: ${(cause as Error).message}`, { cause });
  }
}

/** Creates a socket that does not look up addresses: a look-up would delay each send to a later turn of the event loop. */
function socketOf(family: 4 | 6): Socket {
  return createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    lookup: (address, _options, callback) => callback(null, address, isIP(address)),
  });
}

const ANY = { 4: { address: '0.0.0.0', family: 4 }, 6: { address: '::', family: 6 } } as const;

async function bind({ address, family, port }: Resolved): Promise<Socket> {
  const socket = socketOf(family);
  // Our look-up answers at once, so the event must be awaited before the call.
  const isListening = once(socket, 'listening');
  socket.bind(port, address);
  try {
    await isListening;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const what = code === 'EADDRINUSE' ? 'address in use' : message;
    throw new InputError(`${address}:${port}: cannot listen: ${what}`, { cause });
  }
  return socket;
}

async function connect({ address, family, port }: Resolved): Promise<Socket> {
  const socket = socketOf(family);
  const isConnected = once(socket, 'connect');
  socket.connect(port, address);
  try {
    await isConnected;
  } catch (cause) {
    throw new InputError(`${address}:${port}: cannot be reached: ${(cause as Error).message}`, { cause });
  }
  return socket;
}

/** MTU of the interface through which a place is reached. Sends nothing. */
async function mtuTowards(place: Resolved): Promise<number> {
  const probe = await connect(place);
  const { address } = probe.address();
  probe.close();
  return mtuOf(address);
}

/** MTU of the interface that has `address`, where the system tells it (Linux), and at most 1500. */
function mtuOf(address: string): number {
  const mtu = Number(interfaceFact(interfaceWith(address), 'mtu'));
  return mtu >= SMALLEST_MTU ? Math.min(USUAL_MTU, mtu) : USUAL_MTU;
}

/** Asks for larger buffers; the system may silently grant less. */
function growBuffers(socket: Socket): void {
  try {
    socket.setRecvBufferSize(SOCKET_BUFFER);
    socket.setSendBufferSize(SOCKET_BUFFER);
  } catch {
    // The default buffers must do.
  }
}
