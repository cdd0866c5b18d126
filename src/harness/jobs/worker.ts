import { parentPort } from 'node:worker_threads';
import type { ResolvedSpec } from '../../result/result.js';
import { HomeveilError, InputError } from '../../shared/errors.js';
import type { Progress } from '../../shared/progress.js';
import { noCache, openCache } from '../cache.js';
import { loadPlugins } from '../plugins/load-plugins.js';
import type { Registry } from '../plugins/registry.js';
import { createSeedRun, type SeedRun } from '../seed-run.js';
import { appliedView } from '../setting.js';
import type { Job } from './plan.js';
import { type Outcome, runJob, type SettingData } from './run-job.js';

/** A worker thread of job-runner.ts. It receives settings and jobs, and answers each job. */

/** `setting` is sent with the first job of a setting only. */
export interface Order {
  readonly setting: Pick<SettingData, 'spec' | 'parts' | 'hashes'> | null;
  readonly job: Job;
  readonly threads: number;
  /** Folder of the cache; null for none. */
  readonly cache: string | null;
}

/** A message to a worker. 'stop' ends the current job as soon as the attack can; the job is answered all the same. */
export type Message = Order | 'stop';

/** The part of an error that can be sent between threads. */
export interface Thrown {
  readonly message: string;
  /** The exit code of an expected fault; null for any other error. */
  readonly exitCode: number | null;
  readonly stack: string | undefined;
}

export type Answer =
  | { readonly progress: Progress }
  | { readonly warning: string }
  | { readonly outcomes: Outcome[] }
  | { readonly thrown: Thrown };

const PROGRESS_INTERVAL = 100;

const port = parentPort!;
const send = (answer: Answer) => port.postMessage(answer);
let current: { setting: SettingData; plugins: Registry; seedRuns: Map<number, SeedRun> } | null = null;

/** Aborts the current job. */
let stopped = new AbortController();

port.on('message', async (order: Message) => {
  if (order === 'stop') return stopped.abort();
  stopped = new AbortController();
  try {
    send({ outcomes: await perform(order) });
  } catch (error) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    send({ thrown: { message, stack, exitCode: error instanceof HomeveilError ? error.exitCode : null } });
  }
});

async function perform({ setting, job, threads, cache }: Order): Promise<Outcome[]> {
  if (setting) {
    const { spec, parts, hashes } = setting;
    const plugins = await loadSamePlugins(spec);
    current = { setting: { spec, parts, hashes, view: appliedView(spec, plugins) }, plugins, seedRuns: new Map() };
  }
  const { setting: known, plugins, seedRuns } = current!;
  // One seed's traffic at a time: jobs come in the order of seeds.
  for (const seed of seedRuns.keys()) if (seed !== job.seed) seedRuns.delete(seed);
  const seedRun = seedRuns.get(job.seed) ?? createSeedRun(known.spec, known.view, known.parts, job.seed, plugins);
  seedRuns.set(job.seed, seedRun);
  let told = Number.NEGATIVE_INFINITY;
  return runJob(known, seedRun, job, {
    plugins,
    threads,
    signal: stopped.signal,
    cache: cache === null ? noCache : openCache(cache),
    onWarning: (warning) => send({ warning }),
    onProgress(progress) {
      const now = performance.now();
      if (now - told < PROGRESS_INTERVAL) return;
      told = now;
      send({ progress });
    },
  });
}

/** @throws InputError for a file that has changed since the spec was resolved */
async function loadSamePlugins(spec: ResolvedSpec): Promise<Registry> {
  const plugins = await loadPlugins(spec.plugins.map(({ path }) => path));
  for (const [i, { path, sha256 }] of spec.plugins.entries()) {
    if (plugins.files[i]!.sha256 !== sha256) throw new InputError(`${path}: has changed since the run began`);
  }
  return plugins;
}
