import { z } from 'zod';
import { createQueue } from '../src/shaping/kit/queue.js';
import { defineDefense, type Link, type Shaper } from '../src/shaping/shaper.js';
import type { Rng } from '../src/shared/rng.js';

const parameters = z.object({
  distribution: z
    .enum(['uniform', 'normal', 'exponential', 'laplace', 'batch'])
    .default('uniform')
    .describe('of the delay; batch: packets leave at the next multiple of quantum'),
  delay: z.number().min(0).max(3600).default(0.05).describe('mean delay in seconds; uniform: between 0 and twice that'),
  deviation: z
    .number()
    .min(0)
    .max(3600)
    .default(0.02)
    .describe('normal, laplace: standard deviation of the delay in seconds; a negative delay becomes 0'),
  quantum: z.number().min(0).max(3600).default(0.1).describe('batch: seconds from one release to the next'),
});

type Parameters = z.output<typeof parameters>;

/** When a packet that arrives at `now` should leave, in seconds. */
function releaseOf({ distribution, delay, deviation, quantum }: Parameters): (now: number, link: Link) => number {
  const after = (draw: (rng: Rng) => number) => (now: number, link: Link) => now + draw(link.rng);
  switch (distribution) {
    case 'uniform':
      return after((rng) => 2 * delay * rng.uniform());
    case 'normal':
      return after((rng) => rng.normal(delay, deviation));
    case 'exponential':
      return after((rng) => rng.exponential(delay));
    case 'laplace':
      return after((rng) => rng.laplace(delay, deviation / Math.SQRT2));
    case 'batch':
      return quantum === 0 ? (now) => now : (now) => Math.ceil(now / quantum) * quantum;
  }
}

/** Holds packets until their time, in order of arrival. */
function createDelayLine(release: (now: number, link: Link) => number): Shaper {
  const queue = createQueue();
  let last = Number.NEGATIVE_INFINITY;
  return {
    packet(p, link) {
      last = Math.max(last, link.now, release(link.now, link));
      queue.push(p, last);
      if (queue.packets === 1) link.wakeAt(last);
    },
    wake(link) {
      while (queue.since <= link.now) queue.send(link);
      link.wakeAt(queue.since);
    },
  };
}

/**
 * Delays packets and keeps the order of each flow, both directions together: a packet never leaves before one that came
 * earlier in its flow, and so a reply is never seen before its request. That adds to the delays drawn: where packets follow
 * each other faster than the delays vary, all wait for the slowest before them.
 * The defaults are our choice: 50 ms on average and 100 ms at most (uniform, batch) stay below the 150 ms one way that
 * ITU-T G.114 calls good for conversation.
 */
export default defineDefense({
  name: 'jitter',
  summary: 'Delays each packet by chance, or to the next multiple of a quantum, and keeps the order within a flow.',
  source: 'distributions and defaults are our choice',
  scope: 'flow',
  removedAt: 'nowhere',
  parameters,
  neutral: { delay: 0 },
  create: (given) => createDelayLine(releaseOf(given)),
});
