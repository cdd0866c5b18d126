import { z } from 'zod';
import { createSlots, frameSize } from '../src/shaping/kit/slots.js';
import { defineDefense } from '../src/shaping/shaper.js';
import { seconds } from '../src/shared/units.js';

/** Independent link padding, from the first packet to the end of the input, and on until nothing waits. */
export default defineDefense({
  name: 'constant-rate',
  summary: 'Frames of one size at a constant rate in both directions, always: cover where nothing waits.',
  source: 'independent link padding: Apthorpe et al., PETS 2019 (arXiv 1812.00955); defaults are our choice',
  scope: ['home', 'device'],
  removedAt: 'tunnel end',
  parameters: z.object({
    size: frameSize(1500),
    interval: seconds([0.001, 60], 0.01, 'from one frame to the next, in each direction'),
  }),
  create: ({ size, interval }) =>
    createSlots({
      size,
      interval: [interval, interval],
      first: 0,
      goesOn: (_, waiting, closed) => waiting > 0 || !closed,
    }),
});
