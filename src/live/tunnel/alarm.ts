/**
 * How this thread waits in the last 2 ms before an alarm. `sleep` blocks it until 150 microseconds before, so arriving datagrams wait in
 * the sockets' buffers for up to 2 ms. `spin` polls, which takes a whole core where alarms are 1 or 2 ms apart.
 */
export type Waiting = 'sleep' | 'spin';

/** One timer on the monotonic clock, more exact than the whole milliseconds of setTimeout. */
export interface Alarm {
  /** Sets when to ring, in seconds of {@link now}, replacing an earlier time. A past time rings at the next turn of the event loop. */
  set(time: number): void;
  close(): void;
}

/** Milliseconds before the alarm: where precise waiting begins, where the timer aims, and where blocking ends. */
const NEAR = 2;
const EARLY = 1.7;
const SPIN = 0.15;
const cell = new Int32Array(new SharedArrayBuffer(4));

/** Seconds since this process started, monotonic, to the microsecond. */
export function now(): number {
  return performance.now() / 1000;
}

/** @param ring called once for each time set; it may set the next time */
export function createAlarm(ring: () => void, waiting: Waiting): Alarm {
  let due = Number.POSITIVE_INFINITY;
  let timeout: NodeJS.Timeout | undefined;
  let immediate: NodeJS.Immediate | undefined;

  const clear = (): void => {
    clearTimeout(timeout);
    clearImmediate(immediate);
    timeout = undefined;
    immediate = undefined;
  };

  const arm = (): void => {
    const left = due - performance.now();
    if (left === Number.POSITIVE_INFINITY) return;
    // A timeout of more than 2^31 - 1 ms would fire at once. A long alarm is armed again when this timeout ends.
    if (left > NEAR) timeout = setTimeout(onTimeout, Math.min(left - EARLY, 1e9));
    else immediate = setImmediate(onNear);
  };

  const onTimeout = (): void => {
    timeout = undefined;
    arm();
  };

  // An immediate runs after the sockets have been polled, so neither way of waiting starves them.
  const onNear = (): void => {
    immediate = undefined;
    const left = due - performance.now();
    if (waiting === 'sleep' && left > SPIN) Atomics.wait(cell, 0, 0, left - SPIN);
    if (due > performance.now()) {
      arm();
      return;
    }
    due = Number.POSITIVE_INFINITY;
    ring();
  };

  return {
    set(time) {
      if (time * 1000 === due) return;
      clear();
      due = time * 1000;
      arm();
    },
    close: clear,
  };
}
