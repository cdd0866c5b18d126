import { createRequire } from 'node:module';
import { InputError } from '../../shared/errors.js';
import { asRoot } from '../as-root.js';

/** As much of the npm package `raw-socket` as is used here. */
interface RawSocketModule {
  createSocket(options: { protocol: number }): RawSocket;
  readonly SocketLevel: Readonly<Record<string, number>>;
  readonly SocketOption: Readonly<Record<string, number | undefined>>;
}

interface RawSocket {
  setOption(level: number, option: number, value: number | Buffer, length?: number): void;
  close(): void;
  on(event: 'error', listener: (error: Error) => void): void;
  /** The socket itself. `send` of the package hands one packet over in each turn of the event loop, which is late by the rest. */
  readonly wrap: {
    send(buffer: Buffer, offset: number, length: number, address: string, callback: (bytes: number) => void): void;
  };
}

/** Sends whole IPv4 packets, headers and all. */
export interface PacketSender {
  /** @returns '' or why the system did not take it */
  send(packet: Buffer, length: number, address: string): string;
  close(): void;
}

/** What is sent is not answered to this socket: it takes nothing in (raw(7)). */
const IPPROTO_RAW = 255;
const SEND_BUFFER = 1 << 22;

/**
 * @param interfaceName to send by; null for whichever the routes say
 * @throws InputError where the package is not there, or this process may not send such packets: the message says what to do
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
    // Native and optional: looked for only when it is wanted.
    return createRequire(import.meta.url)('raw-socket') as RawSocketModule;
  } catch (cause) {
    const why = 'the npm package raw-socket is not installed, or was not built';
    throw new InputError(`${why}; npm install raw-socket`, { cause });
  }
}
