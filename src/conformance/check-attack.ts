import { isDeepStrictEqual } from 'node:util';
import type { Attack, AttackContext, Identifier } from '../learning/attack.js';
import { labelWindows } from '../learning/build-windows.js';
import { mostProbable } from '../learning/scores.js';
import { NO_CLASS, type Windows } from '../learning/windows.js';
import { InputError, UsageError } from '../shared/errors.js';
import { formatRequest, resolveParameters } from '../shared/parameters.js';
import { createRng } from '../shared/rng.js';
import type { Seen } from '../trace/seen.js';
import { checkDescription, descriptionChecks } from './describes-itself.js';
import { type Check, type ConformanceReport, createRecorder, demand, type Recorder } from './report.js';
import { emptyWindows, makeWindows, withoutLabels, withoutWindows } from './windows.js';

export interface CheckAttackOptions {
  /** In place of the defaults, where those take long: fewer rounds, a smaller network. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** Seed of the windows and the attack. */
  readonly seed?: number;
}

const fits: Check = {
  name: 'fits',
  summary: 'Learns from few windows, with classes that never occur, packets of no class, and no validation part.',
};
const answers: Check = {
  name: 'answers-everything',
  summary: 'Each packet, or window, has a row of probabilities, one a class, that add up to 1, or to 0 for no answer.',
};
const takesAnyWindows: Check = {
  name: 'takes-any-windows',
  summary: 'Predicts for short windows, single packets, ports never seen, packets in no window, and for nothing.',
};
const sameForSameSeed: Check = {
  name: 'same-for-the-same-seed',
  summary: 'All chance comes from the context: with the same seed the same probabilities, whatever the threads.',
};
const readsNoLabels: Check = {
  name: 'reads-no-labels',
  summary: 'Predictions are the same whether the windows bear labels or not.',
};
const leavesInputAlone: Check = {
  name: 'leaves-its-input-alone',
  summary: 'The windows that go in are the same afterwards.',
};
const saysWhatIsMissing: Check = {
  name: 'says-what-is-missing',
  summary: 'Without anything to learn it says so in one line, or learns nothing.',
};
const endsWhenAborted: Check = {
  name: 'ends-when-aborted',
  summary: 'With a signal that is aborted it ends with what it has, or throws the reason.',
};
const keepsModels: Check = {
  name: 'keeps-its-models',
  summary: 'What save() gives, open() makes the same predictions of; a damaged file is refused in one line.',
};
const learns: Check = {
  name: 'learns',
  summary: 'Tells two devices apart that any column tells apart.',
  advice: true,
};

const attackChecks: readonly Check[] = [
  ...descriptionChecks,
  fits,
  answers,
  takesAnyWindows,
  sameForSameSeed,
  readsNoLabels,
  leavesInputAlone,
  saysWhatIsMissing,
  endsWhenAborted,
  keepsModels,
  learns,
];

/** Probabilities are 32-bit; a row may miss 1 by so much. */
const ROW_SUM_ERROR = 1e-3;
/** How far the probabilities of one model may differ between runtimes, or for another number of threads. */
const SAME = 1e-4;
/** Share of right answers beyond the best constant one that counts as having learnt. */
const ADVANTAGE = 0.1;

/**
 * Holds an attack to its contract (docs/writing-an-attack.md), on small windows of made-up devices. What a check finds is in the
 * report; nothing is thrown. It fits some seven times.
 */
export async function checkAttack(attack: Attack, options: CheckAttackOptions = {}): Promise<ConformanceReport> {
  const { parameters: given = {}, seed = 1 } = options;
  const recorder = createRecorder(attackChecks);
  const where = `attack ${attack.name}`;
  checkDescription(recorder, attack, where);
  const subject = { attack, label: formatRequest(attack.name, given), where, given, seed, recorder };
  const windows = makeAllWindows(seed, attack);
  const first = await fitOn(subject, windows.train, windows.validation);
  if (first) {
    const expected = await predictOn(subject, first, windows.train.classes, windows.test);
    if (expected) {
      await checkLabels(subject, first, windows.labelled, expected);
      await checkRepeats(subject, windows, expected);
      await checkModels(subject, first, windows, expected);
      recorder.attempt(learns, { parameters: subject.label }, () =>
        demandAdvantage(attack, windows.labelled, expected),
      );
    }
    await checkOddWindows(subject, first, windows);
    await checkOddTraining(subject);
    await checkNothingToLearn(subject, windows.train);
    await checkAbort(subject, windows);
  }
  return recorder.finish('attack', attack.name);
}

