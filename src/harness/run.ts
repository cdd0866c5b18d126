import { accuracyInterval, dropInterval } from '../learning/interval.js';
import { costOf } from '../shaping/cost.js';
import { UsageError } from '../shared/errors.js';
import type { Progress } from '../shared/progress.js';
import { createRng } from '../shared/rng.js';
import type { Trace } from '../trace/trace.js';
import type { AppliedView } from '../view/observe.js';
import { openData, type Parts } from './dataset.js';
import { describeEnvironment, describeTool } from './environment.js';
import { predictTrace, score, truthOf } from './evaluate.js';
import { measure } from './measure.js';
import { scorePresence } from './presence.js';
import type { Adversary, Cell, Metrics, ResolvedDefense, ResolvedPlugin, ResolvedSpec, Result } from './result.js';
import { appliedView, windowing } from './setting.js';
import { type ScoredCell, summarize } from './summary.js';
import { sanityWarnings } from './warnings.js';
import { createWorld, type Model, type RunOptions, type Shaped, secondsSince, UNDEFENDED } from './world.js';

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
  const { scored, metrics } = await runCells(spec, view, parts, options);
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
    warnings: [...warnings, ...sanityWarnings(spec, summary, cells)],
  };
}

export function checkThreads({ threads }: RunOptions): void {
  if (!Number.isInteger(threads) || threads < 1) {
    throw new UsageError(`--threads: expected a whole number, at least 1, found ${threads}`);
  }
}

/** All cells, in the order seed, defense, attack, adversary, and what depends on no attack, in the order seed, defense. */
async function runCells(
  spec: ResolvedSpec,
  view: AppliedView,
  parts: Parts,
  options: RunOptions,
): Promise<{ scored: ScoredCell[]; metrics: Metrics[] }> {
  const scored: ScoredCell[] = [];
  const metrics: Metrics[] = [];
  const total = spec.seeds * spec.defenses.length * spec.attacks.length * spec.adversaries.length;
  for (let seed = spec.seed; seed < spec.seed + spec.seeds; seed++) {
    const world = createWorld(spec, view, parts, seed, options.plugins);
    for (const defense of spec.defenses) {
      const shaped = await world.defend(defense, 'test');
      const base = (await world.defend(UNDEFENDED, 'test')).defended.trace;
      for (const attack of spec.attacks) {
        for (const adversary of spec.adversaries) {
          const detail = (what: string) => `${what} ${attack.label}, ${defense.label}, ${adversary}`;
          const report = (what: string, fraction: number, figures?: Progress['figures']) => {
            const done = scored.length + fraction;
            options.onProgress?.({ task: 'bench', detail: detail(what), done, total, unit: 'cells', figures });
          };
          report('defend', 0);
          const model = await world.fit(attack, adversary === 'static' ? null : defense, {
            ...options,
            onProgress: ({ done, total: of, figures }) => report('fit', of ? 0.8 * (done / of) : 0, figures),
          });
          options.signal?.throwIfAborted();
          report('predict', 0.8);
          scored.push(await evaluate(spec, view, parts, shaped, base, { model, attack, defense, adversary, seed }));
        }
      }
      const measured = `measure ${defense.label}`;
      options.onProgress?.({ task: 'bench', detail: measured, done: scored.length, total, unit: 'cells' });
      metrics.push(await measure(spec, view, parts, world, defense, seed, options.threads));
      world.release(defense);
    }
  }
  return { scored, metrics };
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
  const { identifier, classes } = model;
  const started = performance.now();
  const predictions = await predictTrace(identifier, classes, trace, windowing(spec, view));
  const predictSeconds = secondsSince(started);
  const truth = truthOf(trace, parts.classes);
  const { identification, blocks } = score(truth, predictions.device, parts.classes, seed, model.commonest);
  const cell: Cell = {
    attack: attack.label,
    defense: defense.label,
    params: defense.parts.map((part) => part.parameters),
    view: spec.view.label,
    mix: spec.mix,
    adversary,
    seed,
    identification,
    presence: scorePresence(trace, truth, predictions, parts.classes, classes),
    cost: costOf(defended, base),
    insight: identifier.insight ?? null,
    seconds: { fit: model.seconds, predict: predictSeconds, defend: seconds },
  };
  return { cell, blocks };
}
