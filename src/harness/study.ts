import { basename, resolve } from 'node:path';
import type { Progress } from '../shared/progress.js';
import { describeEnvironment, describeTool } from './environment.js';
import type { ResolvedSpec, Result, StudyResult } from './result.js';
import { countCells, type RunOptions, runBench } from './run.js';

/** Cells of all settings together. */
export function countStudyCells(specs: readonly ResolvedSpec[]): number {
  return specs.reduce((sum, spec) => sum + countCells(spec), 0);
}

/**
 * Runs every setting of a study, one after another. With a cache in `options`, what an earlier run of the same study has finished is
 * not run again, and the result is the one that a run in a single go gives, but for the times.
 * @throws as runBench, where a whole setting fails
 */
export async function runStudy(
  name: string,
  specs: readonly ResolvedSpec[],
  options: RunOptions,
): Promise<StudyResult> {
  const total = countStudyCells(specs);
  const runs: Result[] = [];
  let before = 0;
  for (const spec of specs) {
    const onProgress = (progress: Progress) => {
      if (progress.task !== 'bench') return options.onProgress?.(progress);
      const detail = `${labelOf(spec)}: ${progress.detail ?? ''}`;
      options.onProgress?.({ ...progress, detail, done: before + progress.done, total });
    };
    runs.push(await runBench(spec, { ...options, onProgress }));
    before += countCells(spec);
  }
  return { schemaVersion: 1, kind: 'study', name, tool: describeTool(), environment: describeEnvironment(), runs };
}

/** What tells a setting from the others of its study, in a few words; mix, window and link only where they are not the usual ones. */
export function labelOf({ data, view, mix, window, capacity }: ResolvedSpec): string {
  const source =
    data.kind === 'synthetic'
      ? `synthetic ${data.hours} h`
      : data.paths.map((path) => basename(resolve(path))).join(', ');
  const parts = [source, view.label];
  if (mix !== 'home') parts.push(mix);
  if (window !== 100) parts.push(`window ${window}`);
  if (capacity !== null) parts.push(`${capacity / 1e6} Mbit/s`);
  return parts.join(' ');
}
