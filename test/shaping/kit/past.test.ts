import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createPast } from '../../../src/shaping/kit/past.js';
import type { Link, PacketRef } from '../../../src/shaping/shaper.js';
import { createRng } from '../../../src/shared/rng.js';

const packet = (id: number, direction: 0 | 1, length = 100): PacketRef => ({
  id,
  length,
  header: 14,
  direction,
  protocols: 3,
  port: 443,
  flow: 0,
  device: 0,
});

/** All values that `draw` gives in many draws, each once. */
function drawn(draw: () => PacketRef | null): number[] {
  const ids = new Set<number>();
  for (let i = 0; i < 1000; i++) ids.add(draw()!.id);
  return [...ids].sort((a, b) => a - b);
}

test('there is nothing to draw before a packet has passed', () => {
  const past = createPast();
  expect([past.draw(1, createRng(1)), past.drawAny(createRng(1)), past.has(0), past.has(1)]).toEqual([
    null,
    null,
    false,
    false,
  ]);
});

test('keeps the last packets of each direction, and forgets the oldest first', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }),
      (room, outs) => {
        const past = createPast(room);
        const rng = createRng(1);
        for (const [id, out] of outs.entries()) past.remember(packet(id, out ? 1 : 0));
        for (const direction of [0, 1] as const) {
          const ids = [...outs.keys()].filter((id) => outs[id] === (direction === 1));
          expect(past.has(direction)).toBe(ids.length > 0);
          if (ids.length > 0) expect(drawn(() => past.draw(direction, rng))).toEqual(ids.slice(-room));
        }
      },
    ),
    { numRuns: 30 },
  );
});

describe('a direction of which nothing passed', () => {
  const past = createPast();
  past.remember(packet(1, 1));
  test('is drawn from the other, and says that it has none', () => {
    expect(past.draw(0, createRng(1))!.id).toBe(1);
    expect([past.has(0), past.has(1)]).toEqual([false, true]);
  });
  test('gets no cover, while the other gets doubles of its packets', () => {
    const sent: unknown[] = [];
    const link = { rng: createRng(1), cover: (...frame: unknown[]) => sent.push(frame) } as unknown as Link;
    past.cover(0, link);
    past.cover(1, link);
    expect(sent).toEqual([[1, packet(1, 1).length, packet(1, 1)]]);
  });
});

test('each packet is as likely as the others', () => {
  const past = createPast(4);
  const rng = createRng(1);
  for (let id = 0; id < 4; id++) past.remember(packet(id, 1));
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 40_000; i++) counts[past.draw(1, rng)!.id]!++;
  // Standard deviation 87.
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400);
});

test('of either direction, outbound comes as often as it passed, not as often as it is kept', () => {
  const past = createPast(10);
  const rng = createRng(1);
  for (let id = 0; id < 400; id++) past.remember(packet(id, id % 4 === 0 ? 1 : 0));
  let outbound = 0;
  for (let i = 0; i < 20_000; i++) outbound += past.drawAny(rng)!.direction;
  expect(Math.abs(outbound / 20_000 - 0.25)).toBeLessThan(0.012);
});

test('a frame longer than any on the wire is never drawn', () => {
  const past = createPast();
  past.remember(packet(1, 1, 1515));
  expect([past.has(1), past.draw(1, createRng(1))]).toEqual([false, null]);
  past.remember(packet(2, 1, 1514));
  expect(drawn(() => past.draw(1, createRng(1)))).toEqual([2]);
});
