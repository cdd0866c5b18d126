import type { Socket } from 'node:net';
import { InputError } from '../shared/errors.js';
import type { Budget, BudgetLimits } from './budget.js';
import { largestBuffer, type ReceiveWindow, receiveWindow } from './receive-window.js';

/**
 * What a connection holds of the budget beyond what has been charged: a piece that Node has just read, and what the kernel may have
 * taken in, or asked for, in the meantime. The process need not run for that.
 */
const HOLD = 294_912;
const LEAST_HOLD = 163_840;
/** Node reads so much at a time. */
const PIECE = 65_536;
/** Headers outweigh what small segments carry. */
const SLACK = 16_384;
/** Bytes that an HTTP/2 server may send ahead: what comes between two looks at the connection. */
export const STREAM_WINDOW = 98_304;

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
  /** Takes a socket that has just begun to connect, and bounds what the kernel takes in for it. */
  add(socket: Socket): void;
  /**
   * Charges for each piece that is read from a stream on top of a socket that was added, which is cut from its top: one that loses what is
   * below it closes in the midst of being read, which undici does not expect.
   */
  watch(stream: Socket, below: Socket): void;
  /** Charges what has come and gone since, on all connections. */
  poll(): void;
  /** Nothing is asked for on a connection, by its top: when it is closed now, nothing is under way. */
  rest(top: Socket): void;
  /** IP bytes charged so far. */
  readonly bytes: number;
  /** Whether connections were cut because the budget was spent; until the next `open`. */
  readonly isSpent: boolean;
  close(): void;
}

/** Bytes of the budget that a connection holds, and those that the kernel may take in unread; null where that cannot be limited. */
function holdOf(
  { perHour, perDay, perMonth, connections }: BudgetLimits,
  window: ReceiveWindow | null,
): { hold: number; buffer: number | null } {
  if (!window) return { hold: Math.ceil(largestBuffer() * OVERHEAD) + LEAST_HOLD, buffer: null };
  // All connections together do not hold more than an eighth of the smallest budget, unless that is very small.
  const share = Math.floor(Math.min(perHour, perDay, perMonth) / 8 / connections);
  const hold = Math.max(LEAST_HOLD, Math.min(HOLD, share));
  return { hold, buffer: Math.floor((hold - SLACK) / OVERHEAD) - PIECE };
}

/**
 * As many connections at once as the budgets can hold, at most so many as are wanted. Fewer only where the kernel's buffers cannot be
 * limited: then each of them may fill one, which the system lets grow to megabytes.
 * @throws InputError where there is no room for one
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
  /** Sockets with the IP bytes charged for each. */
  const sockets = new Map<Socket, number>();
  const tops = new WeakMap<Socket, Socket>();
  const resting = new WeakSet<Socket>();
  let bytes = 0;
  let isSpent = false;

  /** IP bytes of a connection so far; `last`: all that there will have been once it is closed now. */
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
    // What has come, and what is under way, is within what this connection held. Where the kernel does not tell, all of that is taken for it.
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
        // Towards an address, the kernel begins in the next tick; towards a name, after it was looked up.
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
      // The kernel tells of a connection as long as it is there; what it has taken in and nobody reads counts too.
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
