import { z } from 'zod';
import { createPast } from '../src/shaping/kit/past.js';
import { createTasks, type Task } from '../src/shaping/kit/tasks.js';
import { createTokens, type Tokens } from '../src/shaping/kit/tokens.js';
import { defineDefense } from '../src/shaping/shaper.js';
import { milliseconds, number } from '../src/shared/units.js';
import { Direction } from '../src/trace/trace.js';

const NEVER = Number.POSITIVE_INFINITY;

const mean = (usual: number, rest: string) => milliseconds([0, 10_000], usual, rest);
const deviation = (usual: number, of: string) => milliseconds([0.01, 10_000], usual, `standard deviation of ${of}`);
const odds = (usual: number, description: string) => number([0.01, 50], usual, description);
const length = (usual: number, description: string) => number([1.01, 100], usual, description);

/** WTF-PAD. Distributions, bins and numbers of tokens are those of the authors' published configuration, section `normal`. */
export default defineDefense({
  name: 'wtf-pad',
  summary: 'Adaptive padding: fills long gaps, and follows real bursts with fake ones, by histograms of intervals.',
  source: 'Juarez et al., "Toward an Efficient Website Fingerprinting Defense", ESORICS 2016; github.com/wtfpad/wtfpad',
  scope: ['device', 'home'],
  removedAt: 'tunnel end',
  parameters: z.object({
    clientBurstMean: mean(1.564159, 'from a real packet to the first of a fake burst, outbound, mean'),
    clientBurstDeviation: deviation(52.329599, 'clientBurstMean'),
    clientBurstOdds: odds(9, 'fake bursts begun for each one left out, outbound'),
    clientGapMean: mean(61.29599, 'from packet to packet of a fake burst, outbound, mean'),
    clientGapDeviation: deviation(39.95375, 'clientGapMean'),
    clientGapLength: length(21, 'packets of a fake burst, outbound, on average'),
    serverBurstMean: mean(0.03600121, 'as clientBurstMean, inbound'),
    serverBurstDeviation: deviation(27.53485, 'serverBurstMean'),
    serverBurstOdds: odds(19, 'as clientBurstOdds, inbound'),
    serverGapMean: mean(13.25997, 'as clientGapMean, inbound'),
    serverGapDeviation: deviation(97.3761, 'serverGapMean'),
    serverGapLength: length(34, 'as clientGapLength, inbound'),
  }),
  create(given) {
    const past = createPast();
    const tasks = createTasks();

    /** The automaton of one direction. A real packet wakes it; where a time passes without one, cover is due. */
    function* adapt(direction: Direction, burst: Tokens, gap: Tokens): Task {
      for (let tokens = burst; ; ) {
        const { now: since, rng } = tasks.link;
        const time = tokens.sample(rng);
        if (time === NEVER) {
          tokens.remove(time);
          // A fake burst that ends is like a real one that ends: another may follow. After a real one, rest.
          if (tokens === burst) yield NEVER;
          tokens = burst;
          continue;
        }
        yield since + time;
        const { now } = tasks.link;
        tokens.remove(now - since);
        tokens = now < since + time ? burst : gap;
        if (tokens === gap) past.cover(direction, tasks.link);
      }
    }

    const histogram = (mean: number, deviation: number, finite: number) =>
      createTokens({ mean: mean / 1000, deviation: deviation / 1000, finite });
    const start = (direction: Direction, side: 'client' | 'server'): number => {
      const burst = histogram(given[`${side}BurstMean`], given[`${side}BurstDeviation`], given[`${side}BurstOdds`]);
      const gap = histogram(given[`${side}GapMean`], given[`${side}GapDeviation`], given[`${side}GapLength`] - 1);
      return tasks.add(adapt(direction, burst, gap), NEVER);
    };
    const sides: Record<Direction, number> = {
      [Direction.INBOUND]: start(Direction.INBOUND, 'server'),
      [Direction.OUTBOUND]: start(Direction.OUTBOUND, 'client'),
    };
    return {
      packet(p, link) {
        past.remember(p);
        link.send(p, p.length);
        tasks.wake(sides[p.direction]);
        tasks.run(link);
      },
      wake: tasks.run,
      close: (link) => link.wakeAt(NEVER),
    };
  },
});
