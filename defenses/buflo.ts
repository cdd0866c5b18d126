import { z } from 'zod';
import { createSlots, frameSize } from '../src/shaping/kit/slots.js';
import { defineDefense } from '../src/shaping/shaper.js';
import { seconds } from '../src/shared/units.js';

/** BuFLO, the Buffered Fixed-Length Obfuscator. The defaults are the strongest of the published parameters. */
export default defineDefense({
  name: 'buflo',
  summary: 'While there is activity, and for a minimum time: frames of one size at a constant rate in both directions.',
  source: 'Dyer et al., S&P 2012, section VI; countermeasures/Folklore.py of its published code',
  scope: ['home', 'device'],
  removedAt: 'tunnel end',
  parameters: z.object({
    size: frameSize(1500, 'of every frame (d); published: 1000, 1250, 1500'),
    interval: seconds([0.002, 1], 0.02, 'from one frame to the next, in each direction (rho); published: 0.02, 0.04'),
    duration: seconds([0, 120], 10, 'that an activity lasts at least (tau); published: 0, 5, 10'),
  }),
  create({ size, interval, duration }) {
    // Less a rounding error: where interval divides duration, the last frame of an idle activity is at duration itself.
    const slots = Math.ceil(duration / interval - 1e-9) + 1;
    return createSlots({
      size,
      interval: [interval, interval],
      first: 0,
      goesOn: (sent, waiting) => waiting > 0 || sent < slots,
    });
  },
});
