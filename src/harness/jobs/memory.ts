/** Bytes that a job takes for each packet of its setting, before any was seen: measured with a forest, without a defense. */
const BYTES_PER_PACKET = 250;

/** Bytes that a worker thread takes before its first packet. */
const BYTES_PER_JOB = 100e6;

/** Decides whether another job may start beside those that run. */
export interface MemoryGate {
  /** Resolves when there is room for a job of a setting of so many packets; at once where none is running. */
  enter(packets: number): Promise<void>;
  leave(packets: number): void;
  /** Corrects the estimate by the memory that the process takes now. */
  look(): void;
}

/**
 * A gate that lets jobs start side by side as long as they stay below `bound` bytes by estimate. Estimates grow as the process turns
 * out to take more. A job that alone takes more than the bound is still run, alone: the bound is kept by running less at a time, which
 * is all that can be done about it.
 * @param rss bytes that the process, all threads included, takes now
 */
export function createMemoryGate(bound: number, rss: () => number = () => process.memoryUsage.rss()): MemoryGate {
  const base = rss();
  const running: number[] = [];
  const waiting: (() => void)[] = [];
  /** Factor by which jobs have turned out to take more than estimated. */
  let factor = 1;
  const estimate = (packets: number) => BYTES_PER_JOB + BYTES_PER_PACKET * packets;
  const estimated = () => running.reduce((sum, packets) => sum + estimate(packets), 0);
  const look = () => {
    if (running.length > 0) factor = Math.max(factor, (rss() - base) / estimated());
  };
  return {
    look,
    async enter(packets) {
      look();
      while (running.length > 0) {
        // Jobs that have just begun do not take all of their memory yet.
        const taken = Math.max(rss(), base + factor * estimated());
        if (taken + factor * estimate(packets) <= bound) break;
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
        });
      }
      running.push(packets);
    },
    leave(packets) {
      look();
      running.splice(running.indexOf(packets), 1);
      for (const wake of waiting.splice(0)) wake();
    },
  };
}
