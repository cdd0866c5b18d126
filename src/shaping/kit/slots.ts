import { bytes } from '../../shared/units.js';
import { type Direction, LARGEST_FRAME } from '../../trace/trace.js';
import type { Shaper } from '../shaper.js';
import { createQueue } from './queue.js';

/** The parameter of a defense all of whose frames are equally long. */
export const frameSize = (usual: number, rest = 'of every frame') => bytes([128, LARGEST_FRAME], usual, rest);

/** Link padding: frames of one size in slots at fixed times, with packets that wait or, where none waits, with cover. */
export interface SlotPlan {
  /** Bytes of every frame. */
  readonly size: number;
  /** Seconds from one slot to the next, inbound and outbound. */
  readonly interval: readonly [number, number];
  /** Number of the first slot, which is so many intervals after the start. */
  readonly first: 0 | 1;
  /**
   * True if a slot of one direction is used; called when it is due.
   * @param sent frames of that direction since the start
   * @param waiting packets of both directions
   * @param closed true once the input has ended
   */
  goesOn(sent: number, waiting: number, closed: boolean): boolean;
}

const DIRECTIONS: readonly Direction[] = [0, 1];
const NEVER = Number.POSITIVE_INFINITY;

/**
 * Slots start with a packet, and stop, for each direction separately, with the first that is not used. A direction that has
 * stopped resumes its slots when a packet arrives while the other continues; once both have stopped, the next packet is
 * a new start. Where both have a slot at the same time, both are decided before anything is sent. A packet that
 * is longer than a frame leaves in parts; no frame carries two packets.
 */
export function createSlots({ size, interval, first, goesOn }: SlotPlan): Shaper {
  const queues = [createQueue(), createQueue()] as const;
  let closed = false;
  let start = Number.NaN;
  // Indexed by direction: frames since the start; number and time of the next slot, NEVER for a direction that has stopped.
  const sent: [number, number] = [0, 0];
  const slot: [number, number] = [0, 0];
  const due: [number, number] = [NEVER, NEVER];

  /** Times are multiples of the interval from the start, so that no error accumulates. */
  const schedule = (direction: Direction, next: number): void => {
    slot[direction] = next;
    due[direction] = start + next * interval[direction];
  };

  const resume = (direction: Direction, now: number): void => {
    schedule(direction, Math.max(slot[direction], Math.floor((now - start) / interval[direction])));
    while (due[direction] < now) schedule(direction, slot[direction] + 1);
  };

  return {
    packet(p, link) {
      queues[p.direction].push(p);
      if (due[0] !== NEVER && due[1] !== NEVER) return;
      const stopped = DIRECTIONS.filter((direction) => due[direction] === NEVER);
      if (stopped.length === 2) {
        start = link.now;
        sent.fill(0);
        slot.fill(first);
      }
      for (const direction of stopped) resume(direction, link.now);
      link.wakeAt(Math.min(due[0], due[1]));
    },
    wake(link) {
      const { now } = link;
      const waiting = queues[0].packets + queues[1].packets;
      for (const direction of DIRECTIONS) {
        if (due[direction] > now) continue;
        if (goesOn(sent[direction], waiting, closed)) {
          if (!queues[direction].send(link, size)) link.cover(direction, size);
          sent[direction]++;
          schedule(direction, slot[direction] + 1);
        } else {
          due[direction] = NEVER;
        }
      }
      link.wakeAt(Math.min(due[0], due[1]));
    },
    close() {
      closed = true;
    },
  };
}