interface Subject {
  readonly attack: Attack;
  /** With its parameters, as on the command line. */
  readonly label: string;
  readonly where: string;
  readonly given: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly recorder: Recorder;
}

type AllWindows = ReturnType<typeof makeAllWindows>;

function makeAllWindows(seed: number, attack: Attack) {
  const rng = createRng(seed, 'conformance');
  const train = makeWindows(rng.stream('train'), 600, { stride: 10, attack });
  const labelled = makeWindows(rng.stream('test'), 190, { attack });
  const validation = makeWindows(rng.stream('validation'), 200, { attack });
  return { train, validation, labelled, test: withoutLabels(labelled) };
}

const circumstancesOf = ({ label, seed }: Subject, traffic: string) => ({ parameters: label, traffic, seed });

/** Fits as the harness would, and sees to it that the windows stay as they are. */
async function fitOn(
  subject: Subject,
  train: Windows,
  validation: Windows,
  { check = fits, what = 'two devices', ...context }: { check?: Check; what?: string } & Partial<AttackContext> = {},
): Promise<Identifier | null> {
  const { attack, recorder, seed } = subject;
  const circumstances = circumstancesOf(subject, what);
  const before = structuredClone([train, validation]);
  const identifier = await recorder.attemptAsync(check, circumstances, async () => {
    const parameters = resolveParameters(attack.parameters, subject.given, subject.where);
    const later = attack.validates ? validation : emptyWindows(train.classes, attack);
    const rng = createRng(seed, 'attack');
    return await attack.fit(train, later, { parameters, rng, threads: 1, ...context } as AttackContext<never>);
  });
  recorder.attempt(leavesInputAlone, circumstances, () => {
    for (const [i, part] of [train, validation].entries()) demandSame(before[i]!, part, 'fit');
  });
  return identifier;
}

/** Predicts, and demands that the predictions have the right form. */
async function predictOn(
  subject: Subject,
  identifier: Identifier,
  classes: readonly string[],
  windows: Windows,
  { check = answers, what = 'two devices' }: { check?: Check; what?: string } = {},
): Promise<Float32Array | null> {
  const { recorder } = subject;
  const circumstances = circumstancesOf(subject, what);
  const before = structuredClone(windows);
  const probabilities = await recorder.attemptAsync(check, circumstances, () => identifier.predict(windows));
  recorder.attempt(leavesInputAlone, circumstances, () => demandSame(before, windows, 'predict'));
  if (!probabilities) return null;
  const isSound = recorder.attempt(answers, circumstances, () => {
    demandProbabilities(probabilities, subject.attack, windows, classes);
    return true;
  });
  return isSound ? probabilities : null;
}

function demandProbabilities(
  probabilities: Float32Array,
  { answers: unit = 'packet' }: Attack,
  { packets, start }: Windows,
  { length: width }: readonly string[],
): void {
  demand(probabilities instanceof Float32Array, 'expected a Float32Array of probabilities');
  const rows = unit === 'window' ? start.length : packets.rows;
  const expected = rows * width;
  demand(
    probabilities.length === expected,
    `expected ${expected} probabilities, of ${rows} ${unit}s and ${width} classes, found ${probabilities.length}`,
  );
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let c = 0; c < width; c++) {
      const value = probabilities[row * width + c]!;
      demand(value >= 0 && value <= 1 + ROW_SUM_ERROR, `${unit} ${row}: expected a probability, found ${value}`);
      sum += value;
    }
    demand(sum === 0 || Math.abs(sum - 1) <= ROW_SUM_ERROR, `${unit} ${row}: expected a sum of 1, or 0, found ${sum}`);
  }
}

const COLUMNS = ['port', 'protocols', 'direction', 'length', 'interval'] as const;

