import { Worker } from 'node:worker_threads';

/** A message of a worker: a result, or the last message before it ends. */
export type WorkerMessage<T> = { readonly result: T } | { readonly done: true };

/**
 * Starts `threads` workers on `script` with the same `data`, passes on their results, and waits until all are done. The workers divide
 * the work among themselves, over shared memory in `data`. All have ended when it returns or throws.
 * @throws the error of the first worker that fails; what `onResult` throws.
 */
export async function runWorkers<T>(
  script: URL,
  data: unknown,
  threads: number,
  onResult: (result: T) => void,
): Promise<void> {
  const workers = Array.from({ length: threads }, () => new Worker(script, { workerData: data }));
  try {
    await Promise.all(workers.map((worker) => finished(worker, onResult)));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function finished<T>(worker: Worker, onResult: (result: T) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.on('message', (message: WorkerMessage<T>) => {
      if ('done' in message) return resolve();
      try {
        onResult(message.result);
      } catch (cause) {
        reject(cause);
      }
    });
    worker.on('messageerror', reject);
    worker.on('error', (cause) => reject(new Error(`worker thread failed: ${cause.message}`, { cause })));
    worker.on('exit', (code) => reject(new Error(`worker thread ended with code ${code} before its work was done`)));
  });
}
