import { labelOf } from '../result/label.js';
import type { ResolvedSpec, StudyResult } from '../result/result.js';
import { describeEnvironment, describeTool } from './environment.js';
import { describeRefusal, type RunOptions, runAll } from './run.js';

/**
 * Runs every setting of a study. See {@link runAll}.
 * @throws HomeveilError of the first setting, where none could be run
 */
export async function runStudy(
  { name, warnings = [] }: Pick<StudyResult, 'name' | 'warnings'>,
  specs: readonly ResolvedSpec[],
  options: RunOptions,
): Promise<StudyResult> {
  const attempts = await runAll(specs, options);
  const runs = attempts.flatMap(({ result }) => result ?? []);
  const refused = attempts.flatMap((attempt) => (attempt.result ? [] : [attempt]));
  if (runs.length === 0) throw refused[0]!.error;
  const failures = refused.map(({ spec, error }) => ({ setting: labelOf(spec), message: error.message }));
  return {
    schemaVersion: 1,
    kind: 'study',
    name,
    tool: describeTool(),
    environment: describeEnvironment(),
    runs,
    ...(failures.length > 0 && { failures }),
    warnings: [...warnings, ...failures.map(describeRefusal)],
  };
}
