import type { LiveFigures, ResolvedDefense, ResolvedSpec } from '../result/result.js';
import type { Observed } from '../shaping/account.js';
import type { OnProgress } from '../shared/progress.js';
import type { Trace } from '../trace/trace.js';
import type { Registry } from './plugins/registry.js';

/** Traffic of a home that was captured on a network with live defenses, in place of simulated traffic. */
export interface Recording {
  /** Seconds that it takes to record one seed under one defense. */
  readonly seconds: number;
  /** Gives the capture of one part, with one seed and under one defense. The first call for a seed and defense plays the home. */
  observe(seed: number, defense: ResolvedDefense, part: 'train' | 'test'): Promise<Observed>;
  /** Describes how the capture that `observe` gives was made. */
  figures(seed: number, defense: ResolvedDefense): LiveFigures;
}

/** Traffic to play and to capture. */
export interface RecordRequest {
  readonly spec: ResolvedSpec;
  /** The traffic to imitate: all of it, before any view. */
  readonly trace: Trace;
  /** The training and the test part of the traffic that the view shows. */
  readonly parts: { readonly train: Trace; readonly test: Trace };
  /** Names of the devices that take part. */
  readonly classes: readonly string[];
  readonly plugins: Registry;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** Plays a home on a network and captures it. @throws UsageError for traffic that cannot be recorded */
export type RecordTraffic = (request: RecordRequest) => Promise<Recording>;
