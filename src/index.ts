/** The public API of Homeveil. */

export { z } from 'zod';
export { type CheckAttackOptions, checkAttack } from './conformance/check-attack.js';
export { type CheckDefenseOptions, checkDefense } from './conformance/check-defense.js';
export type { CheckResult, ConformanceReport } from './conformance/report.js';
export { type DefendRequest, type DefendResult, defend } from './harness/defend.js';
export { fitHome } from './harness/fit-home.js';
export { type IdentifyRequest, type IdentifyResult, identify } from './harness/observer/identify.js';
export { type LoadedModel, loadModel, type SavedModel, saveModel } from './harness/observer/model-folder.js';
export { runTraining, type TrainedModel } from './harness/observer/train.js';
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
export { type RunOptions, runBench } from './harness/run.js';
export { type BenchRequest, resolveSpec, resolveTraining, type TrainRequest } from './harness/spec.js';
export { generateFittedHome } from './home/fitted/home.js';
export { formatProfiles, type Profiles, parseProfiles, readProfiles } from './home/fitted/profile.js';
export { generateHome, type HomeOptions } from './home/home.js';
export { type Attack, type AttackContext, defineAttack, type Identifier } from './learning/attack.js';
export { type BuiltWindows, buildWindows, rowsInWindows, type WindowOptions } from './learning/build-windows.js';
export { COVER, NO_CLASS, type PacketFeatures, type Windows } from './learning/windows.js';
export { checkRealism, type Realism, type RealismOptions } from './likeness/realism.js';
export { type CaptureRequest, type CaptureResult, capture } from './live/capture/capture.js';
export { type Interfaces, listInterfaces } from './live/capture/interfaces.js';
export { type LivePackets, readLive } from './live/capture/packets.js';
export { type CaptureSource, openCapture, type SourceOptions } from './live/capture/source.js';
export { type ReplayRequest, type ReplayResult, replay } from './live/replay/replay.js';
export { openTunnelEnd, type Place, type TunnelEnd, type TunnelOptions, whyNotLive } from './live/tunnel/end.js';
export { readKey, writeKey } from './live/tunnel/key.js';
export type { TunnelStatistics } from './live/tunnel/statistics.js';
export { type NoiseConfig, type NoiseInput, readNoiseConfig, resolveNoiseConfig } from './noise/config.js';
export type { NoiseEvent, NoiseTotals } from './noise/events.js';
export { type NoiseOptions, runNoise } from './noise/run.js';
export { renderCsv } from './report/csv.js';
export { type Figure, renderFigures, renderStudyFigures } from './report/figures.js';
export { renderHtml } from './report/html.js';
export { renderPng } from './report/kit/png.js';
export { renderMarkdown } from './report/markdown.js';
export { type NamedPage, renderStudyHtml, renderStudyPages } from './report/study.js';
export { renderStudyCsv, renderStudyMarkdown } from './report/study-text.js';
export { parseAnyResult, parseResult } from './result/parse.js';
export type * from './result/result.js';
export type { Account, DefendedTrace } from './shaping/account.js';
export { costOf } from './shaping/cost.js';
export { createPast, type Past } from './shaping/kit/past.js';
export { createQueue, type PacketQueue } from './shaping/kit/queue.js';
export {
  type AppliedDefense,
  type CoverShape,
  type Defense,
  DefenseError,
  defineDefense,
  type Link,
  type NewFlow,
  type PacketRef,
  type Part,
  prepareDefense,
  type Scope,
  type Shaper,
  type Training,
} from './shaping/shaper.js';
export { type ShapeOptions, shape, shapeAll } from './shaping/simulate.js';
export { HomeveilError, InputError, UsageError } from './shared/errors.js';
export type { OnProgress, Progress } from './shared/progress.js';
export { createRng, type Rng } from './shared/rng.js';
export { loadTrace } from './trace/load.js';
export type { FileReport, IngestReport, PacketTable, SkippedFile } from './trace/packets.js';
export { readCaptures } from './trace/read/read.js';
export * from './trace/trace.js';
export { readArrow, writeArrow } from './trace/write/arrow.js';
export { writePcap } from './trace/write/write-pcap.js';
export { type AppliedView, observe } from './view/observe.js';
export type { View } from './view/views.js';
export { type WatchRequest, type WatchView, watch } from './watch/watch.js';
export { createWatcher, type Watcher, type WatcherOptions, type WatchState } from './watch/watcher.js';
