import { createTimers } from '../shaping/timers.js';

/** A clock that may run faster than real time, with timers: at most one for each owner, a small integer. */
export interface Agenda {
  /** Seconds on this clock. */
  now(): number;
  /** Wakes `owner` at `time`: at once where that is past, never where it is Infinity. */
  set(owner: number, time: number): void;
  close(): void;
}

/** Milliseconds before a due time from which timers of Node are not used, since they may be that late. */
const NEAR = 1.5;

/**
 * @param start Unix time at which the clock shows 0, in milliseconds
 * @param speed seconds of this clock in one real second
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
    // An immediate leaves time to read sockets in between.
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
