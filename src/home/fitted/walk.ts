import type { Rng } from '../../shared/rng.js';
import { normalProbability } from './gaps.js';
import { createPredictor, type Following } from './predictor.js';
import { type FittedChannel, LEVELS } from './profile.js';
import { classOf } from './recurrence.js';
import { fromRhythm } from './rhythm.js';

/** A channel's packets, one after another. */
export interface Walk {
  /** When the last one was, in seconds. */
  readonly now: number;
  /** Goes on to the next packet and returns its index in `packets`. */
  step(): number;
}

/** Walks along a channel from the time `start` on: what follows is drawn by what came before, its gap by what it keeps time by. */
export function createWalk({ kinds, packets, contexts, rhythm }: FittedChannel, start: number, rng: Rng): Walk {
  const predictor = createPredictor(contexts);
  const lastKind = new Float64Array(kinds.length).fill(Number.NaN);
  const lastPacket = new Float64Array(packets.length).fill(Number.NaN);
  const score = new Float64Array(packets.length).fill(Number.NaN);
  const weights = new Float64Array(packets.length);
  let now = start;

  /** One of those that may follow, each as often as it did, and as it is due. */
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

  /** A level from 0 to 1 that is like the last one for this packet: a Gaussian copula. */
  const drift = (symbol: number, persistence: number): number => {
    const before = score[symbol]!;
    const fresh = rng.normal(0, 1);
    const z = Number.isNaN(before) ? fresh : persistence * before + Math.sqrt(1 - persistence * persistence) * fresh;
    score[symbol] = z;
    return normalProbability(z);
  };

  return {
    get now() {
      return now;
    },
    step() {
      const symbol = choose(predictor.following());
      predictor.push(symbol);
      const { kind, gapSeconds, clock, persistence, rhythmic } = packets[symbol]!;
      const level = persistence === undefined ? rng.uniform() : drift(symbol, persistence);
      const due = clock ? lastKind[clock.kind]! + drawQuantile(clock.seconds, level) : Number.NaN;
      // What was never seen shows no time; and what a sequence drawn by chance would make wait too long does not.
      if (Number.isNaN(due)) {
        const gap = drawQuantile(gapSeconds, level);
        now += rhythmic && rhythm ? fromRhythm(rhythm, now, gap) : gap;
      } else now = Math.min(Math.max(due, now + gapSeconds[0]!), now + gapSeconds.at(-1)!);
      lastKind[kind] = now;
      lastPacket[symbol] = now;
      return symbol;
    },
  };
}

/** Where in a distribution given by quantiles the level `u` lies, from 0 to 1. */
export function drawQuantile(quantiles: readonly number[], u: number): number {
  if (quantiles.length === 1) return quantiles[0]!;
  const levels = LEVELS[quantiles.length]!;
  let i = 1;
  while (i < levels.length - 1 && u >= levels[i]!) i++;
  const [low, high] = [levels[i - 1]!, levels[i]!];
  return quantiles[i - 1]! + ((u - low) / (high - low)) * (quantiles[i]! - quantiles[i - 1]!);
}
