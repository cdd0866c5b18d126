import { Worker } from 'node:worker_threads';
import { END_SIGNALS, type EndSignal, type InterruptOptions } from './interrupt.js';

/**
 * Commands that compute for seconds or hours without a pause: they run in a thread of their own, so that this one, to which alone Node
 * hands signals, is always free to obey. Commands that wait (for packets, visitors, keys) run in the main thread.
 */
const SUPERVISED: ReadonlySet<string> = new Set([
  'bench',
  'check',
  'defend',
  'fidelity',
  'home',
  'identify',
  'inspect',
  'replay',
  'report',
  'train',
]);

export function isSupervised(argv: readonly string[]): boolean {
  return SUPERVISED.has(argv.find((argument) => !argument.startsWith('-')) ?? '');
}

/** Milliseconds that the thread has to end in order once it is told of a signal, or to answer that it will. */
const GRACE = 300;

/** A message from the thread: what a signal aborts from now on, or that the thread has heard of one and is ending. */
export type FromThread = { readonly running: InterruptOptions | null } | { readonly heard: true };

export interface ThreadData {
  readonly argv: readonly string[];
  /** Properties of the terminal, which a thread does not see. */
  readonly streams: Readonly<Record<'stdout' | 'stderr', { readonly isTTY: boolean; readonly columns?: number }>>;
}

/**
 * Runs a command line in a thread, and ends it within a second of the first SIGINT or SIGTERM, whatever it does then: a command that
 * can save or clean up (see interruptible) has the time for it that it asked for, if it answers at all.
 * @returns the exit code
 */
export function supervise(argv: readonly string[]): Promise<number> {
  const { stdout, stderr } = process;
  const workerData: ThreadData = {
    argv,
    streams: {
      stdout: { isTTY: stdout.isTTY, columns: stdout.columns },
      stderr: { isTTY: stderr.isTTY, columns: stderr.columns },
    },
  };
  const worker = new Worker(new URL('./supervised.js', import.meta.url), { argv: [...argv], workerData });
  let running: InterruptOptions | null = null;
  let hasHeard = false;
  let isEnding = false;

  /**
   * Without a handler the signal ends the process, whatever its threads do. To terminate a thread instead would not interrupt native code,
   * and ONNX Runtime aborts the process when it is cut off within its own.
   */
  const force = (name: EndSignal): void => {
    process.removeAllListeners(name);
    process.kill(process.pid, name);
  };

  for (const name of END_SIGNALS) {
    process.on(name, () => {
      const { on = ['SIGINT'], patience, heard } = running ?? {};
      const isAborted = running !== null && !isEnding && on.includes(name);
      worker.postMessage(name);
      // The second signal ends all at once; the first gives time, unless there is nothing to abort or no answer.
      const time = isEnding ? 0 : ((isAborted ? patience : undefined) ?? GRACE);
      const isTrusted = () => isAborted && patience === undefined && hasHeard;
      setTimeout(() => isTrusted() || force(name), time).unref();
      if (isAborted && heard !== undefined) stderr.write(`homeveil: ${heard}\n`);
      isEnding = true;
    });
  }

  return new Promise((resolve, reject) => {
    worker.on('message', (message: FromThread) => {
      if ('running' in message) ({ running } = message);
      else hasHeard = true;
    });
    worker.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ERR_WORKER_OUT_OF_MEMORY') return reject(error);
      console.error(
        'homeveil: out of memory; expected less data, or more room for Node (NODE_OPTIONS=--max-old-space-size=8000, in MB)',
      );
      resolve(1);
    });
    worker.once('exit', resolve);
  });
}
