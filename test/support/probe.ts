import { z } from 'zod';
import type { Defense, Shaper } from '../../src/shaping/shaper.js';

/** A defense for a test, for the home and without parameters unless `more` says otherwise. */
export function probe(create: () => Shaper, more: Partial<Defense> = {}): Defense {
  return {
    name: 'probe',
    summary: 'For tests.',
    source: 'this file',
    scope: 'home',
    removedAt: 'nowhere',
    parameters: z.object({}),
    create,
    ...more,
  };
}
