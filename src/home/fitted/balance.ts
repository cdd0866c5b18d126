import { createRng } from '../../shared/rng.js';
import { significant } from './gaps.js';
import type { FittedChannel } from './profile.js';
import { createWalk } from './walk.js';

const ROUNDS = 8;
const FINALISTS = 3;
/** Packets of a walk that counts frequencies, in multiples of the channel's packets, and its bounds. */
const TIMES_AROUND = 6;
const SHORTEST_WALK = 4000;
const LONGEST_WALK = 120_000;
/** The factor of a packet's frequency that is corrected, and the most that one round corrects. */
const TOLERANCE = 1.15;
const LARGEST_STEP = 3;

/** A walk along a channel compared with the traffic that it was fitted to. */
interface Comparison {
  /** Packets an hour, as a multiple of those seen. */
  readonly rate: number;
  /** For each packet, its frequency as a multiple of the fitted one. */
  readonly frequency: Float64Array;
  readonly expected: Float64Array;
}

/**
 * Contexts of limited length distort frequencies: a walk may stay where the device did not, as in a set-up that happens once. This
 * scales the counts of packets in their contexts, round by round, until a walk has the observed frequencies, and returns
 * the best result: the one with the nearest rate.
 */
export function balance(channel: FittedChannel): { channel: FittedChannel; rate: number } {
  const found: { channel: FittedChannel; rate: number }[] = [];
  let now = channel;
  for (let round = 0; round <= ROUNDS; round++) {
    const { rate, frequency, expected } = compare(now, 'round', round);
    found.push({ channel: now, rate });
    if (round === ROUNDS) break;
    const factors = frequency.map((f, symbol) => {
      // Packets expected only a few times may be off by chance.
      const sure = Math.sqrt(expected[symbol]!) * Math.abs(Math.sqrt(f) - 1) * 2 > 2;
      if (!sure || Math.max(f, 1 / f) < TOLERANCE) return 1;
      return Math.min(LARGEST_STEP, Math.max(1 / LARGEST_STEP, 1 / Math.sqrt(Math.max(f, 1e-3))));
    });
    if (factors.every((factor) => factor === 1)) break;
    now = {
      ...now,
      contexts: now.contexts.map(({ after, next }) => ({
        after,
        next: next.length === 1 ? next : next.map(([symbol, count]) => [symbol, significant(count * factors[symbol]!)]),
      })),
    };
  }
  // The best of several walks is partly lucky, so the nearest few walk again, each further.
  found.sort((a, b) => offBy(a.rate) - offBy(b.rate));
  const again = found
    .slice(0, FINALISTS)
    .map((one) => ({ ...one, rate: compare(one.channel, 'final', 0, FINALISTS).rate }));
  return again.reduce((best, one) => (offBy(one.rate) < offBy(best.rate) ? one : best));
}

/** Distance of a ratio from one, the same for its inverse. */
export function offBy(ratio: number): number {
  return ratio <= 0 ? Number.POSITIVE_INFINITY : Math.abs(Math.log(ratio));
}

function compare(channel: FittedChannel, name: string, round: number, further = 1): Comparison {
  const { packets, packetsPerHour } = channel;
  const total = packets.reduce((sum, { count }) => sum + count, 0);
  const steps = further * Math.min(LONGEST_WALK, Math.max(SHORTEST_WALK, TIMES_AROUND * total));
  const walk = createWalk(channel, 0, createRng('balance', name, round));
  const came = new Float64Array(packets.length);
  for (let i = 0; i < steps; i++) came[walk.step()]!++;
  const expected = Float64Array.from(packets, ({ count }) => (count / total) * steps);
  return {
    rate: walk.now > 0 ? steps / (walk.now / 3600) / packetsPerHour : 0,
    frequency: came.map((count, symbol) => count / expected[symbol]!),
    expected,
  };
}
