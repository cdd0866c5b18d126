/**
 * `homeveil`: the library. What takes long to load (models, readers of captures, the lab, noise) is loaded by the first call, so those
 * functions return promises even where their originals do not. Reports are in `homeveil/report`, capture, replay and the
 * tunnel in `homeveil/live`; a plug-in imports `homeveil/plugin`.
 */

/// <reference types="node" preserve="true" />

import type { RunOptions } from './harness/seed-run.js';
import type { ResolvedSpec, StudyResult } from './result/result.js';

export { z } from 'zod';
export type { CheckAttackOptions } from './conformance/check-attack.js';
export type { CheckDefenseOptions } from './conformance/check-defense.js';
export type { CheckViewOptions } from './conformance/check-view.js';
export type { CheckResult, ConformanceReport } from './conformance/report.js';
export type { DefendRequest, DefendResult } from './harness/defend.js';
export type { Estimate } from './harness/estimate.js';
export type { IdentifyRequest, IdentifyResult } from './harness/observer/identify.js';
export type { LoadedModel, SavedModel } from './harness/observer/model-folder.js';
export type { TrainedModel } from './harness/observer/train.js';
export { loadPlugins } from './harness/plugins/load-plugins.js';
export {
  addPlugins,
  attacks,
  builtIns,
  defenses,
  type Registry,
  resolveAttack,
  resolveDefense,
  resolveView,
  views,
} from './harness/plugins/registry.js';
export { type BenchRequest, resolveSpec, resolveTraining, type TrainRequest } from './harness/spec.js';
export type { StudyFile } from './harness/study-file.js';
export { generateFittedHome } from './home/fitted/home.js';
export { formatProfiles, type Profiles, parseProfiles, readProfiles } from './home/fitted/profile.js';
export { generateHome, type HomeOptions } from './home/home.js';
export type { Fidelity } from './lab/fidelity.js';
export { buildWindows, type WindowOptions } from './learning/build-windows.js';
export type { Realism, RealismOptions } from './likeness/realism.js';
export type { NoiseConfig, NoiseInput } from './noise/config.js';
export type { NoiseEvent, NoiseTotals } from './noise/events.js';
export type { NoiseOptions } from './noise/run.js';
export * from './plugin.js';
export type * from './result/result.js';
export type { Account, DefendedTrace } from './shaping/account.js';
export { costOf } from './shaping/cost.js';
export { DefenseError, prepareDefense } from './shaping/shaper.js';
export { type ShapeOptions, shape, shapeAll } from './shaping/simulate.js';
export { HomeveilError } from './shared/errors.js';
export { createRng } from './shared/rng.js';
export { formatLabels } from './trace/labels/label-file.js';
export type { FileReport, IngestReport, PacketTable, SkippedFile } from './trace/packets.js';
export { COLUMN_NAMES, type ColumnName, IpOption, type Seen } from './trace/seen.js';
export * from './trace/trace.js';
export { deviceLabels } from './trace/write/device-macs.js';
export { writePcap } from './trace/write/write-pcap.js';
export { type AppliedView, observe } from './view/observe.js';
export type { WatchRequest, WatchView } from './watch/watch.js';
export type { Watcher, WatcherOptions, WatchState } from './watch/watcher.js';
export type { RunOptions };

/** Makes a function that loads its module when it is called. */
function onCall<A extends unknown[], R>(load: () => Promise<(...given: A) => R>) {
  return async (...given: A): Promise<Awaited<R>> => await (await load())(...given);
}

const lab = () => import('./lab/record.js');
/** Lets a run with `live` play the home in the lab, as `bench --live` does. */
const withLab = (options: RunOptions): RunOptions => ({
  record: async (request) => (await lab()).recordLive(request),
  ...options,
});

/** Runs every cell of a spec; see {@link resolveSpec}. Its result is what `result.json` holds. */
export const runBench = onCall(async () => {
  const { runBench: run } = await import('./harness/run.js');
  return (spec: ResolvedSpec, options: RunOptions) => run(spec, withLab(options));
});
/** Runs every setting of a study; see {@link readStudy}. */
export const runStudy = onCall(async () => {
  const { runStudy: run } = await import('./harness/study.js');
  return (study: Pick<StudyResult, 'name' | 'warnings'>, specs: readonly ResolvedSpec[], options: RunOptions) =>
    run(study, specs, withLab(options));
});
/** Says how long runs would take, as `bench --dry-run` does. */
export const estimateAll = onCall(async () => (await import('./harness/estimate.js')).estimateAll);
/** Reads a study file: one request for each setting. */
export const readStudy = onCall(async () => (await import('./harness/study-file.js')).readStudy);
/** Trains one attack for later use; see {@link resolveTraining} and {@link saveModel}. */
export const runTraining = onCall(async () => (await import('./harness/observer/train.js')).runTraining);
export const saveModel = onCall(async () => (await import('./harness/observer/model-folder.js')).saveModel);
export const loadModel = onCall(async () => (await import('./harness/observer/model-folder.js')).loadModel);
/** Concludes which devices are in captures. */
export const identify = onCall(async () => (await import('./harness/observer/identify.js')).identify);
/** Writes captures as they look under a defense. */
export const defend = onCall(async () => (await import('./harness/defend.js')).defend);
/** Plays a home in the lab and compares it with its simulation. */
export const measureFidelity = onCall(async () => (await import('./lab/fidelity.js')).measureFidelity);
/** Plays a home in the lab: the `record` of {@link RunOptions}. */
export const recordLive = onCall(async () => (await lab()).recordLive);
export const fitHome = onCall(async () => (await import('./harness/fit-home.js')).fitHome);
export const checkRealism = onCall(async () => (await import('./likeness/realism.js')).checkRealism);
export const checkAttack = onCall(async () => (await import('./conformance/check-attack.js')).checkAttack);
export const checkDefense = onCall(async () => (await import('./conformance/check-defense.js')).checkDefense);
export const checkView = onCall(async () => (await import('./conformance/check-view.js')).checkView);
export const loadTrace = onCall(async () => (await import('./trace/load.js')).loadTrace);
export const readCaptures = onCall(async () => (await import('./trace/read/read.js')).readCaptures);
export const readArrow = onCall(async () => (await import('./trace/write/arrow.js')).readArrow);
export const writeArrow = onCall(async () => (await import('./trace/write/arrow.js')).writeArrow);
export const readNoiseConfig = onCall(async () => (await import('./noise/config.js')).readNoiseConfig);
export const resolveNoiseConfig = onCall(async () => (await import('./noise/config.js')).resolveNoiseConfig);
export const runNoise = onCall(async () => (await import('./noise/run.js')).runNoise);
/** Concludes which devices speak on an interface, as packets come. */
export const watch = onCall(async () => (await import('./watch/watch.js')).watch);
export const createWatcher = onCall(async () => (await import('./watch/watcher.js')).createWatcher);
