import { describe, expect, test } from 'vitest';
import front from '../../defenses/front.js';
import { coverRows, runDefense } from '../support/run-defense.js';
import { allowed, distance, mean } from '../support/statistics.js';
import { makeTrace } from '../support/traces.js';

const PERIOD = 1000;
const ACTIVITIES = 600;
/** Each activity: a question and, 0.25 s later, its answer. */
const activities = makeTrace(
  Array.from({ length: ACTIVITIES }, (_, i) => [
    { time: i * PERIOD, length: 100, out: true },
    { time: i * PERIOD + 0.25, length: 200, out: false },
  ]).flat(),
);

/** Times of the cover of each activity and side, from the first packet of that side. */
async function coverOf(given: Record<string, unknown>): Promise<{ client: number[][]; server: number[][] }> {
  const { trace } = await runDefense(front, given, activities, { seed: 2 });
  // The last activity is cut off by the end of the input.
  const empty = () => Array.from({ length: ACTIVITIES - 1 }, (): number[] => []);
  const sides = { client: empty(), server: empty() };
  for (const row of coverRows(trace)) {
    const activity = Math.floor(trace.time[row]! / PERIOD);
    const out = trace.direction[row] === 1;
    (out ? sides.client : sides.server)[activity]?.push((trace.time[row]! % PERIOD) - (out ? 0 : 0.25));
  }
  return sides;
}

describe('each activity', () => {
  test('has cover at Rayleigh times, on both sides from their first packets', async () => {
    const sides = await coverOf({ client: 60, server: 60, minWindow: 3, maxWindow: 3 });
    for (const times of [sides.client.flat(), sides.server.flat()]) {
      expect(times.length).toBeGreaterThan(15_000);
      expect(distance(times, (x) => 1 - Math.exp(-(x ** 2) / (2 * 3 ** 2)))).toBeLessThan(allowed(times.length));
    }
  });

  test('draws the number of its cover from 1 to N, each as likely', async () => {
    const sides = await coverOf({ client: 40, server: 90 });
    for (const [side, most] of [
      [sides.client, 40],
      [sides.server, 90],
    ] as const) {
      const counts = side.map((times) => times.length);
      expect(Math.min(...counts)).toBeGreaterThanOrEqual(1);
      expect(Math.max(...counts)).toBeLessThanOrEqual(most);
      // In the middle of each step, where a discrete distribution is compared with a continuous one.
      const spread = counts.map((count, i) => count - 1 + ((i * 0.618) % 1));
      expect(distance(spread, (x) => x / most)).toBeLessThan(allowed(counts.length));
    }
  });

  test('draws a window of its own', async () => {
    const { client } = await coverOf({ client: 1500, server: 0 });
    // The scale of a Rayleigh distribution from its second moment; off by a few per cent, which blurs the edges.
    const windows = client
      .filter((times) => times.length > 300)
      .map((times) => Math.sqrt(mean(times.map((x) => x * x)) / 2));
    expect(windows.length).toBeGreaterThan(400);
    expect(distance(windows, (x) => Math.min(1, Math.max(0, (x - 1) / 13)))).toBeLessThan(
      allowed(windows.length) + 0.02,
    );
  });
});

describe('an activity', () => {
  const covered = async (times: number[], given: Record<string, unknown>) => {
    const { trace } = await runDefense(front, given, makeTrace(times.map((time) => ({ time, length: 100 }))));
    return coverRows(trace).length;
  };
  const one = { client: 1, server: 1, minWindow: 0.1, maxWindow: 0.1 };

  test('goes on as long as packets follow each other within the idle time', async () => {
    expect(await covered([0, 29, 58, 87], one)).toBe(1);
    expect(await covered([0, 29, 58, 88, 90], one)).toBe(2);
    expect(await covered([0, 29, 58, 87], { ...one, idle: 29 })).toBe(3);
  });

  test('has no cover on a side that has no packets', async () => {
    expect(await covered([0, 10], { ...one, server: 5000 })).toBe(1);
  });

  test('is of each device, or of the home', async () => {
    const packets = Array.from({ length: 20 }, (_, i) => ({ time: 10 * i, length: 100, flow: i % 2, device: i % 2 }));
    const count = async (per: string) =>
      coverRows((await runDefense(front, { ...one, per }, makeTrace(packets))).trace).length;
    expect([await count('device'), await count('home')]).toEqual([2, 1]);
  });
});

test('a window that ends before it begins is refused', async () => {
  const running = runDefense(front, { minWindow: 20 }, activities);
  await expect(running).rejects.toThrow('defense front: minWindow: expected at most maxWindow, which is 14, found 20');
});
