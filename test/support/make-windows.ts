import type { Windows } from '../../src/learning/windows.js';
import { createRng } from '../../src/shared/rng.js';

/**
 * Windows over one stream in which only the order of packets tells the two classes apart: 'a' sends a large packet after each
 * with port 1, 'b' after each with port 2; ports and, over all, lengths are alike.
 */
export function makeOrderedWindows(seed: number, windows: number, size: number, stride = size): Windows {
  const rng = createRng(seed, 'ordered windows');
  const rows = (windows - 1) * stride + size;
  const port = new Uint16Array(rows);
  const length = new Float32Array(rows);
  const label = new Uint16Array(rows);
  let device = 0;
  for (let row = 0; row < rows; row++) {
    if (row % 10 === 0) device = rng.integer(0, 1);
    label[row] = device;
    port[row] = rng.integer(1, 2);
    length[row] = row > 0 && (port[row - 1] === 1) === (device === 0) ? 1200 : 100;
  }
  return {
    packets: {
      rows,
      port,
      protocols: new Uint8Array(rows).fill(3),
      direction: Uint8Array.from({ length: rows }, () => rng.integer(0, 1)),
      length,
      interval: Float32Array.from({ length: rows }, () => rng.exponential(0.1)),
    },
    start: Uint32Array.from({ length: windows }, (_, window) => window * stride),
    count: new Uint32Array(windows).fill(size),
    size,
    streamEnds: Uint32Array.of(rows),
    time: Float64Array.from({ length: rows }, (_, row) => 0.1 * row),
    classes: ['a', 'b'],
    label,
  };
}

/** Share of packets whose more probable class is theirs. */
export function accuracy(probabilities: Float32Array, { label, classes }: Windows): number {
  let hits = 0;
  for (let row = 0; row < label.length; row++) {
    const own = probabilities.subarray(row * classes.length, (row + 1) * classes.length);
    hits += Number(own.indexOf(Math.max(...own)) === label[row]);
  }
  return hits / label.length;
}
