import { z } from 'zod';
import { createPast } from '../src/shaping/kit/past.js';
import { defineDefense } from '../src/shaping/shaper.js';
import { choice, rate } from '../src/shared/units.js';

/** Each cover packet copies length, direction, port, protocols and flow of one of the device's recent packets. */
export default defineDefense({
  name: 'dummy',
  summary: "Adds cover to each device at a Poisson or a fixed rate, drawn from the device's own past packets.",
  source: 'dummy packets as in Dyer et al., S&P 2012, section III; rates are our choice',
  scope: 'device',
  removedAt: 'tunnel end',
  parameters: z.object({
    rate: rate('cover packets a second', [0, 100], 1, 'for each device'),
    timing: choice(['poisson', 'fixed'], 'intervals: poisson: exponential; fixed: all of 1/rate'),
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
        // A random phase: devices that begin together must not send cover together.
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
