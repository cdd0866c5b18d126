import type { IngestReport, SkippedFile } from '../packets.js';

const SKIPPED_NAMED = 3;

/** Lists the problems met in reading, one line each; files in folders that are not read share one line. */
export function problemsOf({ files, skipped }: IngestReport): string[] {
  const problems = files.flatMap((file) => file.problems);
  return skipped.length === 0 ? problems : [...problems, `not read: ${describeSkipped(skipped)}`];
}

/** `5 files: notes.txt (text), ... and 2 more`. */
export function describeSkipped(skipped: readonly SkippedFile[]): string {
  const named = skipped.slice(0, SKIPPED_NAMED).map(({ path, reason }) => `${path} (${reason})`);
  const rest = skipped.length - named.length;
  const count = `${skipped.length} ${skipped.length === 1 ? 'file' : 'files'}`;
  return `${count}: ${named.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
