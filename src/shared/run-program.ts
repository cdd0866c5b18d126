import { type ChildProcess, spawn } from 'node:child_process';
import { InputError, oneLine, UsageError } from './errors.js';

/** Programs that run now, which must not outlive this process. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) signalGroup(child, 'SIGKILL');
});

/** Milliseconds from SIGTERM to SIGKILL, and from a program's end to that of reading what it says. */
const PATIENCE = 500;

/** Characters kept of what a program writes to stderr, and of that in a message. */
const KEPT = 4000;
const SHOWN = 300;

export interface ProgramOptions {
  /** Seconds that it may take. */
  readonly limit: number;
  /** Ends the program, and what it started, within a second. */
  readonly signal?: AbortSignal;
}

/**
 * Splits a command line at white space; '...' and "..." hold words together. There is no shell: nothing else has a meaning.
 * @throws UsageError for a quote without an end
 */
export function splitWords(line: string): string[] {
  const words = line.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+|["']/g) ?? [];
  return words.map((word) => {
    if (word === '"' || word === "'") throw new UsageError(`"${line}": expected ${word} to be closed`);
    return word.replaceAll(/"([^"]*)"|'([^']*)'/g, '$1$2');
  });
}

/**
 * Runs a program to its end, in the current folder and without a shell. What it writes to stdout is dropped.
 * @throws InputError in one line, with the last line of stderr: where it cannot be started, takes too long, or ends otherwise than with
 * exit code 0; the signal's reason, once aborted
 */
export async function runProgram(words: readonly string[], { limit, signal }: ProgramOptions): Promise<void> {
  signal?.throwIfAborted();
  const [program, ...args] = words as [string, ...string[]];
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], detached: process.platform !== 'win32' });
  running.add(child);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-KEPT);
  });
  let isLate = false;
  let killer: NodeJS.Timeout | undefined;
  const stop = () => {
    signalGroup(child, 'SIGTERM');
    killer ??= setTimeout(() => signalGroup(child, 'SIGKILL'), PATIENCE);
  };
  const clock = setTimeout(() => {
    isLate = true;
    stop();
  }, limit * 1000);
  signal?.addEventListener('abort', stop);
  try {
    const end = await new Promise<string | null>((resolve) => {
      child.once('error', ({ message }) => resolve(`cannot be started: ${message}`));
      child.once('exit', () => {
        // Processes that it has left running would keep its stderr open.
        signalGroup(child, 'SIGKILL');
        setTimeout(() => child.stderr.destroy(), PATIENCE).unref();
      });
      child.once('close', (code, name) => resolve(code === 0 ? null : `ended with ${name ?? `exit code ${code}`}`));
    });
    signal?.throwIfAborted();
    const problem = isLate ? `was ended after ${limit} s` : end;
    if (problem !== null) throw new InputError(`${program} ${problem}${lastLine(said)}`);
  } finally {
    clearTimeout(clock);
    clearTimeout(killer);
    signal?.removeEventListener('abort', stop);
    running.delete(child);
  }
}

/** Signals a program and what it started, which form a process group of their own. */
function signalGroup(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    // Windows has no process groups.
    if (process.platform === 'win32') child.kill(name);
    else process.kill(-child.pid, name);
  } catch {
    // It has ended.
  }
}

function lastLine(said: string): string {
  const last = said.trimEnd().split('\n').at(-1)!;
  const text = oneLine(last).slice(0, SHOWN);
  return text === '' ? '' : `: ${text}`;
}
