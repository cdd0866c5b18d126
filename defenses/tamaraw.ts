import { z } from 'zod';
import { frameSize, homeOrDevice } from '../src/shaping/kit/link-padding.js';
import { createSlots } from '../src/shaping/kit/slots.js';
import { defineDefense } from '../src/shaping/shaper.js';

const parameters = z.object({
  per: homeOrDevice(),
  size: frameSize(750, 'bytes of every frame'),
  outbound: z
    .number()
    .min(0.002)
    .max(0.2)
    .default(0.04)
    .describe('seconds from one frame to the next, from the home to the Internet'),
  inbound: z
    .number()
    .min(0.002)
    .max(0.2)
    .default(0.012)
    .describe('seconds from one frame to the next, from the Internet to the home'),
  multiple: z
    .int()
    .min(1)
    .max(10_000)
    .default(100)
    .describe('L: the frames of an activity in each direction are a multiple of this'),
});

/**
 * Tamaraw: during an activity one frame of `size` leaves every `outbound` and every `inbound` seconds, with what waits or with
 * cover, and at its end each direction goes on with cover to the next multiple of L frames. It was defined for the load of a
 * web page; on the endless traffic of a home an activity begins with a packet that arrives while there is none (the first
 * frame of each direction follows after one interval, as in the published code), and a direction stops at its first slot
 * that finds its frames a multiple of L, at least L, and nothing waiting in either direction. When both have stopped, the
 * activity is over; a packet that comes before that makes a direction that has stopped take up its slots again, at the
 * times at which they would have been.
 *
 * Limits: when activities begin, and of how many times L frames they are, is seen; that is what the published bound on the
 * attacker counts. A packet of the original is a frame of one packet here, or of a part of one: short packets do not share
 * a frame, and `size` is half of BuFLO's. The published code adds a random number of further L to each total; we do not.
 * Frames are no tunnel: ports stay visible under NAPT, and cover bears that of the packet that arrived last; put it before
 * the vpn view, or `vpn`, to hide all but times and lengths.
 */
export default defineDefense({
  name: 'tamaraw',
  summary: 'While there is activity: frames of one size at a constant rate for each direction, in multiples of L.',
  source: 'Cai et al., CCS 2014; tamaraw.py of its published code for the rates and L',
  scope: ({ per }) => per,
  removedAt: 'tunnel end',
  parameters,
  create: ({ size, inbound, outbound, multiple }) =>
    createSlots({
      size,
      interval: [inbound, outbound],
      first: 1,
      goesOn: (sent, waiting) => waiting > 0 || sent === 0 || sent % multiple !== 0,
    }),
});
