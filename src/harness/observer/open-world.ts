import { scoreOpenSet, thresholdAt } from '../../learning/open-set.js';
import { ratio, scoreIdentification } from '../../learning/scores.js';
import { NO_CLASS } from '../../learning/windows.js';
import { type OpenWorldScores, type ResolvedSpec, UNKNOWN } from '../../result/result.js';
import { take } from '../../shared/columns.js';
import { InputError, suggestion, UsageError } from '../../shared/errors.js';
import { createRng } from '../../shared/rng.js';
import { filterPackets, NO_DEVICE, type Trace } from '../../trace/trace.js';
import type { TrainTest } from '../dataset.js';
import { type Answers, type Askable, type Predictions, predictTrace } from './predict.js';

/**
 * An open world: some devices of the home are held out from training. The observer has to call their packets unknown, and still name
 * the others. They call a packet unknown if their certainty of the best known device is below a threshold (maximum probability:
 * Hendrycks and Gimpel, ICLR 2017). They set it without having met any unknown device: on the end of the training time, at
 * {@link FALSE_ALARMS}. Training and test have the same known devices, and the unknown ones come from the same home: that is the
 * setting of most of the literature on device identification, and its limit.
 */

/** Share of the known devices' packets that an observer accepts to call unknown, in the traffic that sets the threshold. Our choice. */
const FALSE_ALARMS = 0.1;

type UnknownDevice = OpenWorldScores['perUnknown'][string];

/**
 * Removes the devices that `seed` holds out from the training part; the test part keeps them. In a closed world, returns `whole`.
 * @throws UsageError for devices that there are not, or where fewer than two remain; InputError for a device with the name of the answer
 */
export function holdOut(whole: TrainTest, { unknown: asked }: Pick<ResolvedSpec, 'unknown'>, seed: number): TrainTest {
  if (asked === undefined) return whole;
  const { classes } = whole;
  if (classes.includes(UNKNOWN)) {
    throw new InputError(`device "${UNKNOWN}": the name stands for devices that were held out, expected another`);
  }
  if (typeof asked !== 'number') {
    const missing = asked.find((name) => !classes.includes(name));
    if (missing !== undefined) {
      throw new UsageError(
        `--unknown: no device is called "${missing}"${suggestion(missing, classes)}; there is ${classes.join(', ')}`,
      );
    }
  }
  const wanted = typeof asked === 'number' ? asked : asked.length;
  if (wanted > classes.length - 2) {
    throw new UsageError(
      `--unknown: expected at most ${classes.length - 2} of ${classes.length} devices, so that two are known, found ${wanted}`,
    );
  }
  const unknown = typeof asked === 'number' ? drawn(classes, asked, seed) : asked;
  const isUnknown = whole.train.devices.map(({ name }) => unknown.includes(name));
  return {
    ...whole,
    train: filterPackets(whole.train, (row) => !isUnknown[whole.train.device[row]!]),
    classes: classes.filter((name) => !unknown.includes(name)),
    unknown,
  };
}

/**
 * Draws the devices that `seed` holds out: one order is drawn for all seeds, and each seed takes the next `count` devices in it. So seeds
 * in a row hold out every device in turn, and a seed holds out the same devices in every run.
 */
function drawn(devices: readonly string[], count: number, seed: number): string[] {
  const rng = createRng(UNKNOWN, 'order');
  const keyed = devices.map((name) => ({ name, key: rng.uniform() })).sort((a, b) => a.key - b.key);
  const first = (seed % devices.length) * count;
  return Array.from({ length: count }, (_, i) => keyed[(first + i) % devices.length]!.name);
}

/**
 * Sets the observer's threshold on traffic of known devices that was held back from training.
 * @throws InputError where there is none
 */
export async function findThreshold(model: Askable, trace: Trace): Promise<number> {
  const { certainty } = await predictTrace(model, trace);
  const ofReal = certainty.filter((_, row) => trace.cover[row] === 0);
  const threshold = thresholdAt(ofReal, FALSE_ALARMS);
  if (threshold === null) {
    throw new InputError(
      'open world: expected packets at the end of the training part to set the threshold on, found none (whole files: three or more of a device)',
    );
  }
  return threshold;
}

/** An observer's answers in an open world, and their scores. */
export interface OpenAnswers {
  /** As they are, without a prediction for packets that are called unknown. */
  readonly predictions: Predictions;
  /** The known devices, then {@link UNKNOWN}: what `truth` and `answers` index. */
  readonly classes: readonly string[];
  /** Class of each packet; NO_CLASS for cover. */
  readonly truth: Uint16Array;
  readonly answers: Uint16Array;
  readonly scores: OpenWorldScores;
}

/**
 * @param known class of each packet of a known device, NO_CLASS for all others
 * @param answers with a device for every packet
 * @param devices the known ones
 * @throws InputError where no packet is of a known device
 */
export function scoreOpenWorld(
  trace: Trace,
  known: Uint16Array,
  { device, certainty, predicted, confidence }: Answers,
  devices: readonly string[],
  threshold: number,
): OpenAnswers {
  const unknown = devices.length;
  const isReal = (row: number) => trace.cover[row] === 0 && trace.device[row] !== NO_DEVICE;
  const truth = known.map((c, row) => (c === NO_CLASS && isReal(row) ? unknown : c));
  const answers = device.map((c, row) => (certainty[row]! < threshold ? unknown : c));
  const real = Uint32Array.from(truth.keys()).filter((row) => truth[row] !== NO_CLASS);
  const closed = scoreIdentification({ devices, classes: devices, truth: known, predicted: device });
  const { accuracy, balancedAccuracy, macroF1, chance, majority } = closed;
  return {
    predictions: { predicted: predicted.map((c, row) => (answers[row] === unknown ? NO_CLASS : c)), confidence },
    classes: [...devices, UNKNOWN],
    truth,
    answers,
    scores: {
      ...scoreOpenSet(take(certainty, real), take(known, real), take(device, real)),
      threshold,
      falseAlarms: shareOf(unknown, answers, real, (row) => truth[row] !== unknown),
      recall: shareOf(unknown, answers, real, (row) => truth[row] === unknown),
      perUnknown: Object.fromEntries(
        trace.devices.flatMap(({ name }, i): [string, UnknownDevice][] => {
          const own = real.filter((row) => truth[row] === unknown && trace.device[row] === i);
          return own.length === 0 ? [] : [[name, scoreUnknown(take(answers, own), devices)]];
        }),
      ),
      known: { accuracy, balancedAccuracy, macroF1, chance, majority },
    },
  };
}

/** Returns the share of the packets `among` that get the answer `wanted`. */
function shareOf(
  wanted: number,
  answers: Uint16Array,
  rows: Uint32Array,
  among: (row: number) => boolean,
): number | null {
  const of = rows.filter(among);
  return ratio(of.filter((row) => answers[row] === wanted).length, of.length);
}

function scoreUnknown(answers: Uint16Array, devices: readonly string[]): UnknownDevice {
  const given = new Array<number>(devices.length + 1).fill(0);
  for (const c of answers) given[c]!++;
  const most = Math.max(...given.slice(0, -1));
  return {
    recall: ratio(given.at(-1)!, answers.length),
    takenFor: most === 0 ? null : devices[given.indexOf(most)]!,
    support: answers.length,
  };
}
