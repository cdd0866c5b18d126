import { checkPackets } from '../check-packets.js';
import type { Windows } from '../windows.js';
import { type Batch, emptyBatch, fillBatch } from './batch.js';
import { type Encoding, encodePackets } from './encoding.js';
import type { Engine } from './engine.js';
import type { NetworkShape } from './network.js';

/** A trained network as plain data, which any engine can run and model-file.ts can save. */
export interface RecurrentModel {
  readonly shape: NetworkShape;
  readonly classes: readonly string[];
  /** Packets per window. */
  readonly size: number;
  readonly encoding: Encoding;
  /** See ParameterLayout. */
  readonly parameters: Float32Array;
}

/** Windows in one call of the engine: enough for its threads, few enough for the processor's cache. */
const windowsAtOnce = 64;

/**
 * Probabilities for each packet, packets x classes: the mean over the windows that hold it, zeros where none does.
 * @param engine holds the parameters
 * @throws InputError for features that are NaN.
 */
export async function predictPackets(
  engine: Engine,
  { shape, encoding }: Pick<RecurrentModel, 'shape' | 'encoding'>,
  windows: Windows,
): Promise<Float32Array> {
  const { packets, start, count } = windows;
  checkPackets(packets, 'predict');
  const { classes } = shape;
  const encoded = encodePackets(packets, encoding);
  const probabilities = new Float32Array(packets.rows * classes);
  const windowsOf = new Uint16Array(packets.rows);
  const order = Uint32Array.from(start, (_, window) => window);
  for (let from = 0; from < order.length; from += windowsAtOnce) {
    const which = order.subarray(from, from + windowsAtOnce);
    const time = which.reduce((longest, window) => Math.max(longest, count[window]!), 0);
    const batch: Batch = emptyBatch(time, which.length);
    fillBatch(batch, windows, encoded, which);
    const found = await engine.predict(batch);
    for (let b = 0; b < which.length; b++) {
      for (let t = 0; t < batch.count[b]!; t++) {
        const row = start[which[b]!]! + t;
        windowsOf[row]!++;
        const at = (t * batch.batch + b) * classes;
        for (let c = 0; c < classes; c++) probabilities[row * classes + c]! += found[at + c]!;
      }
    }
  }
  for (let row = 0; row < packets.rows; row++) {
    if (windowsOf[row]! < 2) continue;
    for (let c = 0; c < classes; c++) probabilities[row * classes + c]! /= windowsOf[row]!;
  }
  return probabilities;
}
