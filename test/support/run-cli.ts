import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format } from 'node:util';
import { vi } from 'vitest';
import { run } from '../../src/cli/commands.js';

const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real command line in a process of its own. Half a second each: for one run of each command, signals, and exits. */
export function homeveil(...args: string[]): Finished {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return { status, stdout, stderr };
}

/** The same command in this process, for all else: it loads nothing again, and runs code that is warm. */
export async function homeveilHere(...args: string[]): Promise<Finished> {
  const printed = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).flatMap((stream) => [
    vi.spyOn(console, stream === 'stdout' ? 'log' : 'error').mockImplementation((...values) => {
      printed[stream] += `${format(...values)}\n`;
    }),
    vi.spyOn(process[stream], 'write').mockImplementation((text) => {
      printed[stream] += text;
      return true;
    }),
  ]);
  const { exitCode } = process;
  process.exitCode = undefined;
  try {
    return { status: await run(args), ...printed };
  } finally {
    process.exitCode = exitCode;
    for (const spy of spies) spy.mockRestore();
  }
}

/** A process of its own that is not waited for. */
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

/** The exit code of a process as a shell gives it: its code, or 128 plus the signal that ended it. */
export async function shellCode(child: ChildProcess): Promise<number> {
  const [code, signal] = await once(child, 'close');
  return code ?? 128 + constants.signals[signal as NodeJS.Signals];
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'homeveil-test-'));
}
