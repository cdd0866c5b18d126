import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';

/** The kernel's counts of a TCP connection. */
interface KernelCount {
  /** IP bytes in both directions so far, including headers, our retransmissions and bytes not read yet. */
  readonly bytes: number;
  /** Bytes that may still arrive if we close the connection now. */
  readonly underWay: number;
}

/**
 * Limits and counts what the kernel receives on a connection that is not being read, for instance while the process is stopped. Node
 * can do neither: it cannot set buffer sizes, and counts only what it has read.
 */
export interface ReceiveWindow {
  /**
   * Limits the receive buffer of an open or opening connection to `bytes` and stops its automatic growth.
   * @returns whether that succeeded; it fails before the connection has begun to open
   */
  limit(socket: Socket, bytes: number): boolean;
  /** Returns null where the kernel gives no counts (only Linux does) or the connection is closed. */
  count(socket: Socket): KernelCount | null;
}

interface Abi {
  readonly library: string | null;
  readonly socketLevel: number;
  readonly receiveBuffer: number;
  /** Factor by which the kernel makes the buffer larger than requested. */
  readonly factor: number;
}

/** Constants of sys/socket.h. Windows is missing, since Node gives no descriptor of a socket there. */
const ABIS: Readonly<Partial<Record<NodeJS.Platform, Abi>>> = {
  linux: { library: null, socketLevel: 1, receiveBuffer: 8, factor: 2 },
  darwin: { library: null, socketLevel: 0xffff, receiveBuffer: 0x1002, factor: 1 },
  freebsd: { library: null, socketLevel: 0xffff, receiveBuffer: 0x1002, factor: 1 },
};

/** Option TCP_INFO of level TCP, and offsets in its struct tcp_info (linux/tcp.h), to which the ABI only ever appends. */
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
/** Bytes of IP and TCP headers; timestamps are an option. */
const HEADER = { ipv4: 40, ipv6: 60, timestamps: 12 } as const;
/** Silence in ms, on top of two round trips, after which a sender is taken to have finished. Generous, since busy machines are slow. */
const STREAMING = 500;
/** Most bytes for the options of both SYN segments and the four packets that close a connection. */
const ENDS = 320;

/** Largest receive buffer assumed where the system does not give one. */
const LARGEST_BUFFER = 16 << 20;

let known: ReceiveWindow | null | undefined;

/** Returns null where the system's functions cannot be called: koffi is optional and does not support every system. */
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

/** Returns the bytes that the kernel may receive unread on one connection whose buffer is not limited. */
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

/** Returns -1 where a socket has no descriptor: before it opens, after it closes, or on Windows. */
function descriptorOf(socket: Socket): number {
  return (socket as unknown as { _handle: { fd?: number } | null })._handle?.fd ?? -1;
}
