import { z } from 'zod';
import { frameSize, homeOrDevice } from '../src/shaping/kit/link-padding.js';
import { createSlots } from '../src/shaping/kit/slots.js';
import { defineDefense } from '../src/shaping/shaper.js';

const parameters = z.object({
  per: homeOrDevice('one stream of frames for the whole home, or one per device'),
  size: frameSize(1500, 'bytes of every frame'),
  interval: z
    .number()
    .min(0.001)
    .max(60)
    .default(0.01)
    .describe('seconds from one frame to the next, in each direction'),
});

/**
 * Independent link padding: from the first packet to the end of the input one frame in each direction every `interval`, with
 * the packet that has waited longest or, where none waits, with cover. Times, lengths and directions then depend on nothing
 * but the first packet and the end; after the end it goes on only until nothing waits. The default, 150 kB/s each way, is
 * our choice; Apthorpe et al. (arXiv 1708.05044) found 40 kB/s enough in their home.
 *
 * An attack is left with one answer for each direction. Where devices differ in how much they receive and send, that may be right a
 * little more often than one for both, the majority rate, since only real packets are scored.
 *
 * Limits: what comes faster than `size` per `interval` waits as long as it takes, and nothing is dropped, so a rate below
 * that of the home delays without bound. Frames are no tunnel: each bears the port and flow of its packet, and cover
 * those of the packet that arrived last, which an observer under NAPT sees; put it before the vpn view, or `vpn`, to hide
 * them. `per=device` hides what a device does from an observer who tells devices apart anyway; who sees the streams of all
 * devices in one tunnel can tell them by their phase. In a tunnel a `size` of 1500 makes two packets of each frame, 1434 one.
 */
export default defineDefense({
  name: 'constant-rate',
  summary: 'Frames of one size at a constant rate in both directions, always: cover where nothing waits.',
  source: 'independent link padding: Apthorpe et al., PETS 2019 (arXiv 1812.00955); defaults are our choice',
  scope: ({ per }) => per,
  removedAt: 'tunnel end',
  parameters,
  create: ({ size, interval }) =>
    createSlots({
      size,
      interval: [interval, interval],
      first: 0,
      goesOn: (_, waiting, closed) => waiting > 0 || !closed,
    }),
});
