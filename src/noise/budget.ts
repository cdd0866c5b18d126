import { setTimeout as sleep } from 'node:timers/promises';
import type { StateFile } from './state-file.js';
import { createWindow } from './window.js';

export interface BudgetLimits {
  /** Bytes. */
  readonly perHour: number;
  readonly perDay: number;
  readonly perMonth: number;
  readonly requestsPerMinute: number;
  /** Open at once. */
  readonly connections: number;
}

export interface Spending {
  /** Bytes in the last hour, day and month, those set aside included. */
  readonly hour: number;
  readonly day: number;
  readonly month: number;
  /** Requests in the last minute. */
  readonly requests: number;
  readonly connections: number;
}

/**
 * What may be used. Bytes are set aside before they are read, then spent; both count, so that no limit is passed at any moment. The
 * file is always ahead of what was used, so that none is passed either when the process is killed and started again.
 */
export interface Budget {
  readonly limits: BudgetLimits;
  /** Sets bytes aside; false, and nothing set aside, where a limit would be passed. */
  reserve(bytes: number): boolean;
  /** Of the bytes set aside, so many have been used. */
  spend(bytes: number): void;
  /** Of the bytes set aside, so many will not be used. */
  release(bytes: number): void;
  /** Counts bytes that have come though they were not set aside. */
  overdraw(bytes: number): void;
  /** Seconds since the epoch at which so many bytes could be set aside, if nothing else is used; `now` where they can be now. */
  timeOf(bytes: number): number;
  /**
   * Waits until a request may be made, and counts it: from now until a minute after the returned function is called, which is to be when the
   * request has been sent for sure. Then no 60 seconds see more of them sent. @throws where `signal` is aborted
   */
  request(signal: AbortSignal): Promise<() => void>;
  /** Waits until a connection may be opened, and counts it until the returned function is called. @throws as above */
  connection(signal: AbortSignal): Promise<() => void>;
  /**
   * Names somebody who may hold connections that nobody uses: asked to close one of them when another is wanted, which says whether
   * there was one. Returns what takes the name off again.
   */
  addHolder(giveWay: () => boolean): () => void;
  /** Whether somebody waits for a connection: who has done with one asks, and gives way. */
  readonly isWanted: boolean;
  spending(): Spending;
  /** Writes what was used, to the byte, and lets go of the file. */
  close(): void;
}

const HOUR = 3600;
const DAY = 86_400;
const MONTH = 31 * DAY;

/** The file is written when so much of the smallest limit has been used since; also so many requests. */
const AHEAD = 1 / 100;
const REQUESTS_AHEAD = 1 / 10;
/** A clock that goes back by less is taken to stand still. */
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
  /** What the file counts and nobody has used. */
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

  // Of what the file was ahead when the process ended, nobody knows how much was used, nor when: all of it, just now.
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

  /** Makes the file count at least what is used or set aside now. */
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
