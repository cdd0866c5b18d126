/**
 * What one step of a network works on: `time` x `batch` packets, time-major (all first packets of the batch's windows, then
 * all second packets), since the recursion over time then reads memory in order. A window that is shorter than `time` is padded
 * at its end.
 */
export interface Batch {
  readonly time: number;
  readonly batch: number;
  /** Row of the port embedding of each packet; time x batch. */
  readonly port: Int32Array;
  /** Scaled features; time x batch x `packetFeatures`. */
  readonly features: Float32Array;
  /** Packets in each window; batch. */
  readonly count: Int32Array;
}

/** A batch to learn from. */
export interface TrainingBatch extends Batch {
  /** Class of each packet; time x batch, anything valid where there is no packet. */
  readonly label: Int32Array;
  /** What each packet counts in the loss; time x batch, zero where there is no packet, in all 1. */
  readonly weight: Float32Array;
  /**
   * For the output of each layer 1 for a number to keep and 0 for one to drop; time x batch x directions * hidden.
   * Empty without dropout.
   */
  readonly keep: readonly Uint8Array[];
}

/** 1 on packets, 0 on padding; time x batch. */
export function mask({ time, batch, count }: Batch): Float32Array {
  const values = new Float32Array(time * batch);
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < count[b]!; t++) values[t * batch + b] = 1;
  }
  return values;
}
