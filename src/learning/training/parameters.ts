import { z } from 'zod';

/** Parameters of every attack that trains in rounds; see Length in schedule.ts. */
export const epochs = z
  .int()
  .min(0)
  .max(1000)
  .default(0)
  .describe('passes over the training windows, at most; 0 for as many as `steps` take, and at least 15');

export const patience = z
  .int()
  .min(0)
  .max(1000)
  .default(0)
  .describe('epochs without a better validation score before the end; 0 for a third of all');
