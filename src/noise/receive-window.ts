import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';

/** What the kernel says of a TCP connection. */
interface KernelCount {
  /** IP bytes in both directions so far, headers, retransmissions of ours and bytes that nobody has read yet included. */
  readonly bytes: number;
  /** Bytes that may be on their way to us though we end the connection now. */
  readonly underWay: number;
}

/**
 * Bounds what the kernel takes in for a connection that nobody reads from, as while the process is stopped, and counts it. Node itself can do
 * neither: it takes the kernel's word for the size of buffers, and sees only what it has read.
 */
export interface ReceiveWindow {
  /**
   * Holds the receive buffer of a connection that is being opened, or is open, to `bytes`; it grows no more by itself.
   * @returns whether that could be done: not before the connection has begun to be opened
   */
  limit(socket: Socket, bytes: number): boolean;
  /** Null where the kernel does not tell (only Linux does), or the connection is closed. */
  count(socket: Socket): KernelCount | null;
}

interface Abi {
  readonly library: string | null;
  readonly socketLevel: number;
  readonly receiveBuffer: number;
  /** The kernel makes the buffer so many times as large as it is told. */
  readonly factor: number;
}

/** Of sys/socket.h. On Windows, Node does not tell a socket's number. */
const ABIS: Readonly<Partial<Record<NodeJS.Platform, Abi>>> = {
  linux: { library: null, socketLevel: 1, receiveBuffer: 8, factor: 2 },
  darwin: { library: null, socketLevel: 0xffff, receiveBuffer: 0x1002, factor: 1 },
  freebsd: { library: null, socketLevel: 0xffff, receiveBuffer: 0x1002, factor: 1 },
};

/** linux/tcp.h: option TCP_INFO of level TCP, and where in its struct tcp_info the fields lie (the ABI only ever grows). */
const TCP_INFO = { level: 6, option: 11, size: 256 } as const;
const FIELD = {
  state: 0,
  options: 5,
  lastDataReceived: 52,
  rtt: 68,
  bytesReceived: 128,
  segmentsOut: 136,
  segmentsIn: 140,
  bytesSent: 200,
  receiveWindow: 232,
} as const;
const ESTABLISHED = 1;
const HAS_TIMESTAMPS = 1;
/** Headers of IP and TCP; IPv6's is longer, and time stamps are an option. */
const HEADER = { ipv4: 40, ipv6: 60, timestamps: 12 } as const;
/** A sender who is at it sends more often than this, in ms, on top of two round trips. Busy machines are slow. */
const STREAMING = 500;
/** Options of the two SYN, and the four packets that close a connection: in bytes, at most. */
const ENDS = 320;

/** TCP windows grow up to here where the system does not tell. */
const LARGEST_BUFFER = 16 << 20;

let known: ReceiveWindow | null | undefined;

/** Null where the system's functions cannot be called: koffi is an optional dependency, and has to know the system. */
export function receiveWindow(): ReceiveWindow | null {
  if (known === undefined) {
    try {
      known = load();
    } catch {
      known = null;
    }
  }
  return known;
}

/** Bytes that the kernel may take in unread for one connection whose window is not limited. */
export function largestBuffer(): number {
  try {
    const [, , most] = readFileSync('/proc/sys/net/ipv4/tcp_rmem', 'utf8').trim().split(/\s+/).map(Number);
    return most! > 0 ? most! : LARGEST_BUFFER;
  } catch {
    return LARGEST_BUFFER;
  }
}

function load(): ReceiveWindow | null {
  const abi = ABIS[process.platform];
  if (!abi) return null;
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  const library = koffi.load(abi.library);
  const setOption = library.func('int setsockopt(int, int, int, const void *, uint32_t)');
  const getOption = library.func('int getsockopt(int, int, int, void *, _Inout_ uint32_t *)');
  const value = Buffer.alloc(4);
  const info = Buffer.alloc(TCP_INFO.size);
  return {
    limit(socket, bytes) {
      const fd = descriptorOf(socket);
      if (fd < 0) return false;
      value.writeInt32LE(Math.floor(bytes / abi.factor));
      return setOption(fd, abi.socketLevel, abi.receiveBuffer, value, value.length) === 0;
    },
    count(socket) {
      const fd = descriptorOf(socket);
      const length = [info.length];
      if (process.platform !== 'linux' || fd < 0) return null;
      if (getOption(fd, TCP_INFO.level, TCP_INFO.option, info, length) !== 0) return null;
      if (length[0]! < FIELD.bytesSent + 8) return null;
      const timestamps = (info[FIELD.options]! & HAS_TIMESTAMPS) !== 0 ? HEADER.timestamps : 0;
      const header = (socket.remoteFamily === 'IPv6' ? HEADER.ipv6 : HEADER.ipv4) + timestamps;
      const segments = info.readUInt32LE(FIELD.segmentsIn) + info.readUInt32LE(FIELD.segmentsOut);
      const payload = info.readBigUInt64LE(FIELD.bytesReceived) + info.readBigUInt64LE(FIELD.bytesSent);
      const silence = info.readUInt32LE(FIELD.lastDataReceived);
      const mayGoOn = info[FIELD.state] === ESTABLISHED && silence <= STREAMING + info.readUInt32LE(FIELD.rtt) / 500;
      const tellsWindow = length[0]! >= FIELD.receiveWindow + 4;
      return {
        bytes: ENDS + Number(payload) + segments * header,
        underWay: !mayGoOn ? 0 : tellsWindow ? info.readUInt32LE(FIELD.receiveWindow) : Number.POSITIVE_INFINITY,
      };
    },
  };
}

/** -1 where it has none: not yet, no more, or on Windows. */
function descriptorOf(socket: Socket): number {
  return (socket as unknown as { _handle: { fd?: number } | null })._handle?.fd ?? -1;
}
