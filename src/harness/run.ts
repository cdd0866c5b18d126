import { readFileSync, statSync } from 'node:fs';
import { accuracyInterval, dropInterval } from '../learning/interval.js';
import { costOf } from '../shaping/cost.js';
import { HomeveilError, UsageError } from '../shared/errors.js';
import { sha256 } from '../shared/hash.js';
import type { Progress } from '../shared/progress.js';
import { createRng } from '../shared/rng.js';
import type { Trace } from '../trace/trace.js';
import type { AppliedView } from '../view/observe.js';
import { type CacheKey, noCache } from './cache.js';
import { openData, type Parts } from './dataset.js';
import { describeEnvironment, describeTool } from './environment.js';
import { scoreModel } from './evaluate.js';
import { measure } from './measure.js';
import { scorePresence } from './presence.js';
import type {
  Adversary,
  Cell,
  DatasetSummary,
  Failure,
  Metrics,
  ResolvedDefense,
  ResolvedPlugin,
  ResolvedSpec,
  Result,
  TransferCell,
} from './result.js';
import { appliedView, windowing } from './setting.js';
import { type ScoredCell, summarize } from './summary.js';
import { sanityWarnings } from './warnings.js';
import { createWorld, type Model, type RunOptions, type Shaped, UNDEFENDED } from './world.js';

export type { RunOptions };

/**
 * Runs every cell of `spec` (attack x defense x adversary x seed) and returns the result. Nothing is printed or written.
 * Same spec, same data, same machine: the same result but for `seconds`. A run whose signal is aborted rejects with the
 * signal's reason.
 * @throws UsageError, InputError
 */
export async function runBench(spec: ResolvedSpec, options: RunOptions): Promise<Result> {
  checkThreads(options);
  const view = appliedView(spec);
  const { parts, summary: dataset, warnings } = await openData(spec, view, options.onProgress);
  const { scored, metrics, transfer, failures } = await runCells(spec, view, parts, dataset, options);
  const summary = summarize(spec, scored, {
    accuracy: (runs) => accuracyInterval(runs, createRng(spec.seed, 'interval')),
    drop: (before, after) => dropInterval(before, after, createRng(spec.seed, 'drop')),
  });
  const cells = scored.map(({ cell }) => cell);
  return {
    schemaVersion: 1,
    tool: describeTool(),
    environment: describeEnvironment(),
    spec,
    dataset,
    cells,
    metrics,
    summary,
    ...(spec.transfer ? { transfer } : {}),
    ...(failures.length > 0 ? { failures } : {}),
    warnings: [...warnings, ...failures.map(describeFailure), ...sanityWarnings(spec, summary, cells)],
  };
}

export function checkThreads({ threads }: RunOptions): void {
  if (!Number.isInteger(threads) || threads < 1) {
    throw new UsageError(`--threads: expected a whole number, at least 1, found ${threads}`);
  }
}

/**
 * All cells, in the order seed, defense, attack, adversary, and what depends on no attack, in the order seed, defense. What fails is
 * told, and the others are run; but not where the request itself is at fault, or nothing could be run.
 */
