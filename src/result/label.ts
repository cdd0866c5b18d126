import { basename, resolve } from 'node:path';
import type { ResolvedSpec } from './spec.js';

/** Names a setting of a study in a few words; gap, mix, window and link only where they are not the usual ones. */
export function labelOf({ data, split, view, mix, window, capacity, unknown, live }: ResolvedSpec): string {
  const source =
    data.kind === 'synthetic'
      ? `synthetic ${data.hours} h`
      : data.paths.map((path) => basename(resolve(path))).join(', ');
  const parts = [source, view.label];
  if (live) parts.push('live');
  if (split.gap !== undefined) parts.push(`gap ${split.gap} h`);
  if (mix !== 'home') parts.push(mix);
  if (window !== 100) parts.push(`window ${window}`);
  if (capacity !== null) parts.push(`${capacity / 1e6} Mbit/s`);
  if (unknown !== undefined) parts.push(`${typeof unknown === 'number' ? unknown : unknown.join(', ')} unknown`);
  return parts.join(' ');
}
