import { setMaxListeners } from 'node:events';

/** A signal that follows others, until it is released. */
interface LinkedSignal {
  readonly signal: AbortSignal;
  /** Whether its own time ran out before any source was aborted. */
  readonly isLate: boolean;
  /** Removes its listeners from the sources. Call it when nothing listens any more. */
  release(): void;
}

/**
 * Creates a signal that aborts with any of `sources`, or after `seconds`. Replaces AbortSignal.any, which in Node 20 leaves a reference
 * in each source for as long as that lives: here sources live for months.
 */
export function linkSignals(
  sources: readonly (AbortSignal | undefined)[],
  seconds = Number.POSITIVE_INFINITY,
): LinkedSignal {
  const controller = new AbortController();
  // Neither it nor its sources warn of many listeners.
  for (const one of [controller.signal, ...sources]) if (one) setMaxListeners(0, one);
  let isLate = false;
  const follow = (event: Event) => end((event.target as AbortSignal).reason);
  const timer =
    seconds < Number.POSITIVE_INFINITY
      ? setTimeout(() => {
          isLate = !controller.signal.aborted;
          end(new DOMException('too slow', 'TimeoutError'));
        }, seconds * 1000)
      : null;
  const release = () => {
    if (timer) clearTimeout(timer);
    for (const source of sources) source?.removeEventListener('abort', follow);
  };
  const end = (reason: unknown) => {
    release();
    controller.abort(reason);
  };
  for (const source of sources) {
    if (source?.aborted) {
      end(source.reason);
      break;
    }
    source?.addEventListener('abort', follow, { once: true });
  }
  return {
    signal: controller.signal,
    get isLate() {
      return isLate;
    },
    release,
  };
}

/** Follows a promise until the signal is aborted, then rejects with its reason. */
export function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
