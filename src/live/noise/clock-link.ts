import type { AppliedDefense, Link, PacketRef } from '../../shaping/shaper.js';
import { DefenseError } from '../../shaping/shaper.js';
import type { Rng } from '../../shared/rng.js';
import { type Direction, Protocol } from '../../trace/trace.js';

export interface ClockLinkOptions {
  readonly rng: Rng;
  readonly onCover: (direction: Direction, bytes: number) => void;
  /** Seconds. */
  readonly clock?: () => number;
}

/** A defense on a real clock, of whose work only the cover is done: real packets are shown to it, and go nowhere. */
export interface ClockLink {
  /** Shows it a packet, now. */
  packet(direction: Direction, bytes: number): void;
  close(): void;
}

/** Of Ethernet. */
const HEADER = 14;
/** Timers that were missed while the process slept are made up for, so many at once. */
const MOST_WAKES = 1000;
/** Seconds after which cover that was missed is let go: a computer that was asleep for the night does not make up for it. */
const MOST_BEHIND = 5;

/**
 * Runs one shaper, for the whole home whatever its scope, on a real clock. The contract is that of the virtual clock
 * (src/shaping/simulate.ts), as far as cover goes: `now` is the time that a timer was set to, so that rates hold on average.
 */
export function createClockLink(
  { defense, parameters, knowledge }: AppliedDefense,
  { rng, onCover, clock = () => performance.now() / 1000 }: ClockLinkOptions,
): ClockLink {
  const shaper = defense.create(parameters, knowledge);
  let now = clock();
  let next = Number.POSITIVE_INFINITY;
  let timer: NodeJS.Timeout | null = null;
  let packets = 0;
  let flows = 1;
  let isLate = false;
  const link: Link = {
    get now() {
      return now;
    },
    rng,
    send() {},
    sendCell() {},
    drop() {},
    cover(direction, wireBytes) {
      if (!isLate) onCover(direction, wireBytes);
    },
    openFlow: () => flows++,
    wakeAt(time) {
      if (Number.isNaN(time)) throw new DefenseError(`defense ${defense.name}: set a timer to NaN`);
      next = Math.max(time, now);
    },
  };
  const arm = () => {
    if (timer) clearTimeout(timer);
    timer = null;
    if (next < Number.POSITIVE_INFINITY)
      timer = setTimeout(wake, Math.min(2 ** 31 - 1, Math.max(0, (next - clock()) * 1000)));
  };
  const wake = () => {
    for (let wakes = 0; wakes < MOST_WAKES && next <= clock(); wakes++) {
      now = Math.max(now, next);
      isLate = now < clock() - MOST_BEHIND;
      next = Number.POSITIVE_INFINITY;
      shaper.wake?.(link);
      isLate = false;
    }
    arm();
  };
  return {
    packet(direction, bytes) {
      now = Math.max(now, clock());
      const p: PacketRef = {
        id: packets++,
        length: bytes,
        header: HEADER,
        direction,
        protocols: Protocol.IP | Protocol.TCP | Protocol.TLS,
        port: 443,
        flow: 0,
        device: 0,
      };
      shaper.packet(p, link);
      arm();
    },
    close() {
      next = Number.POSITIVE_INFINITY;
      arm();
    },
  };
}
