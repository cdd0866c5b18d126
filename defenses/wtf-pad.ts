import { z } from 'zod';
import { createPast } from '../src/shaping/kit/past.js';
import { createTokens, type Tokens } from '../src/shaping/kit/tokens.js';
import { defineDefense, type Link } from '../src/shaping/shaper.js';
import { createTimers } from '../src/shaping/timers.js';
import { Direction } from '../src/trace/trace.js';

const milliseconds = (value: number, what: string) => z.number().min(0).max(10_000).default(value).describe(what);
const spread = (value: number, what: string) => z.number().min(0.01).max(10_000).default(value).describe(what);

const parameters = z.object({
  clientBurstMean: milliseconds(1.564159, 'outbound: ms from a real packet to the first of a fake burst, mean'),
  clientBurstDeviation: spread(52.329599, 'outbound: ms, standard deviation of that'),
  clientBurstOdds: z
    .number()
    .min(0.01)
    .max(50)
    .default(9)
    .describe('outbound: fake bursts begun for each one left out'),
  clientGapMean: milliseconds(61.29599, 'outbound: ms from packet to packet of a fake burst, mean'),
  clientGapDeviation: spread(39.95375, 'outbound: ms, standard deviation of that'),
  clientGapLength: z.number().min(1.01).max(100).default(21).describe('outbound: packets of a fake burst, on average'),
  serverBurstMean: milliseconds(0.03600121, 'inbound: as clientBurstMean'),
  serverBurstDeviation: spread(27.53485, 'inbound: as clientBurstDeviation'),
  serverBurstOdds: z.number().min(0.01).max(50).default(19).describe('inbound: as clientBurstOdds'),
  serverGapMean: milliseconds(13.25997, 'inbound: as clientGapMean'),
  serverGapDeviation: spread(97.3761, 'inbound: as clientGapDeviation'),
  serverGapLength: z.number().min(1.01).max(100).default(34).describe('inbound: as clientGapLength'),
  per: z
    .enum(['device', 'home'])
    .default('device')
    .describe('whose gaps are filled: of each device, or of all together'),
});

/** The automaton of one side. It says when cover is due; the shaper sends it. */
interface Side {
  /** A real packet has passed at `now`; returns when cover is due. */
  real(now: number, link: Link): number;
  /** Cover was sent at `now`, when it was due; returns when the next is. */
  covered(now: number, link: Link): number;
}

function createSide(burst: Tokens, gap: Tokens): Side {
  /** What the time that is being waited for was drawn from, and when; null while idle. */
  let drawnFrom: Tokens | null = null;
  let since = 0;

  const draw = (tokens: Tokens, now: number, link: Link): number => {
    const time = tokens.sample(link.rng);
    since = now;
    drawnFrom = tokens;
    if (time < Number.POSITIVE_INFINITY) return now + time;
    tokens.remove(time);
    drawnFrom = null;
    // A fake burst that ends is like a real one that ends: another may follow. After a real one, rest.
    return tokens === gap ? draw(burst, now, link) : time;
  };

  const use = (now: number): void => drawnFrom?.remove(now - since);

  return {
    real(now, link) {
      use(now);
      return draw(burst, now, link);
    },
    covered(now, link) {
      use(now);
      return draw(gap, now, link);
    },
  };
}

/**
 * Adaptive padding fills gaps that are longer than usual, and follows the packets of a burst with a fake burst. Each side
 * (outbound the client's, inbound the server's) draws a time from its burst histogram when a real packet passes; if no other
 * comes before it is over, cover is sent, and then more of it at times from the gap histogram, until that gives infinity or a
 * real packet passes. Both lead back to the burst histogram; infinity there leads to rest. The token of the time that passed is used
 * up each time (one of infinity when it is drawn), and an empty histogram is filled anew.
 *
 * Distributions, bins and numbers of tokens are those of the authors' published configuration (section `normal`), in which the
 * numbers 9, 19, 21 and 34 are no numbers of tokens: infinity has 1 of 10 and 1 of 20 draws after a real packet, and 1 of 21 and
 * 1 of 34 in a fake burst. Where their simulator differs from the paper (a real packet in a fake burst leads to rest; a time-out
 * is never forgotten) the paper is followed. Packets received count for nothing, as in that configuration.
 *
 * Made for page loads over Tor, where real packets soon end a fake burst. On a quiet device nothing does: a lone packet is followed by
 * some 9 fake bursts of 20 outbound, 19 of 33 inbound. What cover looks like is drawn from the last 256 packets of its side.
 */
export default defineDefense({
  name: 'wtf-pad',
  summary: 'Adaptive padding: fills long gaps, and follows real bursts with fake ones, by histograms of intervals.',
  source: 'Juarez et al., "Toward an Efficient Website Fingerprinting Defense", ESORICS 2016; github.com/wtfpad/wtfpad',
  scope: ({ per }) => per,
  removedAt: 'tunnel end',
  parameters,
  create(given) {
    const past = createPast();
    const seconds = (mean: number, deviation: number) => ({ mean: mean / 1000, deviation: deviation / 1000 });
    const sides: Record<Direction, Side> = {
      [Direction.OUTBOUND]: createSide(
        createTokens({ ...seconds(given.clientBurstMean, given.clientBurstDeviation), finite: given.clientBurstOdds }),
        createTokens({ ...seconds(given.clientGapMean, given.clientGapDeviation), finite: given.clientGapLength - 1 }),
      ),
      [Direction.INBOUND]: createSide(
        createTokens({ ...seconds(given.serverBurstMean, given.serverBurstDeviation), finite: given.serverBurstOdds }),
        createTokens({ ...seconds(given.serverGapMean, given.serverGapDeviation), finite: given.serverGapLength - 1 }),
      ),
    };
    // One timer for each side, the direction its number.
    const timers = createTimers();
    return {
      packet(p, link) {
        past.remember(p);
        link.send(p, p.length);
        timers.set(p.direction, sides[p.direction].real(link.now, link));
        link.wakeAt(timers.next());
      },
      wake(link) {
        while (timers.next() <= link.now) {
          const direction = timers.take() as Direction;
          if (past.has(direction)) {
            const like = past.draw(direction, link.rng)!;
            link.cover(direction, like.length, like);
          }
          timers.set(direction, sides[direction].covered(link.now, link));
        }
        link.wakeAt(timers.next());
      },
      close: (link) => link.wakeAt(Number.POSITIVE_INFINITY),
    };
  },
});
