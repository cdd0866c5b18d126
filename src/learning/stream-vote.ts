import { mostProbable } from './scores.js';
import { NO_CLASS, type Windows } from './windows.js';

/**
 * Lets the windows of a stream vote by their most probable class, in stretches of time: each then has the shares of its stretch's votes.
 * @param answers probabilities, windows x classes; rows of zeros do not vote
 * @param seconds length of a stretch; 0 for no vote, which scales each row to a sum of 1
 * @returns probabilities of the same shape
 */
export function voteInStreams(
  answers: Float32Array,
  { start, streamEnds, time }: Windows,
  classes: number,
  seconds: number,
): Float32Array {
  const chosen = mostProbable(answers, classes);
  const out = new Float32Array(answers.length);
  let stream = 0;
  for (let from = 0, to = 0; from < start.length; from = to) {
    while (start[from]! >= streamEnds[stream]!) stream++;
    const first = stream === 0 ? 0 : streamEnds[stream - 1]!;
    const stretchOf = (window: number) =>
      seconds === 0 ? window : Math.floor((time[start[window]!]! - time[first]!) / seconds);
    const stretch = stretchOf(from);
    to = from + 1;
    while (to < start.length && start[to]! < streamEnds[stream]! && stretchOf(to) === stretch) to++;
    const votes = new Float64Array(classes);
    if (seconds === 0) votes.set(answers.subarray(from * classes, to * classes));
    else for (let window = from; window < to; window++) if (chosen[window] !== NO_CLASS) votes[chosen[window]!]!++;
    const sum = votes.reduce((all, one) => all + one, 0);
    if (sum === 0) continue;
    for (let window = from; window < to; window++)
      out.set(
        votes.map((one) => one / sum),
        window * classes,
      );
  }
  return out;
}
