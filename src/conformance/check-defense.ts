import type { DefendedTrace } from '../shaping/account.js';
import { type AppliedDefense, type Defense, prepareDefense, scopeOfDefense } from '../shaping/shaper.js';
import { shapeAll } from '../shaping/simulate.js';
import { InputError, UsageError } from '../shared/errors.js';
import { formatRequest, resolveParameters } from '../shared/parameters.js';
import { createRng, type Rng } from '../shared/rng.js';
import type { Trace } from '../trace/trace.js';
import { checkHidden, hasCover, hidesCover } from './cover.js';
import { checkDescription, checkRefusal, descriptionChecks } from './describes-itself.js';
import { drawParameters } from './draw-parameters.js';
import {
  type Check,
  type Circumstances,
  type ConformanceReport,
  createRecorder,
  demand,
  type Recorder,
  Violation,
} from './report.js';
import { makeEdgeTraffic, makeTraffic, type Traffic } from './traffic.js';
import { type Claims, firstDifference, keepsMtu, type Trial, trialChecks } from './trial.js';

export interface CheckDefenseOptions {
  /** Parameters to try besides the defaults, `neutral` and those drawn by chance. */
  readonly parameters?: readonly Readonly<Record<string, unknown>>[];
  /** Sets of parameters to draw from the schema; 200 by default. */
  readonly sets?: number;
  /** Once the drawn sets have made so many frames together, no more are drawn; 10 million by default, a few seconds. */
  readonly drawnFrames?: number;
  /** Of the traffic and the sets. */
  readonly seed?: number;
}

const declares: Check = {
  name: 'declares-itself',
  summary: 'Scope and removedAt are of those that there are, neutral parameters are accepted.',
};
const prepares: Check = {
  name: 'prepares',
  summary: 'prepare() leaves the training traffic alone, and does without or says in one line what is missing.',
};
const runs: Check = {
  name: 'runs-to-its-end',
  summary: 'Each packet is sent or dropped, none twice; it throws nothing, and stops within two million frames.',
};
const changesNothing: Check = {
  name: 'changes-nothing-where-neutral',
  summary: 'With the neutral parameters the frames are the packets.',
};
const usesChance: Check = {
  name: 'other-for-another-seed',
  summary: 'A defense that draws from the link gives other frames for another seed.',
};
const anyParameters: Check = {
  name: 'sound-for-any-parameters',
  summary: 'Parameters drawn by chance are refused in one line, or run with all of the above but the MTU.',
};

const runChecks: readonly Check[] = [runs, ...trialChecks, keepsMtu];
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

/** On a trace of less than a minute more are a fault: no run would ever end with such parameters. */
const MOST_FRAMES = 2_000_000;
const DRAWN_FRAMES = 10_000_000;
const SETS = 200;
const PACKETS = 1500;
/** For drawn sets: so many small traces, in turn. */
const SMALL_TRACES = 20;
const SMALL_PACKETS = 40;
/** They last seconds: defenses that send at a rate make the fewer frames. */
const SMALL_PACE = 4;
const SLOW_LINK = 1e5;

/**
 * Holds a defense to its contract (docs/writing-a-defense.md): with its defaults, its neutral parameters and those of `options`, on
 * traffic of a made-up home and on traffic at the edges of what can be; and with sets of parameters drawn by chance on small traces.
 * The same on every machine. What a check finds is in the report; nothing is thrown.
 *
 * Not found is what does not show in frames: whether the far end can take the padding off, or whether an attack is misled.
 */
export async function checkDefense(defense: Defense, options: CheckDefenseOptions = {}): Promise<ConformanceReport> {
  const { parameters = [], seed = 1 } = options;
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
  await checkDrawnParameters(recorder, defense, options, rng);
  return recorder.finish('defense', defense.name);
}

/** Holds several defenses in a row to what any run owes, cover that no column gives away included. */
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

const RICH = 'traffic of a home';