async function runCells(
  spec: ResolvedSpec,
  view: AppliedView,
  parts: Parts,
  dataset: DatasetSummary,
  options: RunOptions,
): Promise<{ scored: ScoredCell[]; metrics: Metrics[]; transfer: TransferCell[]; failures: Failure[] }> {
  const { cache = noCache, signal } = options;
  const scored: ScoredCell[] = [];
  const metrics: Metrics[] = [];
  const transfer: TransferCell[] = [];
  const failures: Failure[] = [];
  let firstError: unknown;
  const total = countCells(spec);
  let done = 0;
  for (let seed = spec.seed; seed < spec.seed + spec.seeds; seed++) {
    const world = createWorld(spec, view, parts, seed, options.plugins);
    /** The value kept under `step`, or made now; undefined where that fails. */
    const attempt = async <T>(defense: ResolvedDefense, step: Step, make: () => Promise<T>): Promise<T | undefined> => {
      signal?.throwIfAborted();
      try {
        return await cache.remember(keyOf(spec, dataset, { ...step, defense, seed }), make);
      } catch (error) {
        if (signal?.aborted || !(error instanceof HomeveilError) || error instanceof UsageError) throw error;
        firstError ??= error;
        const { attack = null, adversary = null } = step;
        failures.push({
          attack: attack?.label ?? null,
          defense: defense.label,
          adversary,
          seed,
          message: error.message,
        });
        return undefined;
      }
    };
    for (const defense of spec.defenses) {
      for (const attack of spec.attacks) {
        for (const adversary of spec.adversaries) {
          const detail = (what: string) => `${what} ${attack.label}, ${defense.label}, ${adversary}`;
          const report = (what: string, fraction: number, figures?: Progress['figures']) =>
            options.onProgress?.({
              task: 'bench',
              detail: detail(what),
              done: done + fraction,
              total,
              unit: 'cells',
              figures,
            });
          const cell = await attempt(defense, { step: 'cell', attack, adversary }, async () => {
            report('defend', 0);
            const shaped = await world.defend(defense, 'test');
            const base = (await world.defend(UNDEFENDED, 'test')).defended.trace;
            const model = await world.fit(attack, adversary === 'static' ? null : defense, {
              ...options,
              onProgress: ({ done: part, total: of, figures }) => report('fit', of ? 0.8 * (part / of) : 0, figures),
            });
            signal?.throwIfAborted();
            report('predict', 0.8);
            return keepable(
              await evaluate(spec, view, parts, shaped, base, { model, attack, defense, adversary, seed }),
            );
          });
          if (cell) scored.push(scoredCell(cell));
          done++;
        }
      }
      const measured = `measure ${defense.label}`;
      options.onProgress?.({ task: 'bench', detail: measured, done, total, unit: 'cells' });
      const found = await attempt(defense, { step: 'measure' }, () =>
        measure(spec, view, parts, world, defense, seed, options.threads),
      );
      if (found) metrics.push(found);
      world.release(defense, spec.transfer);
    }
    for (const [testedOn, trainedOn] of transfers(spec)) {
      for (const attack of spec.attacks) {
        const detail = `transfer ${attack.label}, from ${trainedOn.label} to ${testedOn.label}`;
        options.onProgress?.({ task: 'bench', detail, done, total, unit: 'cells' });
        const cell = await attempt(testedOn, { step: 'transfer', attack, trainedOn }, async () => {
          const model = await world.fit(attack, trainedOn, { ...options, onProgress: undefined });
          world.release(trainedOn, true);
          const { trace } = (await world.defend(testedOn, 'test')).defended;
          return transferCell(spec, view, parts, trace, { model, attack, trainedOn, testedOn, seed });
        });
        if (cell) transfer.push(cell);
        done++;
      }
    }
  }
  if (scored.length === 0) throw firstError;
  return { scored, metrics, transfer, failures };
}

/** One line, for a warning. */
function describeFailure({ attack, defense, adversary, seed, message }: Failure): string {
  const what = attack === null ? 'the metrics' : `${attack} (${adversary})`;
  return `${what} under ${defense}, seed ${seed}, could not be run: ${message}`;
}

/** Of one setting. */
export function countCells(spec: ResolvedSpec): number {
  const { seeds, defenses, attacks, adversaries } = spec;
  return seeds * attacks.length * (defenses.length * adversaries.length + transfers(spec).length);
}

/** Pairs of the defense that a model is tested on and the other one that it was trained on; none where they are not asked for. */
function transfers({ transfer, defenses }: ResolvedSpec): [ResolvedDefense, ResolvedDefense][] {
  if (!transfer) return [];
  const real = defenses.filter(({ parts }) => parts.some(({ name }) => name !== 'none'));
  return defenses.flatMap((testedOn) =>
    real
      .filter((trainedOn) => trainedOn !== testedOn)
      .map((trainedOn): [ResolvedDefense, ResolvedDefense] => [testedOn, trainedOn]),
  );
}

