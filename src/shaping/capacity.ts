import { type Carried, retime } from './account.js';

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
  return retime(carried, sent);
}
