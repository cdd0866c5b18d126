import { take } from '../shared/columns.js';
import { InputError } from '../shared/errors.js';
import type { Rng } from '../shared/rng.js';
import { labelWindows } from './build-windows.js';
import { sample } from './sample.js';
import { NO_CLASS, type Windows } from './windows.js';

/**
 * The windows that have a class, at most `maximum` of them, evenly spread over streams and time, and the class of each: the commonest
 * device, or cover where there is nothing else. An attack that compares what it is asked with everything it knows takes longer the more
 * it knows.
 * @param task begins the error message
 * @throws InputError where no window has a class
 */
export function labelledWindows(
  windows: Windows,
  maximum: number,
  rng: Rng,
  task: string,
): { windows: Windows; label: Uint16Array } {
  const label = labelWindows(windows);
  const labelled = Uint32Array.from(label.keys()).filter((row) => label[row] !== NO_CLASS);
  if (labelled.length === 0) throw new InputError(`${task}: expected labelled traffic to train on, found none`);
  const kept = sample(labelled, maximum, rng);
  const { start, count } = windows;
  return { windows: { ...windows, start: take(start, kept), count: take(count, kept) }, label: take(label, kept) };
}
