import { floats, type GraphBuilder, int64s, type Value } from '../onnx/graph.js';
import { placesOf, type Shape } from './layer.js';

/** A size on a grid of places. */
export interface Size {
  readonly rows: number;
  readonly steps: number;
}

/** For each of `places` places, `each` places of another grid; that grid's number of places stands for one beyond its edge. */
export interface Neighbours {
  readonly places: number;
  readonly each: number;
  /** places x each */
  readonly index: Int32Array;
  /** Places of the other grid. */
  readonly others: number;
}

/**
 * The window of `kernel` places around each place, or each `stride`-th, of a grid. Beyond the edges lies padding: as much as gives
 * an output of ceil(size / stride), the smaller half before the first place ('same' in TensorFlow).
 */
export function windowsOn(shape: Shape, kernel: Size, stride: Size): Neighbours & { readonly shape: Size } {
  const rows = Math.ceil(shape.rows / stride.rows);
  const steps = Math.ceil(shape.steps / stride.steps);
  const before = (size: number, out: number, width: number, by: number) =>
    Math.floor(Math.max(0, (out - 1) * by + width - size) / 2);
  const top = before(shape.rows, rows, kernel.rows, stride.rows);
  const left = before(shape.steps, steps, kernel.steps, stride.steps);
  const each = kernel.rows * kernel.steps;
  const others = placesOf(shape);
  const index = Int32Array.from({ length: rows * steps * each }, (_, i) => {
    const [place, k] = [Math.floor(i / each), i % each];
    const row = Math.floor(place / steps) * stride.rows + Math.floor(k / kernel.steps) - top;
    const step = (place % steps) * stride.steps + (k % kernel.steps) - left;
    const isInside = row >= 0 && row < shape.rows && step >= 0 && step < shape.steps;
    return isInside ? row * shape.steps + step : others;
  });
  return { places: rows * steps, each, index, others, shape: { rows, steps } };
}

/** The same pairs of places from the other side: place p has at k the place that has p at k. */
export function turned({ places, each, index, others }: Neighbours): Neighbours {
  const turnedIndex = new Int32Array(others * each).fill(places);
  for (let i = 0; i < index.length; i++) {
    if (index[i]! < others) turnedIndex[index[i]! * each + (i % each)] = Math.floor(i / each);
  }
  return { places: others, each, index: turnedIndex, others: places };
}

/** The same neighbours in another order, with as few beyond the edge as leaves all places as many. */
export function compact({ places, each, index, others }: Neighbours): Neighbours {
  const rows = Array.from({ length: places }, (_, place) =>
    index.subarray(place * each, (place + 1) * each).filter((other) => other < others),
  );
  const most = rows.reduce((largest, row) => Math.max(largest, row.length), 0);
  const compacted = new Int32Array(places * most).fill(others);
  rows.forEach((row, place) => {
    compacted.set(row, place * most);
  });
  return { places, each: most, index: compacted, others };
}

/** Numbers of the neighbours: examples x others x channels to examples x places x each x channels; `beyond` is that of padding. */
export function gather(g: GraphBuilder, x: Value, neighbours: Neighbours, beyond = 0): Value {
  const { places, each, index, others } = neighbours;
  const pads = g.constant(int64s([0, 0, 0, 0, 1, 0]));
  const padded = index.includes(others) ? g.op('Pad', [x, pads, g.constant(floats([beyond], []))]) : x;
  return g.op('Gather', [padded, g.constant({ type: 'int32', dims: [places, each], data: index })], { axis: 1 });
}
