import type { Rng } from '../../shared/rng.js';
import { type Direction, LARGEST_FRAME } from '../../trace/trace.js';
import type { Link, PacketRef } from '../shaper.js';

/** The last packets that passed a shaper, by direction, for cover that looks like them. */
export interface Past {
  /** Keeps a packet, unless its frame is longer than 1514 bytes: a gateway can send none so long. */
  remember(p: PacketRef): void;
  /** True once there is a packet of this direction to draw. */
  has(direction: Direction): boolean;
  /** Draws one of them, each as likely as the others; of the other direction where this one has none; null for none at all. */
  draw(direction: Direction, rng: Rng): PacketRef | null;
  /** Draws one of either direction: outbound and inbound as often as among all that passed. Null for none at all. */
  drawAny(rng: Rng): PacketRef | null;
  /** Sends cover that looks like one of this direction; nothing before the first of them has passed. */
  cover(direction: Direction, link: Link): void;
}

/** @param room packets kept of each direction, the oldest forgotten first */
export function createPast(room = 256): Past {
  const kept: [PacketRef[], PacketRef[]] = [[], []];
  const passed = [0, 0];
  const draw: Past['draw'] = (direction, rng) => {
    const own = kept[direction];
    const list = own.length > 0 ? own : kept[direction === 0 ? 1 : 0];
    return list.length === 0 ? null : list[rng.integer(0, list.length - 1)]!;
  };
  return {
    remember(p) {
      if (p.length > LARGEST_FRAME) return;
      // The oldest is overwritten once the room is full.
      kept[p.direction][passed[p.direction]! % room] = p;
      passed[p.direction]!++;
    },
    has: (direction) => passed[direction]! > 0,
    draw,
    drawAny(rng) {
      const outbound = rng.uniform() * (passed[0]! + passed[1]!) >= passed[0]!;
      return draw(outbound ? 1 : 0, rng);
    },
    cover(direction, link) {
      if (passed[direction] === 0) return;
      const like = draw(direction, link.rng)!;
      link.cover(direction, like.length, like);
    },
  };
}
