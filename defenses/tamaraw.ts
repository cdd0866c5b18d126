import { z } from 'zod';
import { createSlots, frameSize } from '../src/shaping/kit/slots.js';
import { defineDefense } from '../src/shaping/shaper.js';
import { integer, seconds } from '../src/shared/units.js';

/** Tamaraw. As in the published code, the first frame of each direction follows one interval after the first packet. */
export default defineDefense({
  name: 'tamaraw',
  summary: 'While there is activity: frames of one size at a constant rate for each direction, in multiples of L.',
  source: 'Cai et al., CCS 2014; tamaraw.py of its published code for the rates and L',
  scope: ['home', 'device'],
  removedAt: 'tunnel end',
  parameters: z.object({
    size: frameSize(750),
    outbound: seconds([0.002, 0.2], 0.04, 'from one frame to the next, from the home to the Internet'),
    inbound: seconds([0.002, 0.2], 0.012, 'from one frame to the next, from the Internet to the home'),
    multiple: integer([1, 10_000], 100, 'L: the frames of an activity in each direction are a multiple of this'),
  }),
  create: ({ size, inbound, outbound, multiple }) =>
    createSlots({
      size,
      interval: [inbound, outbound],
      first: 1,
      goesOn: (sent, waiting) => waiting > 0 || sent === 0 || sent % multiple !== 0,
    }),
});
