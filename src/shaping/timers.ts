import { grown } from '../shared/columns.js';

/** Timers of many owners, each of which has at most one. Those due at the same time fire in the order they were set. */
export interface Timers {
  /** Time of the earliest timer; Infinity where none is set. */
  next(): number;
  /** Clears the earliest timer and returns its owner. There must be one. */
  take(): number;
  /** Sets the timer of `owner` (a small integer), replacing an earlier one. Infinity clears it. */
  set(owner: number, time: number): void;
}

/** Timers in a binary heap that knows where each owner stands, so that a timer can be replaced in place. */
export function createTimers(): Timers {
  let size = 0;
  let sets = 0;
  let heap = new Uint32Array(64);
  // By owner: position in the heap (-1 for none), time, and number of the call that set it.
  let position = new Int32Array(64).fill(-1);
  let time = new Float64Array(64);
  let order = new Float64Array(64);

  const before = (a: number, b: number): boolean => {
    const difference = time[a]! - time[b]!;
    return difference < 0 || (difference === 0 && order[a]! < order[b]!);
  };

  const place = (owner: number, at: number): void => {
    heap[at] = owner;
    position[owner] = at;
  };

  const up = (owner: number, at: number): void => {
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(owner, heap[parent]!)) break;
      place(heap[parent]!, at);
      at = parent;
    }
    place(owner, at);
  };

  const down = (owner: number, at: number): void => {
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, owner)) break;
      place(heap[child]!, at);
      at = child;
    }
    place(owner, at);
  };

  const remove = (at: number): void => {
    position[heap[at]!] = -1;
    const last = heap[--size]!;
    if (at === size) return;
    if (at > 0 && before(last, heap[(at - 1) >> 1]!)) up(last, at);
    else down(last, at);
  };

  const grow = (owners: number): void => {
    const capacity = 2 ** Math.ceil(Math.log2(owners));
    heap = grown(heap, capacity);
    position = grown(position, capacity).fill(-1, position.length);
    time = grown(time, capacity);
    order = grown(order, capacity);
  };

  return {
    next: () => (size === 0 ? Number.POSITIVE_INFINITY : time[heap[0]!]!),
    take() {
      const owner = heap[0]!;
      remove(0);
      return owner;
    },
    set(owner, at) {
      if (owner >= position.length) grow(owner + 1);
      const old = position[owner]!;
      if (at === Number.POSITIVE_INFINITY) {
        if (old >= 0) remove(old);
        return;
      }
      time[owner] = at;
      order[owner] = sets++;
      if (old < 0) up(owner, size++);
      else if (old > 0 && before(owner, heap[(old - 1) >> 1]!)) up(owner, old);
      else down(owner, old);
    },
  };
}
