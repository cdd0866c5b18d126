import { setTimeout as sleep } from 'node:timers/promises';
import type { StateFile } from './state-file.js';
import { createWindow } from './window.js';

export interface BudgetLimits {
  /** Most bytes in a sliding hour, day and month of 31 days. */
  readonly perHour: number;
  readonly perDay: number;
  readonly perMonth: number;
  readonly requestsPerMinute: number;
  /** Most connections open at once. */
  readonly connections: number;
}

export interface Spending {
  /** Bytes in the last hour, day and month, including those set aside. */
  readonly hour: number;
  readonly day: number;
  readonly month: number;
  /** Requests in the last minute. */
  readonly requests: number;
  readonly connections: number;
}

/**
 * Allowance of bytes, requests and connections. Bytes are set aside before they are read, then spent; both count, so that no limit is
 * exceeded at any moment. The state file is always ahead of what was used, so that killing the process exceeds none either.
 */
export interface Budget {
  readonly limits: BudgetLimits;
  /** Sets bytes aside. Returns false, and sets nothing aside, where a limit would be exceeded. */
  reserve(bytes: number): boolean;
  /** Counts bytes that were set aside as used. */
  spend(bytes: number): void;
  /** Gives back bytes that were set aside. */
  release(bytes: number): void;
  /** Counts bytes as used that were not set aside. */
  overdraw(bytes: number): void;
  /** Returns when, in seconds since the epoch, so many bytes could be set aside if nothing else is used; `now` where they can be now. */
  timeOf(bytes: number): number;
  /**
   * Waits until a request may be made. It counts from now until a minute after the returned function is called: call that once the
   * request has surely been sent, and no 60 seconds contain more requests than allowed.
   * @throws the reason of `signal` once that is aborted
   */
  request(signal: AbortSignal): Promise<() => void>;
  /** Waits until a connection may be opened; it counts until the returned function is called. @throws the reason of `signal` */
  connection(signal: AbortSignal): Promise<() => void>;
  /**
   * Registers a holder of connections. When another connection is wanted, `giveWay` is called: it closes an idle one and says whether
   * there was one.
   * @returns function that removes the holder
   */
  addHolder(giveWay: () => boolean): () => void;
  /** Whether a connection is wanted: a holder that has finished with one checks this, and gives way. */
  readonly isWanted: boolean;
  spending(): Spending;
  /** Writes the exact amounts, then unlocks the file. */
  close(): void;
}

const HOUR = 3600;
const DAY = 86_400;
const MONTH = 31 * DAY;

/** Shares of the smallest byte limit, and of the request limit, by which the file is ahead each time it is written. */
const AHEAD = 1 / 100;
const REQUESTS_AHEAD = 1 / 10;
/** Seconds by which the clock may go back; less is taken as standing still. */
const CLOCK_SLACK = 60;

/** @param clock seconds since the Unix epoch */
export function createBudget(
  limits: BudgetLimits,
  file: StateFile | null = null,
  clock = () => Date.now() / 1000,
): Budget {
  const { perHour, perDay, perMonth, requestsPerMinute } = limits;
  const saved = file?.saved ?? null;
  const hour = createWindow(HOUR, 60, saved?.hour);
  const day = createWindow(DAY, 96, saved?.day);
  const month = createWindow(MONTH, 124, saved?.month);
  const minute = createWindow(60, 120, saved?.minute);
  const bytes = [
    { window: hour, limit: perHour },
    { window: day, limit: perDay },
    { window: month, limit: perMonth },
  ];
  const chunk = Math.ceil(Math.min(perHour, perDay, perMonth) * AHEAD);
  const requestChunk = Math.ceil(requestsPerMinute * REQUESTS_AHEAD);
  let time = saved?.time ?? 0;
  let aside = 0;
  let open = 0;
  /** Bytes that the file counts and that are not used yet. */
  let ahead = 0;
  let requestsAhead = 0;
  let requestsAside = 0;
  const waiting: (() => void)[] = [];
  const holders = new Set<() => boolean>();

  const now = (): number => {
    const wall = clock();
    if (wall < time - CLOCK_SLACK) {
      for (const window of [hour, day, month, minute]) window.rebase(wall);
      time = wall;
    }
    time = Math.max(time, wall);
    return time;
  };

  // How much of the last run's lead was used, and when, is unknown: all of it counts, as used now.
  if (saved) {
    const { bytes: unknown, requests } = saved.ahead;
    for (const { window } of bytes) window.add(now(), unknown);
    minute.add(now(), requests);
  }

  const write = (at: number, unused: { bytes: number; requests: number }): void =>
    file!.save({
      version: 1,
      time: at,
      hour: hour.save(),
      day: day.save(),
      month: month.save(),
      minute: minute.save(),
      ahead: unused,
    });

  /** Keeps the file's counts at or above what is used or set aside. */
  const keepAhead = (at: number): void => {
    if (!file || (aside <= ahead && requestsAhead >= 0)) return;
    ahead = aside + chunk;
    requestsAhead = requestChunk;
    write(at, { bytes: ahead, requests: requestsAhead + requestsAside });
  };

  const left = (at: number) => Math.min(...bytes.map(({ window, limit }) => limit - window.total(at))) - aside;

  return {
    limits,
    reserve(amount) {
      const at = now();
      if (amount > left(at)) return false;
      aside += amount;
      keepAhead(at);
      return true;
    },
    spend(amount) {
      const at = now();
      aside -= amount;
      ahead -= amount;
      for (const { window } of bytes) window.add(at, amount);
    },
    release(amount) {
      aside -= amount;
    },
    overdraw(amount) {
      const at = now();
      for (const { window } of bytes) window.add(at, amount);
    },
    timeOf(amount) {
      const at = now();
      return Math.max(...bytes.map(({ window, limit }) => window.timeOf(at, limit - aside - amount)));
    },
    async request(signal) {
      for (;;) {
        signal.throwIfAborted();
        const at = now();
        const free = minute.timeOf(at, requestsPerMinute - requestsAside - 1);
        if (free <= at) {
          requestsAside++;
          requestsAhead--;
          keepAhead(at);
          let isSent = false;
          return () => {
            if (isSent) return;
            isSent = true;
            requestsAside--;
            minute.add(now(), 1);
          };
        }
        await sleep(Math.min(1000, Math.max(10, (free - at) * 1000)), undefined, { signal });
      }
    },
    async connection(signal) {
      signal.throwIfAborted();
      while (open >= limits.connections) {
        await new Promise<void>((resolve, reject) => {
          const go = () => {
            signal.removeEventListener('abort', stop);
            resolve();
          };
          const stop = () => {
            waiting.splice(waiting.indexOf(go), 1);
            reject(signal.reason);
          };
          waiting.push(go);
          signal.addEventListener('abort', stop, { once: true });
          for (const giveWay of holders) if (giveWay()) break;
        });
      }
      open++;
      let isOpen = true;
      return () => {
        if (!isOpen) return;
        isOpen = false;
        open--;
        waiting.shift()?.();
      };
    },
    addHolder(giveWay) {
      holders.add(giveWay);
      return () => holders.delete(giveWay);
    },
    get isWanted() {
      return waiting.length > 0;
    },
    spending() {
      const at = now();
      return {
        hour: hour.total(at) + aside,
        day: day.total(at) + aside,
        month: month.total(at) + aside,
        requests: minute.total(at) + requestsAside,
        connections: open,
      };
    },
    close() {
      if (!file) return;
      write(now(), { bytes: aside, requests: requestsAside });
      file.close();
    },
  };
}
