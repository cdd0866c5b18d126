import { expect, test } from 'vitest';
import { countBelow, sendOnSchedule } from '../../src/live/replay/schedule.js';

const never = new AbortController().signal;

test('packets are prepared and sent in turn, none before its time', async () => {
  const due = Float64Array.of(0, 0, 0.001, 0.0011, 0.02, 0.0203);
  const calls: string[] = [];
  const times: number[] = [];
  const { count, late, seconds } = await sendOnSchedule(
    due,
    (i) => calls.push(`prepare ${i}`),
    (i) => {
      calls.push(`send ${i}`);
      times.push(performance.now());
    },
    never,
  );
  expect(count).toBe(6);
  expect(calls).toEqual([0, 1, 2, 3, 4, 5].flatMap((i) => [`prepare ${i}`, `send ${i}`]));
  expect([...late].every((seconds) => seconds >= 0)).toBe(true);
  expect(seconds).toBeGreaterThanOrEqual(0.0203);
  // The clock is absolute: what one packet is late moves no other, so that late times fit all the times between.
  for (let i = 1; i < 6; i++) {
    const planned = due[i]! - due[0]! + late[i]! - late[0]!;
    expect(Math.abs((times[i]! - times[0]!) / 1000 - planned)).toBeLessThan(0.005);
  }
});

test('is ended between two packets', async () => {
  const controller = new AbortController();
  const sent: number[] = [];
  const { count, late } = await sendOnSchedule(
    Float64Array.of(0, 0.001, 60),
    () => {},
    (i) => {
      sent.push(i);
      if (i === 1) setTimeout(() => controller.abort(), 1);
    },
    controller.signal,
  );
  expect([sent, count, late.length]).toEqual([[0, 1], 2, 2]);
});

test('counts fall into the first bound that they do not exceed', () => {
  expect(countBelow(Float32Array.of(0, 1, 1.5, 2, 7, 100), [1, 2, 8])).toEqual([2, 2, 1, 1]);
});
