import { z } from 'zod';
import { defineDefense } from '../src/shaping/shaper.js';

export default defineDefense({
  name: 'none',
  summary: 'Forwards every packet as it is.',
  source: 'the baseline',
  scope: 'home',
  removedAt: 'nowhere',
  parameters: z.object({}),
  neutral: {},
  create: () => ({
    packet: (p, link) => link.send(p, p.length),
  }),
});
