import { accuracyInterval, dropInterval } from '../learning/interval.js';
import { labelOf } from '../result/label.js';
import type { Failure, Metrics, ResolvedSpec, Result, SettingFailure, TransferCell } from '../result/result.js';
import { type HomeveilError, InputError, isContained, UsageError } from '../shared/errors.js';
import { defaultMemory } from '../shared/memory.js';
import type { Progress } from '../shared/progress.js';
import { createRng } from '../shared/rng.js';
import { createLoader } from './dataset.js';
import { describeEnvironment, describeTool } from './environment.js';
import { createLocalRunner, createThreadRunner, type JobRunner } from './jobs/job-runner.js';
import { createMemoryGate } from './jobs/memory.js';
import { nameOf, type OpenRun, openRun, type Run } from './jobs/open-run.js';
import { countCells, type Item, isCell, itemsOf, type Job, jobsOf } from './jobs/plan.js';
import { type KeptCell, type SettingData, scoredCell } from './jobs/run-job.js';
import type { Registry } from './plugins/registry.js';
import type { RunOptions } from './seed-run.js';
import { summarize } from './summary.js';
import { sanityWarnings } from './warnings.js';

export type { RunOptions };

/**
 * Runs every cell of `spec` (attack x defense x adversary x seed) and returns the result. Prints and writes nothing. The same spec, data
 * and machine give the same result, except for `seconds`. If the signal is aborted, the run rejects with the signal's reason.
 * @throws UsageError, InputError
 */
export async function runBench(spec: ResolvedSpec, options: RunOptions): Promise<Result> {
  const [attempt] = await runAll([spec], options);
  if (!attempt!.result) throw attempt!.error;
  return attempt!.result;
}

/** The outcome of running a spec: its result, or why there is none. */
export type Attempt =
  | { readonly spec: ResolvedSpec; readonly result: Result }
  | { readonly spec: ResolvedSpec; readonly result: null; readonly error: HomeveilError };

export function checkThreads({ threads }: RunOptions): void {
  if (!Number.isInteger(threads) || threads < 1) {
    throw new UsageError(`--threads: expected a whole number, at least 1, found ${threads}`);
  }
}

/**
 * Runs several specs as {@link runBench} runs one. A worker that finds no more jobs in one spec goes on with the next. Values in the cache
 * of `options` are not computed again; the results are the same as without it. If the data of a spec are at fault, or all of its cells,
 * the others still run.
 * @throws UsageError for a faulty request
 */
export async function runAll(specs: readonly ResolvedSpec[], options: RunOptions): Promise<Attempt[]> {
  checkThreads(options);
  const { signal, onWarning } = options;
  const progress = createBenchProgress(specs, options);
  const load = createLoader(specs, { onProgress: progress.onRead, plugins: options.plugins });
  const gate = createMemoryGate(options.memory ?? defaultMemory());
  const runs: (Run | HomeveilError)[] = [];
  let open: OpenRun | null = null;
  // Takes the next job. When all jobs of a spec are taken, the next spec is opened, and its traffic replaces that of the last.
  const take = async (): Promise<Task | null> => {
    for (;;) {
      signal?.throwIfAborted();
      const job = open?.jobs.shift();
      if (open && job) return { ...open, setting: open.setting!, job };
      const spec = specs[runs.length];
      if (!spec) return null;
      open = null;
      try {
        open = await openRun(spec, load, options);
        runs.push(open.run);
      } catch (error) {
        if (signal?.aborted || !isContained(error)) throw error;
        runs.push(error);
        // Warns now, since the others may take hours.
        if (specs.length > 1) onWarning?.(describeRefusal({ setting: labelOf(spec), message: error.message }));
      }
      progress.begin(spec, open?.jobs ?? []);
    }
  };
  const inTurn = createTurns();
  const work = async (runner: JobRunner, slot: number) => {
    for (;;) {
      const task = await inTurn(async () => {
        const taken = await take();
        if (taken) await gate.enter(taken.run.dataset.packets);
        return taken;
      });
      if (!task) return;
      const { run, setting, job } = task;
      try {
        const outcomes = await runner.run(setting, job, (at) => {
          gate.look();
          progress.at(slot, run.spec, at);
        });
        for (const [i, item] of job.items.entries()) run.outcomes.set(nameOf(item), outcomes[i]!);
      } finally {
        gate.leave(run.dataset.packets);
      }
      progress.end(slot, job);
    }
  };
  const runners = createRunners(specs, options);
  try {
    await Promise.all(runners.map(work));
  } finally {
    await Promise.all(runners.map((runner) => runner.close()));
  }
  return runs.map((run, i) => conclude(specs[i]!, run, options.plugins));
}

/** Runs tasks one after another, in the order in which they are given. */
function createTurns() {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(what: () => Promise<T>): Promise<T> => {
    const mine = last.then(what);
    last = mine.catch(() => {});
    return mine;
  };
}

