import { type Clock, createActor, createLedger } from '../shaping/ledger.js';
import { type AppliedDefense, type Link, type PacketRef, scopeOfDefense } from '../shaping/shaper.js';
import type { Rng } from '../shared/rng.js';
import type { Direction } from '../trace/trace.js';

interface ClockLinkOptions {
  readonly rng: Rng;
  readonly onCover: (direction: Direction, bytes: number) => void;
  /** Called where a timer of the defense fails, mostly with a DefenseError. Nothing of its shaper happens afterwards. */
  readonly onError: (error: unknown) => void;
  /** Seconds. */
  readonly clock?: () => number;
}

/** Properties of a packet that a shaper is shown. */
export type SeenPacket = Pick<PacketRef, 'direction' | 'length' | 'header' | 'protocols' | 'port'>;

/** A defense on a real clock that is shown real packets. Its cover is sent; the packets themselves go their own way. */
interface ClockLink {
  /**
   * Shows the defense a packet of a device, now.
   * @throws DefenseError where the defense breaks the contract of `Shaper`
   */
  packet(device: string, packet: SeenPacket): void;
  close(): void;
}

/** One shaper of the defense. */
interface ShaperClock {
  packet(packet: SeenPacket): void;
  close(): void;
}

/** Most timers that run at once to catch up after the process slept. */
const MOST_WAKES = 1000;
/** Seconds after which missed cover is dropped: a computer that slept all night does not catch up on it. */
const MOST_BEHIND = 5;

/** Runs a defense on a real clock: one shaper for the home, or one for each device, by the scope of the defense. */
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
 * Runs one shaper under the contract of the virtual clock (src/shaping/virtual-link.ts), as far as cover goes: `now` is the time that a
 * timer was set to, so that rates hold on average.
 */
function createShaperClock(
  { defense, parameters, knowledge }: AppliedDefense,
  { rng, onCover, onError, clock = () => performance.now() / 1000 }: ClockLinkOptions,
): ShaperClock {
  const own: Clock = { now: clock(), isClosing: false };
  const ledger = createLedger(defense.name, own);
  const actor = createActor(0, defense.create(parameters, knowledge));
  let next = Number.POSITIVE_INFINITY;
  let timer: NodeJS.Timeout | null = null;
  let flows = 1;
  let isLate = false;
  const link: Link = {
    get now() {
      return own.now;
    },
    rng,
    send(p, wireBytes, userBytes = ledger.left(p.id)) {
      ledger.checkFrame(wireBytes);
      ledger.take(p.id, userBytes);
    },
    sendCell(parts, wireBytes) {
      ledger.checkCell(parts, wireBytes);
      for (const part of parts) ledger.takePart(part, parts[0]!.packet);
    },
    drop(p) {
      ledger.drop(p.id);
    },
    cover(direction, wireBytes) {
      ledger.checkCover(direction, wireBytes);
      if (!isLate) onCover(direction, wireBytes);
    },
    openFlow() {
      ledger.acting();
      return flows++;
    },
    wakeAt(time) {
      next = ledger.checkTimer(time);
    },
  };
  const arm = () => {
    if (timer) clearTimeout(timer);
    timer = null;
    if (next < Number.POSITIVE_INFINITY)
      timer = setTimeout(wake, Math.min(2 ** 31 - 1, Math.max(0, (next - clock()) * 1000)));
  };
  const wake = () => {
    try {
      for (let wakes = 0; wakes < MOST_WAKES && next <= clock(); wakes++) {
        own.now = Math.max(own.now, next);
        isLate = own.now < clock() - MOST_BEHIND;
        next = Number.POSITIVE_INFINITY;
        ledger.wake(actor, link);
        isLate = false;
      }
    } catch (error) {
      return onError(error);
    }
    arm();
  };
  return {
    packet(packet) {
      own.now = Math.max(own.now, clock());
      ledger.packet(actor, { ...packet, id: ledger.arrived, flow: 0, device: 0 }, link);
      arm();
    },
    close() {
      next = Number.POSITIVE_INFINITY;
      arm();
    },
  };
}
