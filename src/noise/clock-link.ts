import type { AppliedDefense, Link, PacketRef } from '../shaping/shaper.js';
import { DefenseError, scopeOfDefense } from '../shaping/shaper.js';
import type { Rng } from '../shared/rng.js';
import type { Direction } from '../trace/trace.js';

interface ClockLinkOptions {
  readonly rng: Rng;
  readonly onCover: (direction: Direction, bytes: number) => void;
  /** Seconds. */
  readonly clock?: () => number;
}

/** What a shaper is told of a packet on its way. */
export type SeenPacket = Pick<PacketRef, 'direction' | 'length' | 'header' | 'protocols' | 'port'>;

/** A defense on a real clock, of whose work only the cover is done: real packets are shown to it, and go nowhere. */
interface ClockLink {
  /** Shows it a packet of a device, now. */
  packet(device: string, packet: SeenPacket): void;
  close(): void;
}

/** One shaper of it. */
interface ShaperClock {
  packet(packet: SeenPacket): void;
  close(): void;
}

/** Timers that were missed while the process slept are made up for, so many at once. */
const MOST_WAKES = 1000;
/** Seconds after which cover that was missed is let go: a computer that was asleep for the night does not make up for it. */
const MOST_BEHIND = 5;

/** Runs a defense on a real clock: a shaper for each device, of its flows too, or one for the home, as its scope is. */
export function createClockLink(applied: AppliedDefense, options: ClockLinkOptions): ClockLink {
  const isOne = scopeOfDefense(applied.defense, applied.parameters) === 'home';
  const shapers = new Map<string, ShaperClock>();
  return {
    packet(device, packet) {
      const key = isOne ? '' : device;
      let shaper = shapers.get(key);
      if (shaper === undefined) {
        shaper = createShaperClock(applied, { ...options, rng: options.rng.stream(key) });
        shapers.set(key, shaper);
      }
      shaper.packet(packet);
    },
    close() {
      for (const shaper of shapers.values()) shaper.close();
    },
  };
}

/**
 * The contract is that of the virtual clock
 * (src/shaping/simulate.ts), as far as cover goes: `now` is the time that a timer was set to, so that rates hold on average.
 */
function createShaperClock(
  { defense, parameters, knowledge }: AppliedDefense,
  { rng, onCover, clock = () => performance.now() / 1000 }: ClockLinkOptions,
): ShaperClock {
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
    packet(packet) {
      now = Math.max(now, clock());
      shaper.packet({ ...packet, id: packets++, flow: 0, device: 0 }, link);
      arm();
    },
    close() {
      next = Number.POSITIVE_INFINITY;
      arm();
    },
  };
}
