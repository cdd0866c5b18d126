import { describe, expect, test } from 'vitest';
import dummy from '../../defenses/dummy.js';
import { coverRows, runDefense } from '../support/run-defense.js';
import { allowed, distance, mean, steps } from '../support/statistics.js';
import { makeTrace } from '../support/traces.js';

/** A packet now and then over 2000 s, of two devices. */
const quiet = makeTrace(
  Array.from({ length: 400 }, (_, i) => ({ time: i * 5, length: 100 + i, flow: i % 2, device: i % 2, out: i % 4 < 3 })),
);

async function coverTimes(given: Record<string, unknown>, device: number): Promise<number[]> {
  const { trace } = await runDefense(dummy, given, quiet);
  return coverRows(trace)
    .filter((row) => trace.device[row] === device)
    .map((row) => trace.time[row]!);
}

describe('timing', () => {
  test('poisson: exponential intervals at the rate of each device', async () => {
    for (const device of [0, 1]) {
      const gaps = steps(await coverTimes({ rate: 4 }, device));
      // 1990 s at 4 a second: standard deviation 89.
      expect(Math.abs(gaps.length - 7970)).toBeLessThan(350);
      expect(distance(gaps, (x) => 1 - Math.exp(-4 * x))).toBeLessThan(allowed(gaps.length));
    }
  });

  test('fixed: every interval the same, and each device in a phase of its own', async () => {
    const [one, other] = [
      await coverTimes({ rate: 2, timing: 'fixed' }, 0),
      await coverTimes({ rate: 2, timing: 'fixed' }, 1),
    ];
    for (const gap of [...steps(one), ...steps(other)]) expect(gap).toBeCloseTo(0.5, 9);
    const phase = (times: number[]) => times[0]! % 0.5;
    expect(phase(one)).not.toBeCloseTo(phase(other), 3);
  });
});

test('cover goes out and comes in as often as real packets do', async () => {
  const { trace } = await runDefense(dummy, { rate: 4 }, quiet);
  const outbound = coverRows(trace)
    .filter((row) => trace.device[row] === 0)
    .map((row) => trace.direction[row]!);
  const real = [...quiet.direction].filter((_, i) => quiet.device[i] === 0);
  expect(Math.abs(mean(outbound) - mean(real))).toBeLessThan(0.05);
});

test('ends with the input', async () => {
  const { trace } = await runDefense(dummy, { rate: 50 }, quiet);
  expect(trace.time.at(-1)).toBe(1995);
});
