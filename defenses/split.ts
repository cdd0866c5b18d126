import { z } from 'zod';
import { headersOfPart } from '../src/shaping/kit/parts.js';
import { defineDefense } from '../src/shaping/shaper.js';
import { Protocol } from '../src/trace/trace.js';

/** The longest frame there is: an IP packet of 65,535 bytes behind an Ethernet header. */
const LONGEST = 65_549;

const parameters = z.object({
  over: z.int().min(64).max(LONGEST).default(300).describe('frames of more bytes than this are cut'),
  least: z.int().min(64).max(LONGEST).default(100).describe('bytes of the shortest frame that cutting leaves'),
});

/**
 * Cuts long packets into frames of random lengths, which leave at once, one behind the other. The length of each is uniform
 * between `least` and what is left; should less than another frame of `least` then be left, it takes that too, so a packet may stay
 * whole by chance. Every frame but the first repeats the headers, which is what this costs; nothing is padded.
 * The paper cuts TCP segments at their sender; we cut other IP packets too, into fragments. Both sizes are our choice. Real TCP
 * would acknowledge more often, and a path may lose fragments: neither is modelled.
 */
export default defineDefense({
  name: 'split',
  summary: 'Cuts long packets into frames of random lengths, without padding.',
  source: 'Alyami et al., "Random Segmentation", Electronics 12(18), 2023; sizes are our choice',
  scope: 'home',
  removedAt: 'nowhere',
  parameters,
  neutral: { over: LONGEST },
  create: ({ over, least }) => ({
    packet(p, link) {
      if (p.length <= over || (p.protocols & Protocol.IP) === 0) return link.send(p, p.length);
      const headers = headersOfPart(p);
      const fewest = Math.max(1, least - headers);
      let rest = p.length - headers;
      if (rest < 2 * fewest) return link.send(p, p.length);
      // What the first part has in front is of the packet itself.
      for (let own = headers; rest > 0; own = 0) {
        let part = link.rng.integer(fewest, rest);
        if (rest - part < fewest) part = rest;
        link.send(p, headers + part, own + part);
        rest -= part;
      }
    },
  }),
});
