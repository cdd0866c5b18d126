import { type AppliedDefense, type Defense, prepareDefense, scopeOfDefense } from '../shaping/shaper.js';
import { formatRequest, resolveParameters } from '../shared/parameters.js';
import { createRng } from '../shared/rng.js';
import type { Trace } from '../trace/trace.js';
import { hidesCover } from './cover.js';
import { checkDescription, descriptionChecks } from './describes-itself.js';
import { type Check, type ConformanceReport, createRecorder, demand, type Recorder } from './report.js';
import {
  anyParameters,
  changesNothing,
  checkDrawnParameters,
  checkRuns,
  type Drawing,
  isRefusal,
  makeAllTraffic,
  PACKETS,
  runChecks,
  runs,
  subjectOf,
  usesChance,
} from './runs.js';
import { makeTraffic } from './traffic.js';
import { firstDifference } from './trial.js';

export interface CheckDefenseOptions {
  /** Parameters to try besides the defaults, `neutral` and those drawn by chance. */
  readonly parameters?: readonly Readonly<Record<string, unknown>>[];
  /** Sets of parameters to draw from the schema; 200 by default. */
  readonly sets?: number;
  /** Frames of all drawn sets together after which no more are drawn; 10 million by default, a few seconds. */
  readonly drawnFrames?: number;
  /** Seed of the traffic and of the sets. */
  readonly seed?: number;
}

const declares: Check = {
  name: 'declares-itself',
  summary: 'Scope and removedAt are known ones, neutral parameters are accepted.',
};
const prepares: Check = {
  name: 'prepares',
  summary: 'prepare() leaves the training traffic alone; without any it works, or says in one line what is missing.',
};

const defenseChecks: readonly Check[] = [
  ...descriptionChecks,
  declares,
  prepares,
  ...runChecks,
  changesNothing,
  usesChance,
  hidesCover,
  anyParameters,
];

/**
 * Holds a defense to its contract (docs/writing-a-defense.md). It runs with its defaults, its neutral parameters and those of `options`
 * over traffic of a made-up home and at the edges of the possible, and with randomly drawn parameters over small traces. Findings are in
 * the report, which is the same on every machine; nothing is thrown.
 *
 * The checks see frames only: not whether the far end can take the padding off, nor whether an attack is misled.
 */
export async function checkDefense(defense: Defense, options: CheckDefenseOptions = {}): Promise<ConformanceReport> {
  const { parameters = [], sets, drawnFrames, seed = 1 } = options;
  const { name, parameters: schema } = defense;
  const recorder = createRecorder(defenseChecks);
  const rng = createRng(seed, 'conformance');
  const where = `defense ${defense.name}`;
  checkDescription(recorder, defense, where);
  checkDeclarations(recorder, defense, where);

  const training = makeTraffic(rng.stream('training'), PACKETS);
  const traffic = makeAllTraffic(rng);
  for (const given of [{}, ...(defense.neutral ? [defense.neutral] : []), ...parameters]) {
    const label = formatRequest(defense.name, given);
    const prepared = await recorder.attemptAsync(runs, { parameters: label }, async () => {
      const resolved = resolveParameters(defense.parameters, given, where);
      const prepare = () => prepareDefense(defense, resolved, { trace: training, rng: createRng(seed, 'prepare') });
      const before = structuredClone(training);
      const twice = [await prepare(), await prepare()] as const;
      if (defense.prepare) await checkPrepare(recorder, defense, resolved, label, before, training);
      return twice;
    });
    if (prepared) {
      const subject = subjectOf(label, [prepared[0]], [prepared[1]]);
      checkRuns(recorder, subject, traffic, given === defense.neutral);
    }
  }
  if (!defense.prepare) recorder.skip(prepares, 'it has no prepare()');
  if (!defense.neutral) recorder.skip(changesNothing, 'it declares no neutral parameters');
  const prepare: Drawing['prepare'] = async (resolved, trace) => {
    const once = () => prepareDefense(defense, resolved, { trace, rng: createRng(1, 'prepare') });
    return subjectOf(defense.name, [await once()], [await once()]);
  };
  await checkDrawnParameters(recorder, { name, parameters: schema, where, sets, drawnFrames, prepare }, rng);
  return recorder.finish('defense', defense.name);
}

/** Holds several defenses in a row to the checks on runs, cover included. */
export async function checkComposition(
  label: string,
  parts: readonly Pick<AppliedDefense, 'defense' | 'parameters'>[],
  seed = 1,
): Promise<ConformanceReport> {
  const recorder = createRecorder([...runChecks, usesChance, hidesCover]);
  const rng = createRng(seed, 'conformance');
  const trace = makeTraffic(rng.stream('training'), PACKETS);
  const prepare = () =>
    Promise.all(
      parts.map(({ defense, parameters }, stage) =>
        prepareDefense(defense, parameters, { trace, rng: createRng(seed, 'prepare', stage) }),
      ),
    );
  const prepared = await recorder.attemptAsync(runs, { parameters: label }, async () =>
    subjectOf(label, await prepare(), await prepare()),
  );
  if (prepared) checkRuns(recorder, prepared, makeAllTraffic(rng), false);
  return recorder.finish('defense', label);
}

function checkDeclarations(recorder: Recorder, defense: Defense, where: string): void {
  recorder.attempt(declares, {}, () => {
    const among = (key: string, value: string, known: readonly string[]) =>
      demand(known.includes(value), `${key}: expected ${known.join(', ')}, found ${JSON.stringify(value)}`);
    among('removedAt', defense.removedAt, ['device', 'gateway', 'tunnel end', 'nowhere']);
    for (const given of [{}, defense.neutral ?? {}]) {
      const resolved = resolveParameters(defense.parameters, given, where);
      among('scope', scopeOfDefense(defense, resolved), ['flow', 'device', 'home']);
    }
  });
}

async function checkPrepare(
  recorder: Recorder,
  defense: Defense,
  parameters: Readonly<Record<string, unknown>>,
  label: string,
  before: Trace,
  training: Trace,
): Promise<void> {
  await recorder.attemptAsync(prepares, { parameters: label }, async () => {
    const column = firstDifference(before, training);
    demand(column === null, `the training traffic was changed: ${column}`);
    try {
      await prepareDefense(defense, parameters, { trace: null, rng: createRng(1, 'prepare') });
    } catch (thrown) {
      if (!isRefusal(thrown)) throw thrown;
      demand(!thrown.message.includes('\n'), `expected one line where there is no training traffic, found more`);
    }
  });
}
