/** Milliseconds before the first packet: so that none is late because of what happens at the start. */
const LEAD = 50;
/** Timers of Node may be so many milliseconds late: the rest is waited for without them. */
const TIMER_SLACK = 3;
/** Waiting of the system may be so many milliseconds late: that is spent in a loop. */
const WAIT_SLACK = 0.08;
/** Milliseconds after which others get their turn, a Ctrl-C for one. */
const TURN = 20;
const LONGEST_SLEEP = 200;

export interface Sent {
  /** Packets whose turn has come: all of them, unless `signal` was aborted. */
  readonly count: number;
  /** Seconds that each was late when it was handed to the system. */
  readonly late: Float32Array;
  /** From when the first packet was due until the last was sent, in seconds. */
  readonly seconds: number;
}

/**
 * Calls `send` for one packet after another, each at its own time on one clock: a packet that is late makes none after it late.
 * Waits by timer, then by the system, then (at most 0.1 ms for a packet) in a loop.
 * @param due seconds after the first packet's, in ascending order
 * @param prepare is called for each packet before its time
 */
export async function sendOnSchedule(
  due: Float64Array,
  prepare: (packet: number) => void,
  send: (packet: number) => void,
  signal: AbortSignal,
): Promise<Sent> {
  const late = new Float32Array(due.length);
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const started = performance.now() + LEAD;
  let turn = started;
  let count = 0;
  for (; count < due.length; count++) {
    const time = started + due[count]! * 1000;
    prepare(count);
    let now = performance.now();
    for (; now < time; now = performance.now()) {
      const left = time - now;
      if (left > TIMER_SLACK + 1) {
        await new Promise((resolve) => setTimeout(resolve, Math.min(left - TIMER_SLACK, LONGEST_SLEEP)));
        turn = performance.now();
        if (signal.aborted) break;
      } else if (left > WAIT_SLACK) Atomics.wait(cell, 0, 0, left - WAIT_SLACK);
    }
    if (now - turn > TURN) {
      await new Promise((resolve) => setImmediate(resolve));
      turn = performance.now();
      now = turn;
    }
    if (signal.aborted) break;
    late[count] = (now - time) / 1000;
    send(count);
  }
  return { count, late: late.subarray(0, count), seconds: Math.max(0, performance.now() - started) / 1000 };
}

/** How many of `values` are at most each of `bounds`, and above all those before; the last count is of what is above all. */
export function countBelow(values: Float32Array, bounds: readonly number[]): number[] {
  const counts = new Array<number>(bounds.length + 1).fill(0);
  for (const value of values) {
    let bin = 0;
    while (bin < bounds.length && value > bounds[bin]!) bin++;
    counts[bin]!++;
  }
  return counts;
}
