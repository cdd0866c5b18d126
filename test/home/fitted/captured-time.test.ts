import { expect, test } from 'vitest';
import { capturedSeconds } from '../../../src/home/fitted/captured-time.js';
import { findGaps } from '../../../src/trace/clock.js';
import { makeTrace } from '../../support/traces.js';

test('time that was captured has the gaps within a file left out', () => {
  const times = [30, 40, 1e9, 1e9 + 100, 1e9 + 90_000, 1e9 + 90_010];
  const trace = makeTrace(times.map((time) => ({ time, length: 100 })));
  expect(capturedSeconds({ ...trace, gaps: findGaps(trace.time) })).toBe(10 + 100 + 10);
  expect(capturedSeconds(trace)).toBe(times.at(-1)! - times[0]!);
});