function makeAllTraffic(rng: Rng): Traffic[] {
  const rich = makeTraffic(rng.stream('rich'), PACKETS);
  const some = makeTraffic(rng.stream('some'), PACKETS / 5);
  return [
    { name: RICH, trace: rich },
    { name: `a link of ${SLOW_LINK / 1000} kbit/s`, trace: some, capacity: SLOW_LINK },
    ...makeEdgeTraffic(rng.stream('edges')),
  ];
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

/** A defense, or several in a row, ready to run. */
interface Subject {
  readonly label: string;
  readonly claims: Claims;
  /** `again` runs it as it was prepared the second time. */
  run(traffic: Traffic, rng: Rng, again?: boolean): DefendedTrace;
}

function subjectOf(label: string, applied: readonly AppliedDefense[], again: readonly AppliedDefense[]): Subject {
  return {
    label,
    claims: {
      separableCover: applied.some(({ defense }) => defense.separableCover ?? false),
      exceedsMtu: applied.some(({ defense }) => defense.exceedsMtu ?? false),
      isTunnel: applied.some(({ defense }) => defense.tunnel !== undefined),
    },
    run: ({ trace, capacity }, rng, isAgain = false) =>
      shapeAll(trace, isAgain ? again : applied, { rng, capacity, maximumFrames: MOST_FRAMES }),
  };
}

/** @throws what the defense throws */
function tryOut({ claims, run }: Subject, traffic: Traffic, seed: number): Trial {
  const before = structuredClone(traffic.trace);
  const defended = run(traffic, createRng(seed));
  const after = traffic.trace;
  const again = run({ ...traffic, trace: before }, createRng(seed), true);
  return { before, after, defended, again, claims };
}

function checkRuns(recorder: Recorder, subject: Subject, traffic: readonly Traffic[], isNeutral: boolean): void {
  const seed = 1;
  let isDrawn = false;
  let isHidden = false;
  for (const one of traffic) {
    const circumstances = { parameters: subject.label, traffic: one.name, seed };
    const trial = recorder.attempt(runs, circumstances, () => tryOut(subject, one, seed));
    // What does not run here runs nowhere, or takes as long to fail.
    if (!trial) return;
    for (const check of [...trialChecks, keepsMtu]) recorder.attempt(check, circumstances, () => check.check(trial));
    if (isNeutral && one.capacity === undefined) {
      recorder.attempt(changesNothing, circumstances, () => {
        const column = firstDifference(trial.before, trial.defended.trace);
        demand(column === null, `the packets were changed: ${column}`);
      });
    }
    if (one.name !== RICH) continue;
    isHidden = hasCover(trial) && !subject.claims.separableCover;
    if (isHidden) recorder.attempt(hidesCover, circumstances, () => checkHidden(trial));
    isDrawn = checkChance(recorder, subject, one, trial, circumstances);
  }
  if (!isDrawn) recorder.skip(usesChance, 'it draws nothing, or changes nothing');
  if (!isHidden) {
    recorder.skip(
      hidesCover,
      subject.claims.separableCover ? 'it declares separableCover' : 'it sends little cover, or none',
    );
  }
}

/** Whether the defense drew at all, and so owed something. */
function checkChance(
  recorder: Recorder,
  { run }: Subject,
  traffic: Traffic,
  { before, defended }: Trial,
  circumstances: Circumstances,
): boolean {
  const counted = countDraws(createRng(1));
  run(traffic, counted.rng);
  if (counted.draws() === 0 || firstDifference(before, defended.trace) === null) return false;
  recorder.attempt(usesChance, circumstances, () => {
    const isOther = [2, 3, 4].some(
      (seed) => firstDifference(run(traffic, createRng(seed)).trace, defended.trace) !== null,
    );
    demand(isOther, 'it draws from the link, and gives the same frames for seeds 1 to 4');
  });
  return true;
}

/** `rng`, with all streams of it, and how often it was drawn from. */
function countDraws(rng: Rng): { rng: Rng; draws(): number } {
  let draws = 0;
  const counting = (inner: Rng): Rng => {
    const drawn = <T>(value: T): T => {
      draws++;
      return value;
    };
    return {
      uniform: () => drawn(inner.uniform()),
      integer: (low, high) => drawn(inner.integer(low, high)),
      normal: (mean, deviation) => drawn(inner.normal(mean, deviation)),
      exponential: (mean) => drawn(inner.exponential(mean)),
      laplace: (mean, scale) => drawn(inner.laplace(mean, scale)),
      stream: (...names) => counting(inner.stream(...names)),
    };
  };
  return { rng: counting(rng), draws: () => draws };
}

async function checkDrawnParameters(
  recorder: Recorder,
  defense: Defense,
  { sets = SETS, drawnFrames = DRAWN_FRAMES }: CheckDefenseOptions,
  rng: Rng,
): Promise<void> {
  const where = `defense ${defense.name}`;
  const traffic = Array.from({ length: SMALL_TRACES }, (_, i) =>
    makeTraffic(rng.stream('small', i), SMALL_PACKETS, SMALL_PACE),
  );
  const training = makeTraffic(rng.stream('small training'), PACKETS / 5);
  let frames = 0;
  let accepted = 0;
  let tried = 0;
  let first: string | null = null;
  let isSound = true;
  for (; tried < sets && frames < drawnFrames && isSound; tried++) {
    const given = drawParameters(defense.parameters, rng.stream('set', tried));
    const one = { name: 'small traffic of a home', trace: traffic[tried % SMALL_TRACES]! };
    const circumstances = { parameters: formatRequest(defense.name, given), traffic: one.name, seed: 1 };
    const sound = await recorder.attemptAsync(anyParameters, circumstances, async () => {
      const applied = await applyOrRefuse(defense, given, where, training, (message) => {
        first ??= message;
      });
      if (!applied) return true;
      accepted++;
      const trial = tryOut(subjectOf(defense.name, [applied[0]], [applied[1]]), one, 1);
      frames += trial.defended.trace.packets;
      for (const check of trialChecks) nameCheck(check, () => check.check(trial));
      return true;
    });
    isSound = sound ?? false;
  }
  if (tried > 0) {
    if (accepted === 0) {
      recorder.attempt(anyParameters, {}, () =>
        demand(false, `expected some of ${tried} sets to be accepted, found none: ${first}`),
      );
    }
    recorder.count(anyParameters, 'accepted', accepted);
    recorder.count(anyParameters, 'refused', tried - accepted);
    recorder.count(anyParameters, 'frames', frames);
  }
}

/** The defense prepared twice, or null where it refuses the parameters as it should. */
async function applyOrRefuse(
  defense: Defense,
  given: Readonly<Record<string, unknown>>,
  where: string,
  training: Trace,
  onRefusal: (message: string) => void,
): Promise<[AppliedDefense, AppliedDefense] | null> {
  let resolved: Readonly<Record<string, unknown>>;
  try {
    resolved = resolveParameters(defense.parameters, given, where);
  } catch (thrown) {
    if (!isRefusal(thrown)) throw thrown;
    checkRefusal(thrown.message, defense.parameters, where);
    onRefusal(thrown.message);
    return null;
  }
  try {
    const prepare = () => prepareDefense(defense, resolved, { trace: training, rng: createRng(1, 'prepare') });
    return [await prepare(), await prepare()];
  } catch (thrown) {
    if (!isRefusal(thrown)) throw thrown;
    demand(!thrown.message.includes('\n'), `expected a refusal in one line, found ${JSON.stringify(thrown.message)}`);
    onRefusal(thrown.message);
    return null;
  }
}

/** Whether a user was told what to put right, other than by a fault of the defense. */
function isRefusal(thrown: unknown): thrown is UsageError | InputError {
  return thrown instanceof UsageError || thrown instanceof InputError;
}

/** Puts the name of a check before what it finds. */
function nameCheck(check: Check, body: () => void): void {
  try {
    body();
  } catch (thrown) {
    if (thrown instanceof Violation) throw new Violation(`${check.name}: ${thrown.message}`);
    throw thrown;
  }
}
