import { z } from 'zod';
import { createPast } from '../src/shaping/kit/past.js';
import { defineDefense } from '../src/shaping/shaper.js';

/**
 * Cover at a rate of its own, whatever the device does. Each cover packet is a copy of one of the last 256 of the device in each
 * direction, in all that an observer sees: length, direction, port, protocols, flow. So cover of a quiet device looks like
 * what it sent last, also in connections that are closed by then, which an observer who follows TCP can tell. `timing=fixed`
 * shows in the intervals. Begins with a device's first packet and ends with the input.
 */
export default defineDefense({
  name: 'dummy',
  summary: "Adds cover to each device at a Poisson or a fixed rate, drawn from the device's own past packets.",
  source: 'dummy packets as in Dyer et al., S&P 2012, section III; rates are our choice',
  scope: 'device',
  removedAt: 'tunnel end',
  parameters: z.object({
    rate: z.number().min(0).max(100).default(1).describe('cover packets a second for each device'),
    timing: z
      .enum(['poisson', 'fixed'])
      .default('poisson')
      .describe('intervals: poisson: exponential; fixed: all of 1/rate'),
  }),
  neutral: { rate: 0 },
  create({ rate, timing }) {
    const past = createPast();
    let next = Number.NEGATIVE_INFINITY;
    return {
      packet(p, link) {
        past.remember(p);
        link.send(p, p.length);
        if (rate === 0 || next > Number.NEGATIVE_INFINITY) return;
        // A phase by chance: devices that begin together must not send cover together.
        next = link.now + (timing === 'fixed' ? link.rng.uniform() / rate : link.rng.exponential(1 / rate));
        link.wakeAt(next);
      },
      wake(link) {
        const like = past.drawAny(link.rng);
        if (like) link.cover(like.direction, like.length, like);
        next += timing === 'fixed' ? 1 / rate : link.rng.exponential(1 / rate);
        link.wakeAt(next);
      },
      close: (link) => link.wakeAt(Number.POSITIVE_INFINITY),
    };
  },
});
