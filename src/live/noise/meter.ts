import type { Socket } from 'node:net';
import type { Budget } from './budget.js';

/**
 * What a connection holds of the budget beyond what it has used: what can still arrive when it is cut. Node reads 64 KiB at a time, and
 * HTTP/2 has no more than {@link STREAM_WINDOW} under way; the rest is on its way, or with the kernel.
 */
const HOLD = 262_144;
/** Bytes that an HTTP/2 server may send ahead: what comes between two looks at the connection. */
export const STREAM_WINDOW = 98_304;
const LEAST_HOLD = 131_072;

/**
 * Headers of IP and TCP on top of what a socket counts: 52 bytes for each full segment of 1448, and an acknowledgement of as many for
 * every second.
 */
const OVERHEAD = 1 + (1.5 * 52) / 1448;
/** Handshake and closing of TCP: about eight packets. */
const CONNECTION = 480;

/** Between two looks at connections that nobody reads from, in ms. */
const INTERVAL = 100;

/** Charges the bytes of many connections to a budget, those of TLS and headers included, and cuts them when it is spent. */
export interface Meter {
  /** Sets aside what a new connection holds; false where the budget has no room for it. `add` must follow. */
  open(): boolean;
  add(socket: Socket): void;
  /**
   * Charges for each piece that is read from a stream on top of a socket that was added, which is cut from its top: one that loses what is
   * below it closes in the midst of being read, which undici does not expect.
   */
  watch(stream: Socket, below: Socket): void;
  /** Charges what has come and gone since; call it for every piece that is read. */
  poll(): void;
  /** IP bytes charged so far. */
  readonly bytes: number;
  /** Whether connections were cut because the budget was spent; until the next `open`. */
  readonly isSpent: boolean;
  close(): void;
}

export function createMeter(budget: Budget): Meter {
  const { perHour, perDay, perMonth, connections } = budget.limits;
  // All connections together do not hold more than an eighth of the smallest budget, unless that is very small.
  const share = Math.floor(Math.min(perHour, perDay, perMonth) / 8 / connections);
  const hold = Math.max(LEAST_HOLD, Math.min(HOLD, share));
  /** Sockets with the IP bytes charged for each. */
  const sockets = new Map<Socket, number>();
  const tops = new WeakMap<Socket, Socket>();
  let bytes = 0;
  let isSpent = false;

  const charge = (socket: Socket, before: number): boolean => {
    const used = CONNECTION + Math.ceil((socket.bytesRead + socket.bytesWritten) * OVERHEAD);
    const amount = used - before;
    if (amount <= 0) return true;
    bytes += amount;
    sockets.set(socket, used);
    if (budget.reserve(amount)) {
      budget.spend(amount);
      return true;
    }
    // What has come is within what this connection held; the rest of that is taken for what is under way.
    sockets.delete(socket);
    budget.spend(hold);
    if (amount > hold) budget.overdraw(amount - hold);
    bytes += Math.max(0, hold - amount);
    isSpent = true;
    tops.get(socket)!.destroy();
    return false;
  };
  const poll = () => {
    for (const [socket, before] of sockets) charge(socket, before);
  };
  const watch = (stream: Socket, below: Socket) => {
    tops.set(below, stream);
    const push = stream.push;
    stream.push = (chunk, encoding) => {
      poll();
      return push.call(stream, chunk, encoding);
    };
  };
  const timer = setInterval(poll, INTERVAL);
  timer.unref();
  return {
    open() {
      const isOpen = budget.reserve(hold);
      isSpent = !isOpen;
      return isOpen;
    },
    add(socket) {
      sockets.set(socket, 0);
      watch(socket, socket);
      socket.once('close', () => {
        const before = sockets.get(socket);
        if (before !== undefined && charge(socket, before)) budget.release(hold);
        sockets.delete(socket);
      });
    },
    watch,
    poll,
    get bytes() {
      return bytes;
    },
    get isSpent() {
      return isSpent;
    },
    close() {
      clearInterval(timer);
      poll();
    },
  };
}
