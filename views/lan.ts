import { z } from 'zod';
import { defineView } from '../src/view/view.js';

export default defineView({
  name: 'lan',
  summary: 'Inside the home: all frames, with the MAC address of each device.',
  source: 'the observer next door, e.g. Acar et al., arXiv 1808.02741',
  parameters: z.object({}),
  perDevice: true,
  select: (trace) => trace,
});
