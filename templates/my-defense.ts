import { defineDefense, type PacketRef } from 'homeveil/plugin';
import { z } from 'zod';

/**
 * Holds packets until the next tick of a clock, so that times within a tick say nothing. Replace this with what yours does, its units,
 * and its known limits. What a shaper may do, and what it must, is in docs/writing-a-defense.md.
 */
export default defineDefense({
  name: 'my-defense',
  summary: 'Holds packets until the next tick of a clock.',
  // Paper and section, or "our choice".
  source: 'our choice, an example',
  // One shaper for the whole 'home'; or one for each 'device', or for each 'flow'.
  scope: 'home',
  // The place that removes padding and cover: the 'device', the 'gateway', the 'tunnel end', or 'nowhere'.
  removedAt: 'nowhere',
  // Each parameter has a default and a description with its unit, each number both bounds: from this come the notation
  // my-defense:period=2, its error messages, and what `homeveil list` says.
  parameters: z.object({
    period: z.number().min(0).max(3600).default(0.1).describe('seconds from one tick to the next; 0: nothing is held'),
  }),
  // With these it changes nothing; leave it out where there are none.
  neutral: { period: 0 },

  /** Makes one shaper, with variables of its own. It is told of a packet when that arrives, and acts then or sets its one timer. */
  create({ period }) {
    let held: PacketRef[] = [];
    return {
      packet(p, link) {
        if (period === 0) return link.send(p, p.length);
        held.push(p);
        if (held.length === 1) link.wakeAt(Math.ceil(link.now / period) * period);
      },
      // The timer fires after the last packet too, so that nothing stays behind.
      wake(link) {
        // The second number is the length of the frame on the wire: more than p.length is padding.
        for (const p of held) link.send(p, p.length);
        held = [];
      },
    };
  },
});
