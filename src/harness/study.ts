import { describeEnvironment, describeTool } from './environment.js';
import type { ResolvedSpec, StudyResult } from './result.js';
import { type RunOptions, runAll } from './run.js';

/** Runs every setting of a study. See {@link runAll}. */
export async function runStudy(
  { name, warnings }: Pick<StudyResult, 'name' | 'warnings'>,
  specs: readonly ResolvedSpec[],
  options: RunOptions,
): Promise<StudyResult> {
  const runs = await runAll(specs, options);
  const environment = describeEnvironment();
  return { schemaVersion: 1, kind: 'study', name, tool: describeTool(), environment, runs, warnings };
}
