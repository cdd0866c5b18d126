/** Helpers of benchmarks that pass arrays to Python. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeNpy } from '../src/shared/npy.js';

/** Ends the process, saying why, where `python` cannot import all of `modules`. */
export function requireModules(python: string, modules: readonly string[]): void {
  const { error, status, stderr } = spawnSync(python, ['-c', `import ${modules.join(', ')}`], { encoding: 'utf8' });
  if (error === undefined && status === 0) return;
  console.error(`${python}: ${error?.message ?? stderr.trim().split('\n').at(-1)}`);
  process.exit(1);
}

/** A temporary folder that is removed when the process ends, also by a signal. */
export function makeFolder(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
  return folder;
}

/** Writes an array as {@link encodeNpy} has it. */
export function writeNpy(path: string, ...array: Parameters<typeof encodeNpy>): void {
  writeFileSync(path, encodeNpy(...array));
}
