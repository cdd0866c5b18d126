import { createTimers } from '../shaping/timers.js';

/** A clock that may run faster than the world's, and timers on it: each owner (a small integer) has at most one. */
export interface Agenda {
  /** Seconds on this clock. */
  now(): number;
  /** Has `owner` woken at `time`; earlier than now is at once, Infinity never. */
  set(owner: number, time: number): void;
  close(): void;
}

/** Milliseconds that are not left to a timer of Node, which may be as late. */
const NEAR = 1.5;

/**
 * @param start when the clock shows 0, in milliseconds of Unix time
 * @param speed seconds of this clock in one of the world's
 */
export function createAgenda(start: number, speed: number, wake: (owner: number) => void): Agenda {
  const timers = createTimers();
  let timeout: NodeJS.Timeout | undefined;
  let immediate: NodeJS.Immediate | undefined;
  const now = (): number => ((performance.timeOrigin + performance.now() - start) / 1000) * speed;

  const arm = (): void => {
    clearTimeout(timeout);
    clearImmediate(immediate);
    const next = timers.next();
    if (next === Number.POSITIVE_INFINITY) return;
    const left = ((next - now()) / speed) * 1000;
    // An immediate lets sockets be read in between.
    if (left > NEAR) timeout = setTimeout(ring, Math.min(left - NEAR + 0.5, 1e9));
    else immediate = setImmediate(ring);
  };

  const ring = (): void => {
    while (timers.next() <= now()) wake(timers.take());
    arm();
  };

  return {
    now,
    set(owner, time) {
      const before = timers.next();
      timers.set(owner, time);
      if (timers.next() !== before) arm();
    },
    close() {
      clearTimeout(timeout);
      clearImmediate(immediate);
    },
  };
}
