import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { type HomeveilError, InputError, UsageError } from '../../shared/errors.js';
import type { OnProgress } from '../../shared/progress.js';
import { createSeedRun, type RunOptions, type SeedRun } from '../seed-run.js';
import type { Job } from './plan.js';
import { type Outcome, runJob, type SettingData } from './run-job.js';
import type { Answer, Message, Order, Thrown } from './worker.js';

/** Runs jobs, one at a time. */
export interface JobRunner {
  run(setting: SettingData, job: Job, onProgress: OnProgress | undefined): Promise<Outcome[]>;
  close(): Promise<void>;
}

/** Makes a runner that runs jobs in this thread. */
export function createLocalRunner(options: RunOptions): JobRunner {
  let current: { setting: SettingData; seed: number; seedRun: SeedRun } | null = null;
  return {
    run(setting, job, onProgress) {
      const { spec, view, parts, recording } = setting;
      if (current?.setting !== setting || current.seed !== job.seed) {
        current = {
          setting,
          seed: job.seed,
          seedRun: createSeedRun(spec, view, parts, job.seed, options.plugins, recording),
        };
      }
      return runJob(setting, current.seedRun, job, { ...options, onProgress });
    },
    close: async () => {},
  };
}

/** Packets of a setting below which its jobs take less time than a thread takes to start. */
const FEW_PACKETS = 20_000;

/** Milliseconds that a thread has to end its job before it is terminated. */
const PATIENCE = 3000;

/** Makes a runner that runs jobs in a worker thread, which starts with the first job that is worth it. */
export function createThreadRunner(options: RunOptions): JobRunner {
  const { cache, threads, onWarning, signal } = options;
  const here = createLocalRunner(options);
  let worker: Worker | null = null;
  let known: SettingData | null = null;
  /** Resolves once the thread has answered the last order, or has ended. */
  let idle: Promise<void> = Promise.resolve();
  return {
    run(setting, job, onProgress) {
      const packets = setting.parts.train.packets + setting.parts.test.packets;
      if (!worker && packets < FEW_PACKETS) return here.run(setting, job, onProgress);
      worker ??= new Worker(new URL('./worker.js', import.meta.url));
      const { spec, parts, hashes } = setting;
      const order: Order = {
        setting: setting === known ? null : { spec, parts, hashes },
        job,
        threads,
        cache: cache?.folder ?? null,
      };
      known = setting;
      const outcomes = ask(worker, order, (answer) => {
        if (signal?.aborted) return;
        if ('progress' in answer) onProgress?.(answer.progress);
        else if ('warning' in answer) onWarning?.(answer.warning);
      });
      idle = outcomes.then(
        () => {},
        () => {},
      );
      return signal ? unlessAborted(outcomes, signal) : outcomes;
    },
    async close() {
      // A thread that is terminated within the code of ONNX Runtime brings down the whole process.
      worker?.postMessage('stop' satisfies Message);
      await Promise.race([idle, setTimeout(PATIENCE, undefined, { ref: false })]);
      await worker?.terminate();
    },
  };
}

/** Sends an order and waits for its outcomes; `onOther` receives the answers before them. */
function ask(worker: Worker, order: Order, onOther: (answer: Answer) => void): Promise<Outcome[]> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      settle();
    };
    const onMessage = (answer: Answer) => {
      if ('outcomes' in answer) end(() => resolve(answer.outcomes));
      else if ('thrown' in answer) end(() => reject(revive(answer.thrown)));
      else onOther(answer);
    };
    const onError = (error: Error) => end(() => reject(nameEnd(error)));
    const onExit = (code: number) =>
      end(() => reject(new Error(`a worker thread ended with code ${code} before its work was done`)));
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.postMessage(order);
  });
}

/** Waits for `outcomes`, but throws the reason of `signal` as soon as it is aborted. */
function unlessAborted(outcomes: Promise<Outcome[]>, signal: AbortSignal): Promise<Outcome[]> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort);
    outcomes.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function nameEnd(error: NodeJS.ErrnoException): Error {
  if (error.code !== 'ERR_WORKER_OUT_OF_MEMORY') return error;
  return new InputError('a cell took more memory than there is; expected less data, or --maximum-train-packets');
}

function revive({ message, exitCode, stack }: Thrown): Error {
  if (exitCode === null) return Object.assign(new Error(message), { stack });
  const Kind: new (message: string) => HomeveilError = exitCode === 2 ? UsageError : InputError;
  return new Kind(message);
}