function demandSame(before: Windows, after: Windows, task: string): void {
  const columns: [string, ArrayLike<number>, ArrayLike<number>][] = [
    ...COLUMNS.map((name): [string, ArrayLike<number>, ArrayLike<number>] => [
      name,
      before.packets[name],
      after.packets[name],
    ]),
    ['start', before.start, after.start],
    ['count', before.count, after.count],
    ['streamEnds', before.streamEnds, after.streamEnds],
    ['time', before.time, after.time],
    ['remote', before.remote?.of ?? [], after.remote?.of ?? []],
    ...Object.entries(before.seen ?? {}).map(([name, column]): [string, ArrayLike<number>, ArrayLike<number>] => [
      name,
      column,
      after.seen?.[name as keyof Seen] ?? [],
    ]),
    ['label', before.label, after.label],
  ];
  for (const [name, one, other] of columns) {
    for (let row = 0; row < one.length; row++) {
      demand(Object.is(one[row], other[row]), `${task} changed ${name}, row ${row}, from ${one[row]} to ${other[row]}`);
    }
  }
  demand(before.classes.join('\n') === after.classes.join('\n'), `${task} changed the classes`);
}

function demandClose(one: Float32Array, other: Float32Array, tolerance: number, what: string): void {
  demand(one.length === other.length, `${what}: ${one.length} probabilities and ${other.length}`);
  for (let i = 0; i < one.length; i++) {
    const isClose = Math.abs(one[i]! - other[i]!) <= tolerance;
    demand(isClose, `${what}: probability ${i} is ${one[i]} and ${other[i]}`);
  }
}

async function checkLabels(
  subject: Subject,
  identifier: Identifier,
  labelled: Windows,
  expected: Float32Array,
): Promise<void> {
  await subject.recorder.attemptAsync(readsNoLabels, circumstancesOf(subject, 'two devices'), async () => {
    demandClose(await identifier.predict(labelled), expected, SAME, 'with labels and without');
  });
}

async function checkRepeats(
  subject: Subject,
  { train, validation, test }: AllWindows,
  expected: Float32Array,
): Promise<void> {
  for (const threads of [1, 2]) {
    const again = await fitOn(subject, train, validation, { threads });
    if (!again) continue;
    await subject.recorder.attemptAsync(sameForSameSeed, circumstancesOf(subject, 'two devices'), async () => {
      const tolerance = threads === 1 ? 0 : SAME;
      demandClose(await again.predict(test), expected, tolerance, threads === 1 ? 'fitted twice' : 'with two threads');
    });
  }
}

async function checkOddWindows(
  subject: Subject,
  identifier: Identifier,
  { train, labelled }: AllWindows,
): Promise<void> {
  const rng = createRng(subject.seed, 'conformance', 'odd');
  const { attack } = subject;
  const unseen = makeWindows(rng, 60, { attack });
  unseen.packets.port.fill(9999);
  unseen.packets.protocols.fill(64);
  unseen.packets.length.fill(65_549);
  unseen.packets.interval.fill(86_400);
  const odd: [string, Windows][] = [
    ['a window of seven packets', makeWindows(rng, 7, { attack })],
    ['one packet', makeWindows(rng, 1, { attack })],
    ['ports, lengths and intervals never seen', unseen],
    ['packets in no window', withoutWindows(labelled)],
    ['no packet', emptyWindows([], attack)],
  ];
  for (const [what, windows] of odd) {
    await predictOn(subject, identifier, train.classes, withoutLabels(windows), { check: takesAnyWindows, what });
  }
}

/** A class that never occurs, a class of cover, packets of no class, windows that overlap, no validation part. */
async function checkOddTraining(subject: Subject): Promise<void> {
  const rng = createRng(subject.seed, 'conformance', 'odd training');
  const classes = ['camera', 'doorbell', 'lamp'];
  const { attack } = subject;
  const odd: [string, Windows][] = [
    [
      'a class that never occurs, and cover',
      makeWindows(rng, 300, { devices: 3, strange: 0.3, classes, coverClass: true, stride: 5, attack }),
    ],
    ['packets of no class', makeWindows(rng, 300, { devices: 3, strange: 0.3, classes: ['lamp', 'camera'], attack })],
  ];
  for (const [what, train] of odd) {
    const identifier = await fitOn(subject, train, emptyWindows(train.classes, attack), { what });
    if (identifier) await predictOn(subject, identifier, train.classes, withoutLabels(train), { what });
  }
}

