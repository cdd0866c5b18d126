import type { Rng } from '../../shared/rng.js';
import { createLevels } from './dependence.js';
import { highest, lowest, valueAt } from './distribution.js';
import { createPredictor, type Following } from './predictor.js';
import type { FittedChannel } from './profile.js';
import { classOf } from './recurrence.js';
import { fromRhythm } from './rhythm.js';

/** A random walk along a channel's packets. */
export interface Walk {
  /** Time of the last packet, in seconds. */
  readonly now: number;
  /** Moves to the next packet and returns its index in `packets`. */
  step(): number;
}

/** Walks along a channel from the time `start` on: the next packet is drawn by its context, its gap by its clock. */
export function createWalk({ kinds, packets, contexts, rhythm }: FittedChannel, start: number, rng: Rng): Walk {
  const predictor = createPredictor(contexts);
  const lastKind = new Float64Array(kinds.length).fill(Number.NaN);
  /** The last times of each kind that is the clock of others, the newest first. */
  const kept: (number[] | undefined)[] = [];
  for (const { clock } of packets) {
    if (clock)
      kept[clock.kind] = new Array<number>(Math.max(clock.back, kept[clock.kind]?.length ?? 0)).fill(Number.NaN);
  }
  const ago = (kind: number, back: number) => kept[kind]![back - 1]!;
  const lastPacket = new Float64Array(packets.length).fill(Number.NaN);
  const levels = packets.map((packet) => createLevels(packet, rng));
  const weights = new Float64Array(packets.length);
  let now = start;

  /** Draws the next packet, by counts and recurrence. */
  const choose = ({ symbols, counts }: Following): number => {
    if (symbols.length === 1) return symbols[0]!;
    let total = 0;
    for (let i = 0; i < symbols.length; i++) {
      const { recurrence, kind } = packets[symbols[i]!]!;
      let weight = counts[i]!;
      if (recurrence) {
        const elapsed = now - (recurrence.of === 'kind' ? lastKind[kind]! : lastPacket[symbols[i]!]!);
        if (!Number.isNaN(elapsed)) weight *= recurrence.factors[classOf(recurrence.seconds, elapsed)]!;
      }
      total += weight;
      weights[i] = total;
    }
    const at = rng.uniform() * total;
    let i = 0;
    while (i < symbols.length - 1 && at >= weights[i]!) i++;
    return symbols[i]!;
  };

  return {
    get now() {
      return now;
    },
    step() {
      const symbol = choose(predictor.following());
      predictor.push(symbol);
      const { kind, gapSeconds, clock, rhythmic } = packets[symbol]!;
      const level = levels[symbol]!();
      const due = clock ? ago(clock.kind, clock.back) + valueAt(clock.seconds, level) : Number.NaN;
      // A clock that has not come yet gives no time; the times of others are held within the bounds of the gap.
      if (Number.isNaN(due)) {
        const gap = valueAt(gapSeconds, level);
        now += rhythmic && rhythm ? fromRhythm(rhythm, now, gap) : gap;
      } else now = Math.min(Math.max(due, now + lowest(gapSeconds)), now + highest(gapSeconds));
      lastKind[kind] = now;
      const times = kept[kind];
      if (times) {
        times.pop();
        times.unshift(now);
      }
      lastPacket[symbol] = now;
      return symbol;
    },
  };
}
