import { z } from 'zod';
import { createQueue } from '../src/shaping/kit/queue.js';
import { defineDefense, type Link } from '../src/shaping/shaper.js';
import { choice, seconds } from '../src/shared/units.js';

const parameters = z.object({
  distribution: choice(
    ['uniform', 'normal', 'exponential', 'laplace', 'batch'],
    'of the delay; batch: packets leave at the next multiple of quantum',
  ),
  delay: seconds([0, 3600], 0.05, 'of delay in the mean; uniform: between 0 and twice that'),
  deviation: seconds([0, 3600], 0.02, 'of standard deviation (normal, laplace); a negative delay becomes 0'),
  quantum: seconds([0, 3600], 0.1, 'from one release to the next (batch)'),
});

type Given = z.output<typeof parameters>;

/** When a packet that arrives at `now` should leave, in seconds. */
const RELEASE: Record<Given['distribution'], (given: Given, now: number, link: Link) => number> = {
  uniform: ({ delay }, now, { rng }) => now + 2 * delay * rng.uniform(),
  normal: ({ delay, deviation }, now, { rng }) => now + rng.normal(delay, deviation),
  exponential: ({ delay }, now, { rng }) => now + rng.exponential(delay),
  laplace: ({ delay, deviation }, now, { rng }) => now + rng.laplace(delay, deviation / Math.SQRT2),
  batch: ({ quantum }, now) => (quantum === 0 ? now : Math.ceil(now / quantum) * quantum),
};

/** No packet leaves before one that came earlier in its flow, in either direction: a reply never precedes its request. */
export default defineDefense({
  name: 'jitter',
  summary: 'Delays each packet by chance, or to the next multiple of a quantum, and keeps the order within a flow.',
  source: 'distributions and defaults are our choice',
  scope: 'flow',
  removedAt: 'nowhere',
  parameters,
  neutral: { delay: 0 },
  create(given) {
    const queue = createQueue();
    let last = Number.NEGATIVE_INFINITY;
    return {
      packet(p, link) {
        last = Math.max(last, link.now, RELEASE[given.distribution](given, link.now, link));
        queue.push(p, last);
        if (queue.packets === 1) link.wakeAt(last);
      },
      wake(link) {
        while (queue.since <= link.now) queue.send(link);
        link.wakeAt(queue.since);
      },
    };
  },
});