/** One of the things that are made for each defense and seed. */
interface Step {
  readonly step: 'cell' | 'measure' | 'transfer';
  readonly trainedOn?: ResolvedDefense;
  readonly attack?: ResolvedPlugin;
  readonly adversary?: Adversary;
}

/** All that a step depends on. */
function keyOf(
  {
    data,
    split,
    view,
    mix,
    window,
    stride,
    port,
    minimumPackets,
    maximumTrainPackets,
    capacity,
    plugins,
  }: ResolvedSpec,
  dataset: DatasetSummary,
  { defense, ...step }: Step & { readonly defense: ResolvedDefense; readonly seed: number },
): CacheKey {
  const setting = { split, view, mix, window, stride, port, minimumPackets, maximumTrainPackets, capacity };
  return {
    ...step,
    defense: defense.parts,
    // The label names the streams of chance.
    label: defense.label,
    files: [...defense.parts, ...(step.trainedOn?.parts ?? [])].map(({ parameters }) => hashNamedFiles(parameters)),
    setting,
    plugins: plugins.map(({ sha256 }) => sha256),
    data,
    dataset: dataset.sha256,
  };
}

/** SHA-256 of each file that a parameter names. */
function hashNamedFiles(parameters: Readonly<Record<string, unknown>>): Record<string, string> {
  const hashes: Record<string, string> = {};
  for (const [name, value] of Object.entries(parameters)) {
    if (typeof value !== 'string' || !statSync(value, { throwIfNoEntry: false })?.isFile()) continue;
    hashes[name] = sha256(readFileSync(value));
  }
  return hashes;
}

/** A scored cell in JSON. */
interface KeptCell {
  readonly cell: Cell;
  readonly correct: readonly number[];
  readonly total: readonly number[];
}

const keepable = ({ cell, blocks }: ScoredCell): KeptCell => ({
  cell,
  correct: [...blocks.correct],
  total: [...blocks.total],
});

const scoredCell = ({ cell, correct, total }: KeptCell): ScoredCell => ({
  cell,
  blocks: { correct: Float64Array.from(correct), total: Float64Array.from(total) },
});

async function transferCell(
  spec: ResolvedSpec,
  view: AppliedView,
  parts: Parts,
  trace: Trace,
  {
    model,
    attack,
    trainedOn,
    testedOn,
    seed,
  }: Omit<Trial, 'defense' | 'adversary'> & Record<'trainedOn' | 'testedOn', ResolvedDefense>,
): Promise<TransferCell> {
  const { identification } = await scoreModel(model, trace, parts.classes, windowing(spec, view), seed);
  const { accuracy, balancedAccuracy, macroF1 } = identification;
  return {
    attack: attack.label,
    trainedOn: trainedOn.label,
    testedOn: testedOn.label,
    seed,
    accuracy,
    balancedAccuracy,
    macroF1,
  };
}

interface Trial {
  readonly model: Model;
  readonly attack: ResolvedPlugin;
  readonly defense: ResolvedDefense;
  readonly adversary: Adversary;
  readonly seed: number;
}

async function evaluate(
  spec: ResolvedSpec,
  view: AppliedView,
  parts: Parts,
  { defended, seconds }: Shaped,
  base: Trace,
  { model, attack, defense, adversary, seed }: Trial,
): Promise<ScoredCell> {
  const { trace } = defended;
  const scored = await scoreModel(model, trace, parts.classes, windowing(spec, view), seed);
  const { predictions, truth, identification, blocks } = scored;
  const cell: Cell = {
    attack: attack.label,
    defense: defense.label,
    params: defense.parts.map((part) => part.parameters),
    view: spec.view.label,
    mix: spec.mix,
    adversary,
    seed,
    identification,
    presence: scorePresence(trace, truth, predictions, parts.classes, model.classes),
    cost: costOf(defended, base),
    insight: model.identifier.insight ?? null,
    seconds: { fit: model.seconds, predict: scored.seconds, defend: seconds },
  };
  return { cell, blocks };
}
