import type { Windows } from '../windows.js';
import type { EncodedPackets } from './encoding.js';
import { packetFeatures } from './network.js';

/**
 * Input of one step of a network: `time` x `batch` packets, time-major (all first packets of the batch's windows, then all second
 * packets), so that the recursion over time reads memory in order. A window shorter than `time` is padded at its end.
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

/** A training batch. */
export interface TrainingBatch extends Batch {
  /** Class of each packet; time x batch, anything valid where there is no packet. */
  readonly label: Int32Array;
  /** Weight of each packet in the loss; time x batch, zero where there is no packet, 1 in total. */
  readonly weight: Float32Array;
  /**
   * For the output of each layer, 1 to keep a number and 0 to drop it; time x batch x directions * hidden. Empty without
   * dropout.
   */
  readonly keep: readonly Uint8Array[];
}

export function emptyBatch(time: number, batch: number): Batch {
  return {
    time,
    batch,
    port: new Int32Array(time * batch),
    features: new Float32Array(time * batch * packetFeatures),
    count: new Int32Array(batch),
  };
}

/** A batch that {@link fillBatch} fills repeatedly. */
export function emptyTrainingBatch(time: number, batch: number, layers: number, width: number): TrainingBatch {
  return {
    ...emptyBatch(time, batch),
    label: new Int32Array(time * batch),
    weight: new Float32Array(time * batch),
    keep: Array.from({ length: layers }, () => new Uint8Array(time * batch * width)),
  };
}

/** Copies the given windows into `into`; its remaining windows get no packets. */
export function fillBatch(into: Batch, windows: Windows, packets: EncodedPackets, which: Uint32Array): void {
  const { batch, port, features, count } = into;
  count.fill(0);
  for (let b = 0; b < which.length; b++) {
    const first = windows.start[which[b]!]!;
    count[b] = windows.count[which[b]!]!;
    for (let t = 0; t < count[b]!; t++) {
      const row = t * batch + b;
      port[row] = packets.port[first + t]!;
      // A loop is faster than set() on such a short subarray.
      for (let f = 0, from = (first + t) * packetFeatures, to = row * packetFeatures; f < packetFeatures; f++) {
        features[to + f] = packets.features[from + f]!;
      }
    }
  }
}

/**
 * Sets labels and weights of the windows that {@link fillBatch} copied. A packet without a class has weight 0.
 * @param classWeight weight of a packet of each class
 */
export function fillTargets(
  into: TrainingBatch,
  windows: Windows,
  which: Uint32Array,
  classWeight: Float32Array,
): void {
  const { batch, count, label, weight } = into;
  weight.fill(0);
  let sum = 0;
  for (let b = 0; b < which.length; b++) {
    const first = windows.start[which[b]!]!;
    for (let t = 0; t < count[b]!; t++) {
      const row = t * batch + b;
      const known = windows.label[first + t]! < classWeight.length;
      label[row] = known ? windows.label[first + t]! : 0;
      weight[row] = known ? classWeight[label[row]!]! : 0;
      sum += weight[row]!;
    }
  }
  if (sum > 0) for (let row = 0; row < weight.length; row++) weight[row]! /= sum;
}

/** 1 on packets, 0 on padding; time x batch. */
export function mask({ time, batch, count }: Batch): Float32Array {
  const values = new Float32Array(time * batch);
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < count[b]!; t++) values[t * batch + b] = 1;
  }
  return values;
}
