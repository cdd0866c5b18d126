import { expect, test } from 'vitest';
import { createPast } from '../../src/shaping/past.js';
import type { PacketRef } from '../../src/shaping/shaper.js';
import { createRng } from '../../src/shared/rng.js';

const packet = (id: number, direction: 0 | 1): PacketRef => ({
  id,
  direction,
  length: 100 + id,
  header: 14,
  protocols: 1,
  port: 443,
  flow: 0,
  device: 0,
});

test('without a direction, each is drawn as often as its packets have passed, also those forgotten', () => {
  const past = createPast(4);
  for (let i = 0; i < 30; i++) past.remember(packet(i, 0));
  for (let i = 30; i < 40; i++) past.remember(packet(i, 1));
  const rng = createRng(1);
  const counts = new Map<number, number>();
  for (let i = 0; i < 8000; i++) {
    const { id } = past.draw(null, rng)!;
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  expect([...counts.keys()].sort((a, b) => a - b)).toEqual([26, 27, 28, 29, 36, 37, 38, 39]);
  // 3/4 of 8000 over four packets, 1/4 over the other four; four standard deviations are 141 and 86.
  for (const [id, count] of counts) expect(Math.abs(count - (id < 30 ? 1500 : 500))).toBeLessThan(id < 30 ? 141 : 86);
});

test('there is nothing to draw from nothing', () => {
  expect(createPast().draw(null, createRng(1))).toBe(null);
});
