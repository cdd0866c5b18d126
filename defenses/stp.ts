import { z } from 'zod';
import { createPast } from '../src/shaping/kit/past.js';
import { createQueue } from '../src/shaping/kit/queue.js';
import { defineDefense, type Link } from '../src/shaping/shaper.js';
import { NO_DEVICE } from '../src/trace/trace.js';

const parameters = z
  .object({
    per: z
      .enum(['device', 'home'])
      .default('device')
      .describe('periods of each device for itself, or of the whole home'),
    period: z
      .number()
      .min(0.05)
      .max(30)
      .default(1)
      .describe('T: seconds of a padded period, and from one decision to the next'),
    rate: z
      .number()
      .min(1)
      .max(1000)
      .default(100)
      .describe('R: packets a second in a padded period, both directions together'),
    probability: z
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .describe('q: of a padded period without a real packet, at each decision'),
  })
  .refine(({ period, rate }) => slotsOf(period, rate) >= 1, {
    error: ({ input }) => {
      const { period, rate } = input as { period: number; rate: number };
      return `rate: expected at least 1 packet in a period of ${period} s, found ${rate} a second`;
    },
  });

/** Slots of a period: rounded down, so that periods decided on one after another never pile up. */
function slotsOf(period: number, rate: number): number {
  return Math.floor(period * rate + 1e-9);
}

const NEVER = Number.POSITIVE_INFINITY;

/**
 * Stochastic traffic padding. A padded period has T R slots, 1 / R apart; in each leaves the real packet that has waited
 * longest or, where none waits, cover with the length, direction, port and flow of one of the last packets of the device (or
 * home), drawn by chance. A real packet that arrives outside a period starts one. Every T, counted from the first packet,
 * with probability q, one starts at a time uniform over the coming T; if a period runs then, it is prolonged by T. So is one
 * at whose end a real packet still waits. When the input has ended, nothing more is decided and the running period ends.
 *
 * Whoever sees a period start in a T learns that something really happened in it with probability p / (p + (1 - p) q),
 * where p is the share of T in which something does. That is a bound on telling events from cover by the times of periods
 * only: real packets keep their lengths, in their order, which cover drawn one by one does not imitate. Without a tunnel
 * ports stay visible, too. Outside periods nothing is sent, so a device that is never silent is always in one.
 */
export default defineDefense({
  name: 'stp',
  summary: 'Stochastic traffic padding: real packets leave in padded periods, and some periods are all cover.',
  source: 'Apthorpe et al., PETS 2019 (arXiv 1812.00955), stochastic traffic padding',
  scope: ({ per }) => per,
  removedAt: 'tunnel end',
  notLive:
    'it decides on padded periods for both directions at once; each end would decide by itself, and a period of one end alone would show as cover',
  parameters,
  create({ per, period, rate, probability }) {
    const slots = slotsOf(period, rate);
    const queue = createQueue();
    const past = createPast();
    // Decisions: when the first was or would have been, number and time of the next, and of the period decided upon.
    let origin = Number.NaN;
    let decision = 0;
    let boundary = NEVER;
    let decided = NEVER;
    // The running period: its start, the number of its next slot and of its end, the time of the next slot (or of the end).
    let start = Number.NaN;
    let slot = 0;
    let end = 0;
    let due = NEVER;

    const pad = (now: number): void => {
      if (due === NEVER) {
        start = now;
        slot = 0;
        end = slots;
        due = now;
      } else {
        end += slots;
      }
    };

    const decide = (link: Link): void => {
      if (link.rng.uniform() < probability) decided = boundary + period * link.rng.uniform();
      boundary = origin + ++decision * period;
    };

    const useSlot = (link: Link): void => {
      if (slot === end && queue.packets > 0) end += slots;
      if (slot === end) {
        due = NEVER;
        return;
      }
      if (!queue.send(link)) {
        // Where nothing but oversized frames has passed there is nothing that cover could look like.
        const like = past.drawAny(link.rng);
        if (like) link.cover(like.direction, like.length, per === 'home' ? { ...like, device: NO_DEVICE } : like);
      }
      due = start + ++slot / rate;
    };

    return {
      packet(p, link) {
        past.remember(p);
        queue.push(p);
        if (decision === 0) {
          origin = link.now;
          boundary = origin + ++decision * period;
        }
        if (due !== NEVER) return;
        pad(link.now);
        link.wakeAt(due);
      },
      wake(link) {
        const { now } = link;
        if (boundary <= now) decide(link);
        if (decided <= now) {
          decided = NEVER;
          pad(now);
        }
        if (due <= now) useSlot(link);
        link.wakeAt(Math.min(boundary, decided, due));
      },
      close(link) {
        boundary = NEVER;
        decided = NEVER;
        link.wakeAt(due);
      },
    };
  },
});
