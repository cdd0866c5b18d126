import type { Socket } from 'node:net';
import { InputError } from '../shared/errors.js';
import type { Budget, BudgetLimits } from './budget.js';
import { largestBuffer, type ReceiveWindow, receiveWindow } from './receive-window.js';

/**
 * Bytes of the budget that a connection holds beyond what has been charged: for a piece that Node has just read, and for what the
 * kernel may have received or requested since, even while the process does not run.
 */
const HOLD = 294_912;
const LEAST_HOLD = 163_840;
/** Bytes that Node reads at a time. */
const PIECE = 65_536;
/** Allowance for small segments, whose headers outweigh their content. */
const SLACK = 16_384;
/** Flow-control window of HTTP/2, in bytes: what may arrive between two looks at the connection. */
export const STREAM_WINDOW = 98_304;

/**
 * Factor for IP and TCP headers on top of what a socket counts: 52 bytes for each full segment of 1448, and an acknowledgement of 52
 * bytes for every second one.
 */
const OVERHEAD = 1 + (1.5 * 52) / 1448;
/** Bytes to open and close a TCP connection: about eight packets. */
const CONNECTION = 480;

/** Milliseconds between two looks at connections that are not being read. */
const INTERVAL = 100;

/** Charges the bytes of connections to a budget, including TLS and headers, and cuts the connections once it is spent. */
export interface Meter {
  /** Sets aside what a new connection holds. Returns false where the budget has no room; otherwise `add` must follow. */
  open(): boolean;
  /** Adds a socket that has just begun to connect, and limits what the kernel receives for it. */
  add(socket: Socket): void;
  /**
   * Charges for each piece read from a stream on top of an added socket, such as TLS. A spent budget then destroys the stream, not the
   * socket: a stream that loses its socket closes in the middle of a read, which undici does not expect.
   */
  watch(stream: Socket, below: Socket): void;
  /** Charges what all connections have used since the last look. */
  poll(): void;
  /** Marks a connection, by its topmost stream, as idle: if it is closed now, nothing is on its way. */
  rest(top: Socket): void;
  /** IP bytes charged so far. */
  readonly bytes: number;
  /** Whether connections were cut because the budget was spent, since the last `open`. */
  readonly isSpent: boolean;
  close(): void;
}

/** Bytes of the budget that a connection holds, and size of its receive buffer; null where that cannot be limited. */
function holdOf(
  { perHour, perDay, perMonth, connections }: BudgetLimits,
  window: ReceiveWindow | null,
): { hold: number; buffer: number | null } {
  if (!window) return { hold: Math.ceil(largestBuffer() * OVERHEAD) + LEAST_HOLD, buffer: null };
  // Together the connections hold at most an eighth of the smallest budget, unless that is very small.
  const share = Math.floor(Math.min(perHour, perDay, perMonth) / 8 / connections);
  const hold = Math.max(LEAST_HOLD, Math.min(HOLD, share));
  return { hold, buffer: Math.floor((hold - SLACK) / OVERHEAD) - PIECE };
}

/**
 * Number of connections that the budgets can hold at once, at most `limits.connections`. It is smaller only where receive buffers
 * cannot be limited: then each connection may fill one, which the system lets grow to megabytes.
 * @throws InputError where there is no room for one connection
 */
export function connectionsFor(limits: BudgetLimits, window = receiveWindow()): number {
  const { hold, buffer } = holdOf(limits, window);
  if (buffer !== null) return limits.connections;
  const smallest = Math.min(limits.perHour, limits.perDay, limits.perMonth);
  const room = Math.floor(smallest / 2 / hold);
  if (room >= 1) return Math.min(room, limits.connections);
  throw new InputError(
    `budgets: expected at least ${Math.ceil((2 * hold) / 1e6)} MB where receive buffers cannot be limited, found ${Math.floor(smallest / 1e6)} MB; ` +
      'with the optional dependency koffi they can (npm install koffi; not on Windows)',
  );
}

export function createMeter(budget: Budget, window: ReceiveWindow | null = receiveWindow()): Meter {
  const { hold, buffer } = holdOf(budget.limits, window);
  /** IP bytes charged for each socket. */
  const sockets = new Map<Socket, number>();
  const tops = new WeakMap<Socket, Socket>();
  const resting = new WeakSet<Socket>();
  let bytes = 0;
  let isSpent = false;

  /** IP bytes of a connection so far; with `last`, of what it will have used in the end if it is closed now. */
  const measure = (socket: Socket, last = false): number => {
    const read = CONNECTION + Math.ceil((socket.bytesRead + socket.bytesWritten) * OVERHEAD);
    const counted = window?.count(socket);
    if (!counted) return read;
    const underWay =
      last && !resting.has(tops.get(socket)!) ? Math.ceil(Math.min(counted.underWay, buffer!) * OVERHEAD) : 0;
    return Math.max(read, counted.bytes + underWay);
  };

  const charge = (socket: Socket, before: number, used = measure(socket)): boolean => {
    const amount = used - before;
    if (amount <= 0) return true;
    bytes += amount;
    sockets.set(socket, used);
    if (budget.reserve(amount)) {
      budget.spend(amount);
      return true;
    }
    // The bytes that arrived or are on their way are within what this connection held. Without the kernel's counts, all of it is charged.
    const all = window?.count(socket) ? measure(socket, true) - before : Math.max(amount, hold);
    sockets.delete(socket);
    bytes += all - amount;
    budget.spend(Math.min(all, hold));
    if (all > hold) budget.overdraw(all - hold);
    else budget.release(hold - all);
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
      const before = sockets.get(below);
      if (before !== undefined) charge(below, before);
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
      if (buffer !== null) {
        // Node begins to connect to an address in the next tick, and to a name only after its look-up.
        process.nextTick(() => window!.limit(socket, buffer));
        socket.once('connect', () => {
          if (!window!.limit(socket, buffer)) socket.destroy(new Error('no limit to the receive buffer'));
        });
      }
      const settle = () => {
        const before = sockets.get(socket);
        if (before !== undefined && charge(socket, before, measure(socket, true))) budget.release(hold);
        sockets.delete(socket);
      };
      // The kernel counts a connection only while it is open, and the count includes bytes received but not read.
      const destroy = socket.destroy;
      socket.destroy = (error) => {
        settle();
        return destroy.call(socket, error);
      };
      socket.once('close', settle);
    },
    watch,
    poll,
    rest(top) {
      resting.add(top);
    },
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
