import { z } from 'zod';
import { headersOfPart } from '../src/shaping/kit/parts.js';
import { defineDefense } from '../src/shaping/shaper.js';
import { bytes } from '../src/shared/units.js';
import { Protocol } from '../src/trace/trace.js';

/** The longest frame there is: an IP packet of 65,535 bytes behind an Ethernet header. */
const LONGEST = 65_549;

/** The length of each frame is uniform between `least` and what is left; a rest shorter than `least` goes with it. */
export default defineDefense({
  name: 'split',
  summary: 'Cuts long packets into frames of random lengths, without padding.',
  source: 'Alyami et al., "Random Segmentation", Electronics 12(18), 2023; sizes are our choice',
  scope: 'home',
  removedAt: 'nowhere',
  parameters: z.object({
    over: bytes([64, LONGEST], 300, 'of a frame above which it is cut'),
    least: bytes([64, LONGEST], 100, 'of the shortest frame that cutting leaves'),
  }),
  neutral: { over: LONGEST },
  create: ({ over, least }) => ({
    packet(p, link) {
      if (p.length <= over || (p.protocols & Protocol.IP) === 0) return link.send(p, p.length);
      const headers = headersOfPart(p);
      const fewest = Math.max(1, least - headers);
      let rest = p.length - headers;
      if (rest < 2 * fewest) return link.send(p, p.length);
      // The headers of the first part are the packet's own.
      for (let own = headers; rest > 0; own = 0) {
        let part = link.rng.integer(fewest, rest);
        if (rest - part < fewest) part = rest;
        link.send(p, headers + part, own + part);
        rest -= part;
      }
    },
  }),
});
