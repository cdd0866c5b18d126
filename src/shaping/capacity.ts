import { type Carried, reorder } from './account.js';

/**
 * Sends the frames over a link of `capacity` bit/s in each direction: frames of one direction wait for each other, first
 * come, first served, with no limit to the queue. A frame's time becomes the end of its transmission, which is when an
 * observer's capture would stamp it, so padding costs delay even on an idle link. Null: no limit, times stay.
 */
export function throughLink(carried: Carried, capacity: number | null): Carried {
  if (capacity === null) return carried;
  const { time, length, direction, packets } = carried.trace;
  const sent = new Float64Array(packets);
  const free = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < packets; i++) {
    const way = direction[i]!;
    sent[i] = Math.max(time[i]!, free[way]!) + (8 * length[i]!) / capacity;
    free[way] = sent[i]!;
  }
  return reorder({ ...carried, trace: { ...carried.trace, time: sent } }, mergeDirections(sent, direction));
}

/** The order by time of frames whose times are in order within each direction; frames of equal time keep theirs. */
function mergeDirections(time: Float64Array, direction: Uint8Array): Uint32Array {
  const order = new Uint32Array(time.length);
  const next = (way: number, from: number): number => {
    while (from < direction.length && direction[from] !== way) from++;
    return from;
  };
  let inbound = next(0, 0);
  let outbound = next(1, 0);
  for (let i = 0; i < order.length; i++) {
    // Past the last frame of a direction there is no time, and each comparison with it is false.
    const inboundFirst = time[inbound]! < time[outbound]! || (time[inbound] === time[outbound] && inbound < outbound);
    if (outbound === time.length || inboundFirst) {
      order[i] = inbound;
      inbound = next(0, inbound + 1);
    } else {
      order[i] = outbound;
      outbound = next(1, outbound + 1);
    }
  }
  return order;
}
