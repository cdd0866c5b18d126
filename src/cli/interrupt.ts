/** What Ctrl-C ends instead of the process, while there is something. */
let running: AbortController | null = null;

/**
 * Ends the process on SIGINT and SIGTERM by way of its 'exit' handlers, which remove unfinished files; by default a signal skips
 * them.
 */
export function handleSignals(): void {
  process.on('SIGINT', () => {
    if (running && !running.signal.aborted) running.abort(new Interrupted());
    else process.exit(130);
  });
  process.on('SIGTERM', () => process.exit(143));
}

/** Runs `work` with a signal that the first Ctrl-C aborts; a second one ends the process. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  running = new AbortController();
  try {
    return await work(running.signal);
  } finally {
    running = null;
  }
}

/** The reason of an aborted signal. */
export class Interrupted extends Error {}
