import type { Rng } from '../shared/rng.js';
import type { Direction } from '../trace/trace.js';
import type { PacketRef } from './shaper.js';

/** The last packets that passed a shaper, by direction: what cover that is to look like them is drawn from. */
export interface Past {
  remember(p: PacketRef): void;
  /**
   * One of them by chance, each as likely as the others; of the other direction where this one has none; null for none at
   * all. Without a direction, of both as often as packets of each have passed.
   */
  draw(direction: Direction | null, rng: Rng): PacketRef | null;
}

/** @param room packets kept of each direction, the oldest forgotten first */
export function createPast(room = 256): Past {
  const kept: [PacketRef[], PacketRef[]] = [[], []];
  const next = [0, 0];
  const passed = [0, 0];
  return {
    remember(p) {
      const list = kept[p.direction];
      passed[p.direction]!++;
      if (list.length < room) list.push(p);
      else {
        list[next[p.direction]!] = p;
        next[p.direction] = (next[p.direction]! + 1) % room;
      }
    },
    draw(direction, rng) {
      const wanted = direction ?? (rng.uniform() * (passed[0]! + passed[1]!) < passed[0]! ? 0 : 1);
      const own = kept[wanted];
      const list = own.length > 0 ? own : kept[wanted === 0 ? 1 : 0];
      return list.length === 0 ? null : list[rng.integer(0, list.length - 1)]!;
    },
  };
}