/** Makes a runner for each worker, or one in this thread if there is one worker, and divides the remaining threads among them. */
function createRunners(specs: readonly ResolvedSpec[], options: RunOptions): JobRunner[] {
  const jobs = specs.reduce((sum, spec) => sum + jobsOf(itemsOf(spec)).length, 0);
  // Recordings are not sent to threads.
  const workers = specs.some(({ live }) => live) ? 1 : Math.min(options.workers ?? 1, jobs);
  if (workers <= 1) return [createLocalRunner(options)];
  const threads = Math.max(1, Math.floor(options.threads / workers));
  return Array.from({ length: workers }, () => createThreadRunner({ ...options, threads }));
}

interface Task {
  readonly run: Run;
  readonly setting: SettingData;
  readonly job: Job;
}

/** Describes in one line, for a warning, a setting that could not be run. */
export function describeRefusal({ setting, message }: SettingFailure): string {
  return `${setting}: could not be run: ${message}`;
}

/** Makes the result of a run. If no cell could be run, the error of the first one is returned. */
function conclude(spec: ResolvedSpec, run: Run | HomeveilError, plugins: Registry | undefined): Attempt {
  if (run instanceof Error) return { spec, result: null, error: run };
  const { dataset, warnings, outcomes } = run;
  const cells: KeptCell[] = [];
  const metrics: Metrics[] = [];
  const transfer: TransferCell[] = [];
  const failures: Failure[] = [];
  for (const item of itemsOf(spec)) {
    const outcome = outcomes.get(nameOf(item))!;
    if ('failure' in outcome) failures.push(failureOf(item, outcome.failure));
    else if (item.kind === 'cell') cells.push(outcome.value as KeptCell);
    else if (item.kind === 'metrics') metrics.push(outcome.value as Metrics);
    else transfer.push(outcome.value as TransferCell);
  }
  if (cells.length === 0) return { spec, result: null, error: new InputError(failures[0]!.message) };
  const scored = cells.map(scoredCell);
  const summary = summarize(spec, scored, {
    accuracy: (runs) => accuracyInterval(runs, createRng(spec.seed, 'interval')),
    drop: (before, after) => dropInterval(before, after, createRng(spec.seed, 'drop')),
  });
  const plain = scored.map(({ cell }) => cell);
  const result: Result = {
    schemaVersion: 1,
    tool: describeTool(),
    environment: describeEnvironment(),
    spec,
    dataset,
    cells: plain,
    metrics,
    summary,
    ...(spec.transfer ? { transfer } : {}),
    ...(failures.length > 0 ? { failures } : {}),
    warnings: [...warnings, ...failures.map(describeFailure), ...sanityWarnings(spec, summary, plain, plugins)],
  };
  return { spec, result };
}

function failureOf(item: Item, message: string): Failure {
  const attack = item.kind === 'metrics' ? null : item.attack.label;
  const adversary = item.kind === 'cell' ? item.adversary : null;
  return { attack, defense: item.defense.label, adversary, seed: item.seed, message };
}

/** Describes in one line, for a warning, a cell that could not be run. */
function describeFailure({ attack, defense, adversary, seed, message }: Failure): string {
  const what = attack === null ? 'the metrics' : `${attack} (${adversary ?? 'transfer'})`;
  return `${what} under ${defense}, seed ${seed}, could not be run: ${message}`;
}

/** Reports how many of all cells are done. A running cell counts by the share of it that is done. */
function createBenchProgress(specs: readonly ResolvedSpec[], { onProgress }: RunOptions) {
  const total = specs.reduce((sum, spec) => sum + countCells(spec), 0);
  const cellsOf = (jobs: readonly Job[]) => jobs.reduce((sum, { items }) => sum + items.filter(isCell).length, 0);
  const underWay = new Map<number, number>();
  let done = 0;
  const report = (rest?: Pick<Progress, 'detail' | 'figures'>) => {
    const parts = [...underWay.values()].reduce((sum, part) => sum + part, 0);
    onProgress?.({ task: 'bench', unit: 'cells', total, done: done + parts, ...rest });
  };
  return {
    /** A spec was opened: what is not among its jobs is done. */
    begin(spec: ResolvedSpec, jobs: readonly Job[]) {
      done += countCells(spec) - cellsOf(jobs);
      report();
    },
    at(slot: number, spec: ResolvedSpec, { done: part, detail, figures }: Progress) {
      underWay.set(slot, part);
      const where = specs.length > 1 ? `${labelOf(spec)}: ` : '';
      // Epochs of one of several networks say little of the whole.
      report({ detail: `${where}${detail}`, figures: underWay.size > 1 ? undefined : figures });
    },
    end(slot: number, job: Job) {
      underWay.delete(slot);
      done += cellsOf([job]);
      report();
    },
    /** Reading is shown only where nothing else is under way. */
    onRead(progress: Progress) {
      if (underWay.size === 0) onProgress?.(progress);
    },
  };
}
