import type { DatasetSummary, ResolvedSpec } from '../../result/result.js';
import { UsageError } from '../../shared/errors.js';
import { noCache } from '../cache.js';
import { type Loader, openData } from '../dataset.js';
import { builtIns } from '../plugins/registry.js';
import type { RunOptions } from '../seed-run.js';
import { appliedView, columnsByAttack } from '../setting.js';
import { dataKey, itemKey, type TrafficHashes } from './keys.js';
import { type Item, itemsOf, type Job, jobsOf } from './plan.js';
import type { ItemValue, Outcome, SettingData } from './run-job.js';
import { shareSplit } from './share-split.js';

/** A spec with all that its result is made from, as far as it is known yet. */
export interface Run {
  readonly spec: ResolvedSpec;
  readonly dataset: DatasetSummary;
  readonly warnings: readonly string[];
  /** By {@link nameOf} an item. */
  readonly outcomes: Map<string, Outcome>;
}

export interface OpenRun {
  readonly run: Run;
  /** Jobs whose values no cache has. */
  readonly jobs: Job[];
  /** The data of the jobs; null if there are no jobs. */
  readonly setting: SettingData | null;
}

/** Reads the data of `spec`, unless all that is asked of it is kept. */
export async function openRun(spec: ResolvedSpec, load: Loader, options: RunOptions): Promise<OpenRun> {
  const {
    cache = noCache,
    plugins = builtIns,
    record,
    onProgress,
    signal,
  } = spec.live ? { ...options, cache: noCache } : options;
  const view = appliedView(spec, plugins);
  const items = itemsOf(spec);
  const outcomes = new Map<string, Outcome>();
  const missing = (hashes: TrafficHashes): Item[] =>
    items.filter((item) => {
      const value = cache.find<ItemValue>(itemKey(spec, hashes, item));
      if (value !== undefined) outcomes.set(nameOf(item), { value });
      return value === undefined;
    });
  type Kept = {
    readonly summary: DatasetSummary;
    readonly hashes: TrafficHashes;
    readonly warnings: readonly string[];
  };
  const columns = columnsByAttack(spec, plugins);
  const key = cache.folder === null ? null : await dataKey(spec, columns);
  const kept = key && cache.find<Kept>(key);
  if (kept && missing(kept.hashes).length === 0) {
    const { summary: dataset, warnings } = kept;
    return { run: { spec, dataset, warnings, outcomes }, jobs: [], setting: null };
  }
  const { trace, parts, summary, hashWith, warnings } = await openData(spec, view, load);
  const seenBy = Object.entries(columns).map(([attack, seen]): [string, string] => [attack, hashWith(seen)]);
  const hashes: TrafficHashes = { plain: summary.sha256, seenBy: Object.fromEntries(seenBy) };
  if (key && !kept) cache.keep<Kept>(key, { summary, hashes, warnings });
  const jobs = jobsOf(missing(hashes));
  const isShared = (options.workers ?? 1) > 1;
  const setting: SettingData = { spec, view, parts: isShared ? shareSplit(parts) : parts, hashes };
  if (spec.live) {
    if (!record) throw new UsageError('live: expected what records (`record` of the options), found none');
    const { classes } = parts;
    const recording = await record({ spec, trace, parts, classes, plugins, onProgress, signal });
    return { run: { spec, dataset: summary, warnings, outcomes }, jobs, setting: { ...setting, recording } };
  }
  return { run: { spec, dataset: summary, warnings, outcomes }, jobs, setting };
}

/** Names an item within its spec. */
export function nameOf(item: Item): string {
  const { kind, seed, defense } = item;
  if (item.kind === 'metrics') return [kind, seed, defense.label].join('\n');
  const other = item.kind === 'cell' ? item.adversary : item.trainedOn.label;
  return [kind, seed, defense.label, item.attack.label, other].join('\n');
}