async function checkNothingToLearn({ attack, given, where, seed, recorder }: Subject, train: Windows): Promise<void> {
  const none: [string, Windows][] = [
    ['no packet', emptyWindows(train.classes, attack)],
    ['no packet of any class', { ...train, label: new Uint16Array(train.label.length).fill(NO_CLASS) }],
    ['packets of one class', { ...train, label: new Uint16Array(train.label.length) }],
  ];
  for (const [what, windows] of none) {
    const circumstances = { parameters: formatRequest(attack.name, given), traffic: what, seed };
    await recorder.attemptAsync(saysWhatIsMissing, circumstances, async () => {
      const parameters = resolveParameters(attack.parameters, given, where);
      const context = { parameters, rng: createRng(seed, 'attack'), threads: 1 } as AttackContext<never>;
      await demandRefusal(() => attack.fit(windows, emptyWindows(train.classes, attack), context));
    });
  }
}

/** Demands that whatever `body` throws is an expected fault with a message of one line. */
async function demandRefusal(body: () => Promise<unknown>): Promise<void> {
  try {
    await body();
  } catch (thrown) {
    if (!(thrown instanceof InputError || thrown instanceof UsageError)) throw thrown;
    demand(!thrown.message.includes('\n'), `expected one line, found ${JSON.stringify(thrown.message)}`);
  }
}

async function checkAbort(subject: Subject, { train, validation }: AllWindows): Promise<void> {
  const reason = new Error('interrupted');
  const { attack, recorder, given, where, seed } = subject;
  await recorder.attemptAsync(endsWhenAborted, circumstancesOf(subject, 'two devices'), async () => {
    const parameters = resolveParameters(attack.parameters, given, where);
    const rng = createRng(seed, 'attack');
    const signal = AbortSignal.abort(reason);
    try {
      const later = attack.validates ? validation : emptyWindows(train.classes, attack);
      await attack.fit(train, later, { parameters, rng, threads: 1, signal } as AttackContext<never>);
    } catch (thrown) {
      if (thrown !== reason) throw thrown;
    }
  });
}

async function checkModels(
  subject: Subject,
  identifier: Identifier,
  { train, test }: AllWindows,
  expected: Float32Array,
): Promise<void> {
  const { attack, recorder } = subject;
  if (!attack.open && !identifier.save) return recorder.skip(keepsModels, 'its models cannot be kept');
  await recorder.attemptAsync(keepsModels, circumstancesOf(subject, 'two devices'), async () => {
    demand(attack.open !== undefined, 'its identifiers have save(), but it has no open()');
    demand(identifier.save !== undefined, 'it has open(), but its identifiers have no save()');
    const { onnx, encoding } = identifier.save();
    demand(onnx instanceof Uint8Array && onnx.length > 0, 'expected save() to give a file, found no bytes');
    const kept: unknown = JSON.parse(JSON.stringify(encoding));
    demand(isDeepStrictEqual(kept, encoding), 'expected an encoding that JSON can hold');
    const context = { classes: train.classes, threads: 1 };
    const opened = await attack.open(onnx, 'model.onnx', context);
    demandClose(await opened.predict(test), expected, SAME, 'as saved and opened again');
    for (const damaged of [onnx.slice(0, onnx.length / 2), new Uint8Array(0), Uint8Array.of(1, 2, 3)]) {
      await demandRefusal(async () => {
        const other = await attack.open!(damaged, 'model.onnx', context);
        await other.predict(test);
        demand(false, `expected a file that is cut to ${damaged.length} bytes to be refused, it was not`);
      });
    }
  });
}

function demandAdvantage({ answers = 'packet' }: Attack, windows: Windows, probabilities: Float32Array): void {
  const { classes } = windows;
  const label = answers === 'window' ? labelWindows(windows) : windows.label;
  const predicted = mostProbable(probabilities, classes.length);
  const packets = new Array<number>(classes.length).fill(0);
  let hits = 0;
  for (let row = 0; row < label.length; row++) {
    packets[label[row]!]!++;
    if (predicted[row] === label[row]) hits++;
  }
  const share = hits / label.length;
  const majority = Math.max(...packets) / label.length;
  const percent = (value: number) => `${Math.round(100 * value)} %`;
  demand(
    share >= majority + ADVANTAGE,
    `it names ${percent(share)} of the ${answers}s right; always naming one device gives ${percent(majority)}`,
  );
}
