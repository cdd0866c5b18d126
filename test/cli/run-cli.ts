import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

/** Runs the real command line in a process of its own. */
export function homeveil(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return { status, stdout, stderr };
}

/** The same, not waited for. */
export function startHomeveil(...args: string[]) {
  return spawn(process.execPath, [main, ...args], { stdio: 'ignore' });
}

/** The same, with what it prints so far. */
export const watchHomeveil = (...args: string[]) => watchHomeveilWith({}, ...args);

/** The same, with more in its environment. */
export function watchHomeveilWith(environment: NodeJS.ProcessEnv, ...args: string[]) {
  const env = { ...process.env, ...environment };
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env });
  const printed = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    printed.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    printed.stderr += chunk;
  });
  return { child, printed };
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'homeveil-test-'));
}
