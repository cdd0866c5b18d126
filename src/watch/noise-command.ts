import { type ChildProcess, spawn } from 'node:child_process';
import type { NoiseSwitch } from './comparison.js';

/** Milliseconds from SIGINT to SIGTERM, and from SIGTERM to SIGKILL. */
const PATIENCE = 5000;

/** Switches noise by running a shell command. It is stopped by SIGINT, then SIGTERM and SIGKILL if it does not end. */
export function createNoiseCommand(command: string): NoiseSwitch {
  let child: ChildProcess | null = null;
  let ended: Promise<void> = Promise.resolve();
  let failure: string | null = null;
  let isStopping = false;
  /** Signals the shell and everything it started, which form a process group of their own. */
  const signal = (name: NodeJS.Signals): void => {
    if (child?.pid === undefined) return;
    try {
      process.kill(-child.pid, name);
    } catch {
      // It has ended.
    }
  };
  process.on('exit', () => signal('SIGKILL'));
  return {
    get failure() {
      return failure;
    },
    start() {
      if (child !== null) return;
      failure = null;
      isStopping = false;
      const started = spawn('/bin/sh', ['-c', command], { stdio: 'ignore', detached: true });
      child = started;
      ended = new Promise((resolve) => {
        started.once('error', ({ message }) => {
          failure = `the noise command cannot be run: ${message}`;
          child = null;
          resolve();
        });
        started.once('close', (code, name) => {
          if (!isStopping) failure = `the noise command ended early, with ${name ?? `exit code ${code}`}: ${command}`;
          child = null;
          resolve();
        });
      });
    },
    async stop() {
      if (child === null) return;
      isStopping = true;
      signal('SIGINT');
      const timers = [setTimeout(() => signal('SIGTERM'), PATIENCE), setTimeout(() => signal('SIGKILL'), 2 * PATIENCE)];
      await ended;
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
