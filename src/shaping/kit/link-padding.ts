import { z } from 'zod';
import { LARGEST_FRAME } from '../../trace/trace.js';

/** Parameters that defenses which send frames of one size have in common. */

export function homeOrDevice(description = 'one shaper for the whole home, or one per device') {
  return z.enum(['home', 'device']).default('home').describe(description);
}

export function frameSize(usual: number, description: string) {
  return z.int().min(128).max(LARGEST_FRAME).default(usual).describe(description);
}
