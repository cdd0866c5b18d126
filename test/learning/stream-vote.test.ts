import { expect, test } from 'vitest';
import { voteInStreams } from '../../src/learning/stream-vote.js';
import { makeOrderedWindows } from '../support/make-windows.js';

/** Six windows of one packet each, ten seconds apart; the last two are of another stream. */
const windows = {
  ...makeOrderedWindows(1, 6, 1),
  streamEnds: Uint32Array.of(4, 6),
  time: Float64Array.of(5, 15, 25, 35, 6, 16),
};
// The third has no answer.
const answers = Float32Array.of(0.9, 0.3, 0.1, 0.2, 0, 0, 0.1, 0.4, 0.5, 0.5, 0.2, 0.9);

test('the windows of a stream have the shares of the votes of their stretch of time', () => {
  const shares = (seconds: number) => [...voteInStreams(answers, windows, 2, seconds)];
  const round = (values: readonly number[]) => values.map((value) => Math.round(value * 1000) / 1000);
  // Stretches begin with the first packet of a stream: 5 to 25 and 25 to 45 seconds.
  expect(shares(20)).toEqual([0.5, 0.5, 0.5, 0.5, 0, 1, 0, 1, 0.5, 0.5, 0.5, 0.5]);
  expect(round(shares(1000))).toEqual([0.333, 0.667, 0.333, 0.667, 0.333, 0.667, 0.333, 0.667, 0.5, 0.5, 0.5, 0.5]);
});

test('without a vote each answer is scaled to a sum of 1, and no answer stays none', () => {
  const scaled = voteInStreams(answers, windows, 2, 0);
  expect(scaled[0]).toBeCloseTo(0.75, 6);
  expect([scaled[4], scaled[5]]).toEqual([0, 0]);
  expect(scaled[11]).toBeCloseTo(0.9 / 1.1, 6);
});
