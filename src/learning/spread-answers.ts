import type { Windows } from './windows.js';

/**
 * Gives each packet the mean of the answers for its windows, those without an answer left out: packets x classes of windows x classes,
 * both row-major.
 */
export function spreadAnswers(
  answers: Float32Array,
  { packets, start, count }: Windows,
  classes: number,
): Float32Array {
  const spread = new Float32Array(packets.rows * classes);
  const answered = new Uint32Array(packets.rows);
  for (let window = 0; window < start.length; window++) {
    const answer = answers.subarray(window * classes, (window + 1) * classes);
    if (answer.every((probability) => probability === 0)) continue;
    for (let row = start[window]!; row < start[window]! + count[window]!; row++) {
      answered[row]!++;
      for (let c = 0; c < classes; c++) spread[row * classes + c]! += answer[c]!;
    }
  }
  for (let row = 0; row < answered.length; row++) {
    if (answered[row]! < 2) continue;
    for (let c = 0; c < classes; c++) spread[row * classes + c]! /= answered[row]!;
  }
  return spread;
}
