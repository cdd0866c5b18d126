import type { Identifier } from '../learning/attack.js';
import { buildWindows, labelPackets, type WindowOptions } from '../learning/build-windows.js';
import { accuracyInterval, type BlockCounts, countBlocks } from '../learning/interval.js';
import { mostProbable, scoreIdentification } from '../learning/scores.js';
import { COVER, NO_CLASS } from '../learning/windows.js';
import { createRng } from '../shared/rng.js';
import type { Trace } from '../trace/trace.js';
import type { Cell } from './result.js';
import { type Model, secondsSince } from './world.js';

/** What an identifier says of each packet of a trace, in the order of the trace. */
export interface Predictions {
  /** The most probable class, NO_CLASS for no answer. */
  readonly predicted: Uint16Array;
  /** Its probability; 0 for no answer. */
  readonly confidence: Float32Array;
}

/** Predictions, and what they would be of a packet that is known to be real. */
export interface Answers extends Predictions {
  /** The most probable device, cover left aside; NO_CLASS where none has any probability. */
  readonly device: Uint16Array;
}

/** Asks `identifier` of every packet of `trace`, each in one window, without showing it any label. */
export async function predictTrace(
  identifier: Identifier,
  classes: readonly string[],
  trace: Trace,
  windowing: Omit<WindowOptions, 'stride'>,
): Promise<Answers> {
  const { windows, source } = buildWindows(trace, { ...windowing, stride: windowing.size });
  const probabilities = await identifier.predict(windows);
  const byRow = mostProbable(probabilities, classes.length);
  const devices = classes.filter((name) => name !== COVER).length;
  const deviceByRow = mostProbable(probabilities, classes.length, devices);
  // Back from streams to the order of time.
  const device = new Uint16Array(trace.packets).fill(NO_CLASS);
  const predicted = new Uint16Array(trace.packets).fill(NO_CLASS);
  const confidence = new Float32Array(trace.packets);
  for (let row = 0; row < source.length; row++) {
    device[source[row]!] = deviceByRow[row]!;
    const best = byRow[row]!;
    if (best === NO_CLASS) continue;
    predicted[source[row]!] = best;
    confidence[source[row]!] = probabilities[row * classes.length + best]!;
  }
  return { device, predicted, confidence };
}

/** What `model` says of a trace, and how well it names the packets' devices. */
export async function scoreModel(
  { identifier, classes, commonest }: Pick<Model, 'identifier' | 'classes' | 'commonest'>,
  trace: Trace,
  devices: readonly string[],
  windowing: Omit<WindowOptions, 'stride'>,
  seed: number,
) {
  const started = performance.now();
  const predictions = await predictTrace(identifier, classes, trace, windowing);
  const seconds = secondsSince(started);
  const truth = truthOf(trace, devices);
  return { predictions, seconds, truth, ...score(truth, predictions.device, devices, seed, commonest) };
}

/** The class of each packet of `trace`, of those that are `devices`; NO_CLASS for cover and for other devices. */
export function truthOf(trace: Trace, devices: readonly string[]): Uint16Array {
  return labelPackets(
    trace,
    Uint32Array.from({ length: trace.packets }, (_, row) => row),
    devices,
  );
}

/**
 * How well `answers` name the devices of the packets, with the interval of the accuracy over blocks of time.
 * Only real packets are scored, so whoever answers "cover" can only lose: an observer who is to be scored like this names the most
 * probable device, and a defense gets no credit for an attack that was merely shy. How well cover is told from real is measured
 * apart (`coverAuc`).
 * @param truth of {@link truthOf}
 * @param answers of {@link Answers.device}
 * @param fallback answer where there is none; NO_CLASS to count it as a miss
 * @throws InputError where no packet is to be scored.
 */
export function score(
  truth: Uint16Array,
  answers: Uint16Array,
  devices: readonly string[],
  seed: number,
  fallback = NO_CLASS,
): { identification: Cell['identification']; blocks: BlockCounts } {
  const predicted = fallback === NO_CLASS ? answers : answers.map((one) => (one === NO_CLASS ? fallback : one));
  const identification = scoreIdentification({ devices, classes: devices, truth, predicted });
  const blocks = countBlocks(truth, predicted);
  const { low, high } = accuracyInterval([blocks], createRng(seed, 'interval'));
  return { identification: { ...identification, accuracyLow: low, accuracyHigh: high }, blocks };
}
