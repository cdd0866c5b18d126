import { z } from 'zod';
import { outsideGateway } from '../src/view/nat.js';
import { defineView } from '../src/view/view.js';

export default defineView({
  name: 'napt',
  summary: 'Outside the gateway: only what crosses it, all from one address, source ports rewritten.',
  source: 'Dong et al., arXiv 1909.00104',
  parameters: z.object({}),
  perDevice: false,
  select: outsideGateway,
  live: () => 'outside',
});
