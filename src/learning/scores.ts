import { InputError } from '../shared/errors.js';
import { NO_CLASS } from './windows.js';

/** Scores of an identification, over real packets only. */
export interface Identification {
  /** Share of packets whose predicted class is their device. */
  readonly accuracy: number;
  /** Mean recall over the devices that have packets (scikit-learn: balanced_accuracy_score). */
  readonly balancedAccuracy: number;
  /**
   * Mean F1 over the devices that have packets; an undefined precision counts as 0 (scikit-learn: f1_score with
   * average='macro', zero_division=0 and labels=the classes in the truth).
   */
  readonly macroF1: number;
  /** 1 / number of devices. */
  readonly chance: number;
  /** Accuracy of the best constant answer: the share of the device with most packets. */
  readonly majority: number;
  /** Scores by device name. A quantity that is 0 / 0 is null: precision if never predicted, recall without packets, F1 for both. */
  readonly perDevice: Readonly<Record<string, DeviceScore>>;
  /** Columns of `confusion`: the devices, then 'cover' where it is a class. */
  readonly classes: readonly string[];
  /** Rows: true device, in the order of `classes`. Packets without an answer are in no column. */
  readonly confusion: readonly (readonly number[])[];
}

interface DeviceScore {
  readonly precision: number | null;
  readonly recall: number | null;
  readonly f1: number | null;
  /** Packets. */
  readonly support: number;
}

export interface ScoreInput {
  /** The devices in the order of their class indices. */
  readonly devices: readonly string[];
  /** Classes that can be predicted: `devices`, then 'cover' where it is a class. */
  readonly classes: readonly string[];
  /** True device per packet; NO_CLASS for packets that are not scored (cover, devices left out). */
  readonly truth: Uint16Array;
  /** Predicted class per packet; NO_CLASS for no answer. Anything but the true device is a miss. */
  readonly predicted: Uint16Array;
}

/** @throws InputError where no packet is to be scored. */
export function scoreIdentification({ devices, classes, truth, predicted }: ScoreInput): Identification {
  const confusion = devices.map(() => new Array<number>(classes.length).fill(0));
  const support = new Array<number>(devices.length).fill(0);
  let packets = 0;
  for (let i = 0; i < truth.length; i++) {
    const device = truth[i]!;
    if (device === NO_CLASS) continue;
    packets++;
    support[device]!++;
    if (predicted[i] !== NO_CLASS) confusion[device]![predicted[i]!]!++;
  }
  if (packets === 0) throw new InputError('scores: expected at least one real packet in the test part, found none');

  const perDevice: [string, DeviceScore][] = [];
  let hits = 0;
  let present = 0;
  let recalls = 0;
  let f1s = 0;
  for (let device = 0; device < devices.length; device++) {
    const correct = confusion[device]![device]!;
    const named = confusion.reduce((sum, row) => sum + row[device]!, 0);
    const score = {
      precision: ratio(correct, named),
      recall: ratio(correct, support[device]!),
      f1: ratio(2 * correct, named + support[device]!),
      support: support[device]!,
    };
    perDevice.push([devices[device]!, score]);
    hits += correct;
    if (support[device]! > 0) {
      present++;
      recalls += score.recall!;
      f1s += score.f1!;
    }
  }
  return {
    accuracy: hits / packets,
    balancedAccuracy: recalls / present,
    macroF1: f1s / present,
    chance: 1 / devices.length,
    majority: Math.max(...support) / packets,
    // fromEntries defines own properties, even for a device named __proto__.
    perDevice: Object.fromEntries(perDevice),
    classes,
    confusion,
  };
}

/**
 * The most probable class of each row of `probabilities` (row-major, `classes` columns), the first of equals; NO_CLASS
 * for a row of zeros, which means no answer.
 * @param among number of classes to choose from, beginning with the first
 */
export function mostProbable(probabilities: Float32Array, classes: number, among = classes): Uint16Array {
  const predicted = new Uint16Array(probabilities.length / classes);
  for (let row = 0; row < predicted.length; row++) {
    let best = NO_CLASS;
    let highest = 0;
    for (let c = 0; c < among; c++) {
      const p = probabilities[row * classes + c]!;
      if (p > highest) {
        highest = p;
        best = c;
      }
    }
    predicted[row] = best;
  }
  return predicted;
}

/** Null where `whole` is 0. */
export function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
