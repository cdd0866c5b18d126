import { z } from 'zod';
import { frameSize, homeOrDevice } from '../src/shaping/kit/link-padding.js';
import { createSlots } from '../src/shaping/kit/slots.js';
import { defineDefense } from '../src/shaping/shaper.js';

const parameters = z.object({
  per: homeOrDevice(),
  size: frameSize(1500, 'd: bytes of every frame; published: 1000, 1250, 1500'),
  interval: z
    .number()
    .min(0.002)
    .max(1)
    .default(0.02)
    .describe('rho: seconds from one frame to the next, in each direction; published: 0.02, 0.04'),
  duration: z
    .number()
    .min(0)
    .max(120)
    .default(10)
    .describe('tau: seconds that an activity lasts at least; published: 0, 5, 10'),
});

/**
 * BuFLO, the Buffered Fixed-Length Obfuscator: during an activity one frame of `size` leaves in each direction every
 * `interval`, with what waits or with cover. It was defined for the load of a web page; on the endless traffic of a home an
 * activity begins with a packet that arrives while there is none, and its first frames leave at once. It lasts `duration`, to
 * the next slot, and ends after that at the first slot that finds nothing waiting in either direction. The next packet begins
 * another. The defaults are the strongest of the published parameters: the most bytes, for the longest time.
 *
 * Limits: when activities begin, and how long those last that take longer than `duration`, is seen (Cai et al., CCS 2012).
 * The published d is the length of an IP packet and its slots carry bytes of several packets; ours is the length of a
 * frame, of one packet or a part of one. Frames are no tunnel: ports stay visible under NAPT, and cover bears that of the
 * packet that arrived last; put it before the vpn view, or `vpn`, to hide all but times and lengths.
 */
export default defineDefense({
  name: 'buflo',
  summary: 'While there is activity, and for a minimum time: frames of one size at a constant rate in both directions.',
  source: 'Dyer et al., S&P 2012, section VI; countermeasures/Folklore.py of its published code',
  scope: ({ per }) => per,
  removedAt: 'tunnel end',
  parameters,
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
