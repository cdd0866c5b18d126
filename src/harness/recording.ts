import type { LiveFigures, ResolvedDefense, ResolvedSpec } from '../result/result.js';
import type { Observed } from '../shaping/account.js';
import type { OnProgress } from '../shared/progress.js';
import type { Trace } from '../trace/trace.js';
import type { Registry } from './plugins/registry.js';

/** Traffic of a home under defenses that were at work on a network, in place of simulated ones. */
export interface Recording {
  /** That it takes to record one seed under one defense. */
  readonly seconds: number;
  /** What an observer captured: with one seed, under one defense, of one part. Made on the first call, which takes its time. */
  observe(seed: number, defense: ResolvedDefense, part: 'train' | 'test'): Promise<Observed>;
  /** How what `observe` gives was made. */
  figures(seed: number, defense: ResolvedDefense): LiveFigures;
}

/** What to record. */
export interface RecordRequest {
  readonly spec: ResolvedSpec;
  /** The traffic whose like is to be made: all of it, before any view. */
  readonly trace: Trace;
  /** What the view shows of it, cut in two. */
  readonly parts: { readonly train: Trace; readonly test: Trace };
  /** Devices that take part. */
  readonly classes: readonly string[];
  readonly plugins: Registry;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** @throws UsageError for what cannot be recorded */
export type Record = (request: RecordRequest) => Promise<Recording>;
