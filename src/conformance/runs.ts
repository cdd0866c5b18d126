import type { DefendedTrace } from '../shaping/account.js';
import type { AppliedDefense } from '../shaping/shaper.js';
import { shapeAll } from '../shaping/simulate.js';
import { InputError, UsageError } from '../shared/errors.js';
import { formatRequest, type ParameterSchema, resolveParameters } from '../shared/parameters.js';
import { createRng, type Rng } from '../shared/rng.js';
import type { Trace } from '../trace/trace.js';
import { checkHidden, hasCover, hidesCover } from './cover.js';
import { checkRefusal } from './describes-itself.js';
import { drawParameters } from './draw-parameters.js';
import { type Check, type Circumstances, demand, type Recorder, Violation } from './report.js';
import { makeEdgeTraffic, makeTraffic, type Traffic } from './traffic.js';
import { type Claims, firstDifference, keepsMtu, type Trial, trialChecks } from './trial.js';

export const runs: Check = {
  name: 'runs-to-its-end',
  summary: 'Each packet is sent or dropped, none twice; it throws nothing, and stops within two million frames.',
};
export const changesNothing: Check = {
  name: 'changes-nothing-where-neutral',
  summary: 'With the neutral parameters the frames are the packets.',
};
export const usesChance: Check = {
  name: 'other-for-another-seed',
  summary: 'A defense that draws from the link gives other frames for another seed.',
};
export const anyParameters: Check = {
  name: 'sound-for-any-parameters',
  summary: 'Randomly drawn parameters are refused in one line, or run with all of the above but the MTU.',
};

/** The checks on each run that has come to its end. */
const heldTo = [...trialChecks, keepsMtu];

/** The checks on a run that {@link checkRuns} makes, with {@link usesChance} and {@link hidesCover}. */
export const runChecks: readonly Check[] = [runs, ...heldTo];

/** On a trace of less than a minute more are a fault: no run would ever end with such parameters. */
const MOST_FRAMES = 2_000_000;
const DRAWN_FRAMES = 10_000_000;
const SETS = 200;
export const PACKETS = 1500;
/** Drawn sets run over this many small traces in turn. */
const SMALL_TRACES = 20;
const SMALL_PACKETS = 40;
/** Small traces last seconds, so that defenses that send at a rate make fewer frames. */
const SMALL_PACE = 4;
const SLOW_LINK = 1e5;
const RICH = 'traffic of a home';

/** Makes traffic of a home, the same over a slow link, and traffic at the edges of the possible. */
export function makeAllTraffic(rng: Rng): Traffic[] {
  const rich = makeTraffic(rng.stream('rich'), PACKETS);
  const some = makeTraffic(rng.stream('some'), PACKETS / 5);
  return [
    { name: RICH, trace: rich },
    { name: `a link of ${SLOW_LINK / 1000} kbit/s`, trace: some, capacity: SLOW_LINK },
    ...makeEdgeTraffic(rng.stream('edges')),
  ];
}

/** A defense, or several in a row, ready to run. */
export interface Subject {
  readonly label: string;
  readonly claims: Claims;
  /** `again` runs it as it was prepared the second time. */
  run(traffic: Traffic, rng: Rng, again?: boolean): DefendedTrace;
}

export function subjectOf(
  label: string,
  applied: readonly AppliedDefense[],
  again: readonly AppliedDefense[] = applied,
): Subject {
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

/** Runs a subject over all traffic, and holds each run to {@link runChecks}. */
export function checkRuns(recorder: Recorder, subject: Subject, traffic: readonly Traffic[], isNeutral: boolean): void {
  const seed = 1;
  let isDrawn = false;
  let isHidden = false;
  for (const one of traffic) {
    const circumstances = { parameters: subject.label, traffic: one.name, seed };
    const trial = recorder.attempt(runs, circumstances, () => tryOut(subject, one, seed));
    // The other traffic would fail too, or take as long.
    if (!trial) return;
    for (const check of heldTo) recorder.attempt(check, circumstances, () => check.check(trial));
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

/** Wraps `rng` and all its streams, and counts how often they are drawn from. */
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

/** Parameters to draw from the schema of a plug-in. */
export interface Drawing {
  readonly parameters: ParameterSchema;
  readonly name: string;
  /** Begins messages about parameters: 'defense pad'. */
  readonly where: string;
  /** {@link SETS} by default. */
  readonly sets?: number;
  /** {@link DRAWN_FRAMES} by default. */
  readonly drawnFrames?: number;
  /** Prepares what these parameters give. @throws UsageError, InputError: a refusal in one line */
  prepare(parameters: Readonly<Record<string, unknown>>, training: Trace): Promise<Subject>;
  /** Turns traffic of the home into what the subject is given. */
  readonly select?: (trace: Trace) => Trace;
}

/** Holds a plug-in with randomly drawn parameters to {@link trialChecks}, over small traces. */
export async function checkDrawnParameters(recorder: Recorder, drawing: Drawing, rng: Rng): Promise<void> {
  const { parameters, name, sets = SETS, drawnFrames = DRAWN_FRAMES, select = (trace) => trace } = drawing;
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
    const given = drawParameters(parameters, rng.stream('set', tried));
    const one = { name: 'small traffic of a home', trace: select(traffic[tried % SMALL_TRACES]!) };
    const circumstances = { parameters: formatRequest(name, given), traffic: one.name, seed: 1 };
    const sound = await recorder.attemptAsync(anyParameters, circumstances, async () => {
      const subject = await prepareOrRefuse(drawing, given, training, (message) => {
        first ??= message;
      });
      if (!subject) return true;
      accepted++;
      const trial = tryOut(subject, one, 1);
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

/** Returns null if the parameters are refused, and refused as they should be. */
async function prepareOrRefuse(
  { parameters, where, prepare }: Drawing,
  given: Readonly<Record<string, unknown>>,
  training: Trace,
  onRefusal: (message: string) => void,
): Promise<Subject | null> {
  let resolved: Readonly<Record<string, unknown>>;
  try {
    resolved = resolveParameters(parameters, given, where);
  } catch (thrown) {
    if (!isRefusal(thrown)) throw thrown;
    checkRefusal(thrown.message, parameters, where);
    onRefusal(thrown.message);
    return null;
  }
  try {
    return await prepare(resolved, training);
  } catch (thrown) {
    if (!isRefusal(thrown)) throw thrown;
    demand(!thrown.message.includes('\n'), `expected a refusal in one line, found ${JSON.stringify(thrown.message)}`);
    onRefusal(thrown.message);
    return null;
  }
}

/** Tells a refusal, which says what the user can put right, from a fault of the plug-in. */
export function isRefusal(thrown: unknown): thrown is UsageError | InputError {
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
