import { totalmem } from 'node:os';
import { constrainedMemory } from 'node:process';

/** Bytes that the process may take unless told: 70 % of what the machine, or the container, has. */
export function defaultMemory(): number {
  // 0 or a number beyond all bounds where there is no limit.
  const limit = constrainedMemory();
  return 0.7 * (limit > 0 ? Math.min(limit, totalmem()) : totalmem());
}
