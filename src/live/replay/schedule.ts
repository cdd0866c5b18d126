/** Milliseconds before the first packet, so that work at the start makes no packet late. */
const LEAD = 50;
/** Milliseconds by which timers of Node may be late; so long before a packet they are not used. */
const TIMER_SLACK = 3;
/** Milliseconds by which waiting in the system may be late; so long before a packet a loop waits. */
const WAIT_SLACK = 0.08;
/** Milliseconds after which other events get their turn, such as Ctrl-C. */
const TURN = 20;
const LONGEST_SLEEP = 200;

export interface Sent {
  /** Packets sent: all of them, unless `signal` was aborted. */
  readonly count: number;
  /** Seconds by which each was late when handed to the system. */
  readonly late: Float32Array;
  /** Seconds from the due time of the first packet until the last was sent. */
  readonly seconds: number;
}

/**
 * Calls `send` for each packet at its time on one clock, so that a late packet does not make later ones late. Waits by timer, then in
 * the system, then in a loop for at most 0.1 ms a packet.
 * @param due seconds after the first packet, in ascending order
 * @param prepare called for each packet before its time
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

/** Counts the values up to each bound and above the bound before; the last count is of values above all bounds. */
export function countBelow(values: Float32Array, bounds: readonly number[]): number[] {
  const counts = new Array<number>(bounds.length + 1).fill(0);
  for (const value of values) {
    let bin = 0;
    while (bin < bounds.length && value > bounds[bin]!) bin++;
    counts[bin]!++;
  }
  return counts;
}
