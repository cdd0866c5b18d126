import type { Identifier } from '../../learning/attack.js';
import { type BuiltWindows, buildWindows } from '../../learning/build-windows.js';
import { mostProbable } from '../../learning/scores.js';
import { spreadAnswers } from '../../learning/spread-answers.js';
import { COVER, NO_CLASS, type Windows } from '../../learning/windows.js';
import type { Trace } from '../../trace/trace.js';
import type { Windowing } from '../setting.js';

/** The part of a model that predictions need. */
export interface Askable {
  readonly identifier: Identifier;
  /** Columns of its probabilities. */
  readonly classes: readonly string[];
  readonly windowing: Windowing;
}

/** An identifier's answers for the packets of a trace, in the order of the trace. */
export interface Predictions {
  /** The most probable class, NO_CLASS for no answer. */
  readonly predicted: Uint16Array;
  /** Its probability; 0 for no answer. */
  readonly confidence: Float32Array;
}

/** Predictions, and the answers for packets that are known to be real. */
export interface Answers extends Predictions {
  /** The most probable device, cover left aside; NO_CLASS where none has any probability. */
  readonly device: Uint16Array;
  /**
   * How certain that is: the device's probability among all devices; 0 where none has any. Where a window holds the packets of one
   * device or flow, whose packets an observer knows to belong together, the mean over its window.
   */
  readonly certainty: Float32Array;
  /** The same by window, from an attack that answers per window. */
  readonly byWindow?: WindowAnswers;
}

/** The most probable device of each window, cover left aside; NO_CLASS where none has any probability. */
export interface WindowAnswers extends BuiltWindows {
  readonly device: Uint16Array;
}

/** Has an identifier predict every packet of `trace`, without showing it any label. */
export async function predictTrace({ identifier, classes, windowing }: Askable, trace: Trace): Promise<Answers> {
  const { windows, source } = buildWindows(trace, { ...windowing, stride: windowing.step ?? windowing.size });
  const answers = await identifier.predict(windows);
  const width = classes.length;
  const spread = windowing.answers === 'window' ? spreadAnswers(answers, windows, width) : answers;
  const probabilities = windowing.joinsFlows ? joinStreams(spread, windows, width) : spread;
  const byRow = mostProbable(probabilities, width);
  const devices = classes.filter((name) => name !== COVER).length;
  const deviceByRow = mostProbable(probabilities, width, devices);
  const certaintyByRow = certaintyAmong(devices, probabilities, deviceByRow, width);
  if (windowing.mix !== 'home' && windowing.answers !== 'window') averageWindows(certaintyByRow, windows);
  // Back from streams to the order of time.
  const device = new Uint16Array(trace.packets).fill(NO_CLASS);
  const predicted = new Uint16Array(trace.packets).fill(NO_CLASS);
  const confidence = new Float32Array(trace.packets);
  const certainty = new Float32Array(trace.packets);
  for (let row = 0; row < source.length; row++) {
    device[source[row]!] = deviceByRow[row]!;
    certainty[source[row]!] = certaintyByRow[row]!;
    const best = byRow[row]!;
    if (best === NO_CLASS) continue;
    predicted[source[row]!] = best;
    confidence[source[row]!] = probabilities[row * width + best]!;
  }
  const byWindow = windowing.answers === 'window' && {
    byWindow: { windows, source, device: mostProbable(answers, width, devices) },
  };
  return { device, certainty, predicted, confidence, ...byWindow };
}

/** Gives each packet the mean of the answers for all packets of its stream, those without an answer left out. */
function joinStreams(probabilities: Float32Array, { streamEnds }: Windows, classes: number): Float32Array {
  const joined = new Float32Array(probabilities.length);
  const sums = new Float64Array(classes);
  let from = 0;
  for (const to of streamEnds) {
    sums.fill(0);
    let total = 0;
    for (let i = from * classes; i < to * classes; i++) {
      sums[i % classes]! += probabilities[i]!;
      total += probabilities[i]!;
    }
    if (total > 0) for (let i = from * classes; i < to * classes; i++) joined[i] = sums[i % classes]! / total;
    from = to;
  }
  return joined;
}

/** Divides the probability of the class `chosen` of each row by that of the first `devices` classes together. */
function certaintyAmong(
  devices: number,
  probabilities: Float32Array,
  chosen: Uint16Array,
  classes: number,
): Float32Array {
  return Float32Array.from(chosen, (best, row) => {
    if (best === NO_CLASS) return 0;
    let sum = 0;
    for (let c = 0; c < devices; c++) sum += probabilities[row * classes + c]!;
    return probabilities[row * classes + best]! / sum;
  });
}

/** Gives each row of a window the mean of that window's rows; windows must not overlap. */
function averageWindows(values: Float32Array, { start, count }: Windows): void {
  for (let w = 0; w < start.length; w++) {
    const rows = values.subarray(start[w]!, start[w]! + count[w]!);
    rows.fill(rows.reduce((sum, value) => sum + value, 0) / rows.length);
  }
}
