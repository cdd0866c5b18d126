import type { TrainingBatch } from '../../src/learning/recurrent/batch.js';
import { directions, type NetworkShape, packetFeatures } from '../../src/learning/recurrent/network.js';
import { createRng } from '../../src/shared/rng.js';

/** A batch with windows of different length, among them one of a single packet. */
export function randomBatch(
  shape: NetworkShape,
  time: number,
  batch: number,
  dropout: number,
  seed = 3,
): TrainingBatch {
  const rng = createRng(seed, 'batch');
  const rows = time * batch;
  const count = Int32Array.from({ length: batch }, (_, b) => (b === 0 ? time : b === 1 ? 1 : rng.integer(1, time)));
  const weight = Float32Array.from({ length: rows }, (_, row) =>
    Math.floor(row / batch) < count[row % batch]! ? 0.5 + rng.uniform() : 0,
  );
  const sum = weight.reduce((total, value) => total + value, 0);
  return {
    time,
    batch,
    count,
    port: Int32Array.from({ length: rows }, () => rng.integer(0, shape.ports - 1)),
    features: Float32Array.from({ length: rows * packetFeatures }, () => rng.normal(0, 1)),
    label: Int32Array.from({ length: rows }, () => rng.integer(0, shape.classes - 1)),
    weight: weight.map((value) => value / sum),
    keep:
      dropout === 0
        ? []
        : Array.from({ length: shape.layers }, () =>
            Uint8Array.from({ length: rows * directions(shape) * shape.hidden }, () =>
              Number(rng.uniform() >= dropout),
            ),
          ),
  };
}
