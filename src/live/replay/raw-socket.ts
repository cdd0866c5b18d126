import { createRequire } from 'node:module';
import { InputError } from '../../shared/errors.js';
import { asRoot } from '../as-root.js';

/** The part of the npm package `raw-socket` that is used here. */
interface RawSocketModule {
  createSocket(options: { protocol: number }): RawSocket;
  readonly SocketLevel: Readonly<Record<string, number>>;
  readonly SocketOption: Readonly<Record<string, number | undefined>>;
}

interface RawSocket {
  setOption(level: number, option: number, value: number | Buffer, length?: number): void;
  close(): void;
  on(event: 'error', listener: (error: Error) => void): void;
  /** The native socket. The package's own `send` hands over one packet per turn of the event loop, so it delays the packets after it. */
  readonly wrap: {
    send(buffer: Buffer, offset: number, length: number, address: string, callback: (bytes: number) => void): void;
  };
}

/** Sends whole IPv4 packets, headers included. */
export interface PacketSender {
  /** @returns '' or why the system did not take the packet */
  send(packet: Buffer, length: number, address: string): string;
  close(): void;
}

/** Protocol of a socket that only sends and receives nothing (raw(7)). */
const IPPROTO_RAW = 255;
const SEND_BUFFER = 1 << 22;

/**
 * @param interfaceName interface to send through; null to follow the routes
 * @throws InputError where the package is missing, or this process may not send raw packets: the message says what to do
 */
export function openRawSocket(interfaceName: string | null): PacketSender {
  const raw = loadPackage();
  let socket: RawSocket;
  try {
    socket = raw.createSocket({ protocol: IPPROTO_RAW });
  } catch (cause) {
    const { message } = cause as Error;
    if (!/not permitted|permission/i.test(message)) throw new InputError(`raw socket: ${message}`, { cause });
    throw new InputError(`replay needs the right to send raw packets (CAP_NET_RAW); run it as root: ${asRoot()}`, {
      cause,
    });
  }
  let fault = '';
  socket.on('error', ({ message }) => {
    fault = message;
  });
  const { SOL_SOCKET, IPPROTO_IP } = raw.SocketLevel;
  const { SO_BINDTODEVICE, SO_SNDBUF, IP_HDRINCL } = raw.SocketOption;
  try {
    socket.setOption(IPPROTO_IP!, IP_HDRINCL!, 1);
    socket.setOption(SOL_SOCKET!, SO_SNDBUF!, SEND_BUFFER);
    if (interfaceName !== null) {
      if (SO_BINDTODEVICE === undefined) throw new Error('this system cannot bind a socket to an interface');
      const name = Buffer.from(`${interfaceName}\0`);
      socket.setOption(SOL_SOCKET!, SO_BINDTODEVICE, name, name.length);
    }
  } catch (cause) {
    socket.close();
    throw new InputError(`${interfaceName ?? 'raw socket'}: ${(cause as Error).message}`, { cause });
  }
  const onSent = (): void => {};
  return {
    send(packet, length, address) {
      if (fault !== '') return fault;
      try {
        socket.wrap.send(packet, 0, length, address, onSent);
        return '';
      } catch (error) {
        return (error as Error).message;
      }
    },
    close: () => socket.close(),
  };
}

function loadPackage(): RawSocketModule {
  try {
    // The native package is optional, so it is loaded only when needed.
    return createRequire(import.meta.url)('raw-socket') as RawSocketModule;
  } catch (cause) {
    const why = 'the npm package raw-socket is not installed, or was not built';
    throw new InputError(`${why}; npm install raw-socket`, { cause });
  }
}
