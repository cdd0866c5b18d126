import { z } from 'zod';
import { createPast } from '../src/shaping/kit/past.js';
import { createQueue } from '../src/shaping/kit/queue.js';
import { createTasks, type Task } from '../src/shaping/kit/tasks.js';
import { defineDefense, type Link } from '../src/shaping/shaper.js';
import { rate, seconds, share } from '../src/shared/units.js';
import { NO_DEVICE } from '../src/trace/trace.js';

/** Slots of a period: rounded down, so that periods decided on one after another never pile up. */
const slotsOf = (period: number, rate: number): number => Math.floor(period * rate + 1e-9);

/** Stochastic traffic padding: real packets start padded periods, and at each decision, with probability q, so does chance. */
export default defineDefense({
  name: 'stp',
  summary: 'Stochastic traffic padding: real packets leave in padded periods, and some periods are all cover.',
  source: 'Apthorpe et al., PETS 2019 (arXiv 1812.00955), stochastic traffic padding',
  scope: ['device', 'home'],
  removedAt: 'tunnel end',
  notLive:
    'it decides on padded periods for both directions at once; each end would decide by itself, and a period of one end alone would show as cover',
  parameters: z
    .object({
      period: seconds([0.05, 30], 1, 'of a padded period, and from one decision to the next (T)'),
      rate: rate('packets a second', [1, 1000], 100, 'in a padded period, both directions together (R)'),
      probability: share(0.1, 'of decisions that start a padded period without a real packet (q)'),
    })
    .refine(({ period, rate }) => slotsOf(period, rate) >= 1, {
      error: ({ input }) => {
        const { period, rate } = input as { period: number; rate: number };
        return `rate: expected at least 1 packet in a period of ${period} s, found ${rate} a second`;
      },
    }),
  create({ per, period, rate, probability }) {
    const slots = slotsOf(period, rate);
    const queue = createQueue();
    const past = createPast();
    const tasks = createTasks();
    let isBegun = false;
    let isClosed = false;
    /** The number of slots of the running period; 0 outside of one. */
    let slotsToRun = 0;

    /** Starts a period, or prolongs the one that runs. */
    const pad = (now: number): void => {
      if (slotsToRun === 0) tasks.add(sendSlots(), now);
      slotsToRun += slots;
    };

    function* sendSlots(): Task {
      const start = tasks.link.now;
      for (let slot = 0; ; slot++) {
        yield start + slot / rate;
        if (slot === slotsToRun && queue.packets > 0) slotsToRun += slots;
        if (slot === slotsToRun) break;
        if (!queue.send(tasks.link)) cover(tasks.link);
      }
      slotsToRun = 0;
    }

    const cover = (link: Link): void => {
      const like = past.drawAny(link.rng);
      if (like) link.cover(like.direction, like.length, per === 'home' ? { ...like, device: NO_DEVICE } : like);
    };

    function* decide(): Task {
      const { now: origin, rng } = tasks.link;
      for (let decision = 1; ; decision++) {
        const boundary = origin + decision * period;
        yield boundary;
        if (isClosed) return;
        if (rng.uniform() < probability) tasks.add(padAt(boundary + period * rng.uniform()), boundary);
      }
    }

    function* padAt(time: number): Task {
      yield time;
      if (!isClosed) pad(time);
    }

    return {
      packet(p, link) {
        past.remember(p);
        queue.push(p);
        if (!isBegun) tasks.add(decide(), link.now);
        isBegun = true;
        if (slotsToRun > 0) return;
        pad(link.now);
        tasks.run(link);
      },
      wake: tasks.run,
      close(link) {
        isClosed = true;
        if (slotsToRun === 0) link.wakeAt(Number.POSITIVE_INFINITY);
      },
    };
  },
});
