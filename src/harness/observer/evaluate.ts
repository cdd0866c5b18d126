import { labelPackets, labelWindows } from '../../learning/build-windows.js';
import { accuracyInterval, type BlockCounts, countBlocks } from '../../learning/interval.js';
import { scoreIdentification } from '../../learning/scores.js';
import { NO_CLASS } from '../../learning/windows.js';
import type { Cell } from '../../result/result.js';
import { take } from '../../shared/columns.js';
import { createRng } from '../../shared/rng.js';
import type { Trace } from '../../trace/trace.js';
import { type Model, secondsSince } from '../seed-run.js';
import { scoreOpenWorld } from './open-world.js';
import { type Askable, predictTrace, type WindowAnswers } from './predict.js';

/** The answers that are scored, and the truth, packet by packet. */
export interface Judged {
  /** Index in `classes`, NO_CLASS for packets that are not scored. */
  readonly truth: Uint16Array;
  /** A class for every packet. */
  readonly answers: Uint16Array;
  /** The devices; in an open world the known ones, then "unknown". */
  readonly classes: readonly string[];
}

/** Scores how well `model` identifies the devices of a trace; in an open world, also how well it finds unknown ones. */
export async function scoreModel(
  model: Askable & Pick<Model, 'commonest' | 'threshold'>,
  trace: Trace,
  devices: readonly string[],
  seed: number,
) {
  const started = performance.now();
  const { commonest, threshold } = model;
  const answers = await predictTrace(model, trace);
  const seconds = secondsSince(started);
  const truth = truthOf(trace, devices);
  const device = answers.device.map((one) => (one === NO_CLASS ? commonest : one));
  const open = threshold === null ? null : scoreOpenWorld(trace, truth, { ...answers, device }, devices, threshold);
  const judged: Judged = open ?? { truth, answers: device, classes: devices };
  return {
    predictions: open?.predictions ?? answers,
    seconds,
    truth,
    judged,
    ...score(judged.truth, judged.answers, judged.classes, seed),
    openWorld: open?.scores,
    inWindows: answers.byWindow && scoreWindows(answers.byWindow, truth, devices),
  };
}

/**
 * Scores the answers of an attack that answers per window. A window is of the device that has most of its real packets; windows without
 * any are not scored.
 * @param truth class of each packet, in the order of the trace
 */
function scoreWindows(
  { windows, source, device }: WindowAnswers,
  truth: Uint16Array,
  devices: readonly string[],
): NonNullable<Cell['inWindows']> {
  const label = labelWindows({ ...windows, classes: devices, label: take(truth, source) });
  const scored = Uint32Array.from(label.keys()).filter((window) => label[window] !== NO_CLASS);
  const seconds = Float64Array.from(scored, (window) => {
    const first = windows.start[window]!;
    return windows.time[first + windows.count[window]! - 1]! - windows.time[first]!;
  }).sort();
  const scores =
    scored.length === 0 ? null : scoreIdentification({ devices, classes: devices, truth: label, predicted: device });
  return {
    windows: scored.length,
    seconds: seconds[seconds.length >>> 1] ?? null,
    accuracy: scores?.accuracy ?? null,
    balancedAccuracy: scores?.balancedAccuracy ?? null,
    majority: scores?.majority ?? null,
  };
}

/** Returns the class of each packet of `trace`, an index in `devices`; NO_CLASS for cover and for other devices. */
export function truthOf(trace: Trace, devices: readonly string[]): Uint16Array {
  return labelPackets(
    trace,
    Uint32Array.from({ length: trace.packets }, (_, row) => row),
    devices,
  );
}

/**
 * Scores how well `answers` name the devices of the packets, with an interval of the accuracy over blocks of time. Only real packets are
 * scored, so the answer "cover" could only lose: the observer names the most probable device instead, and a defense gets no credit for
 * an attack that was merely cautious. How well cover is told from real packets is measured apart (`coverAuc`).
 * @param truth of {@link truthOf}
 * @param answers of {@link Answers.device}; NO_CLASS for no answer, which is a miss
 * @throws InputError where no packet is to be scored.
 */
export function score(
  truth: Uint16Array,
  answers: Uint16Array,
  devices: readonly string[],
  seed: number,
): { identification: Cell['identification']; blocks: BlockCounts } {
  const identification = scoreIdentification({ devices, classes: devices, truth, predicted: answers });
  const blocks = countBlocks(truth, answers);
  const { low, high } = accuracyInterval([blocks], createRng(seed, 'interval'));
  return { identification: { ...identification, accuracyLow: low, accuracyHigh: high }, blocks };
}
