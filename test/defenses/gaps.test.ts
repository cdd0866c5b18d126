import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { builtIns } from '../../src/harness/plugins/registry.js';
import { costOf } from '../../src/shaping/cost.js';
import { defineDefense } from '../../src/shaping/shaper.js';
import { shapeAll } from '../../src/shaping/simulate.js';
import { createRng } from '../../src/shared/rng.js';
import { findGaps } from '../../src/trace/clock.js';
import type { Trace } from '../../src/trace/trace.js';
import { runDefense } from '../support/run-defense.js';
import { makeTrace } from '../support/traces.js';

const MONTH = 30 * 86_400;

/** Packets of two devices, `pause` seconds between the first half and the second, each of which takes a minute. */
function withPause(packets: number, pause: number): Trace {
  const half = packets / 2;
  const trace = makeTrace(
    Array.from({ length: packets }, (_, i) => ({
      time: 1.7e9 + (i % half) * (60 / half) + (i < half ? 0 : 60 + pause),
      length: 60 + ((i * 97) % 1400),
      out: i % 3 !== 0,
      flow: i % 3,
      device: i % 2,
    })),
  );
  return { ...trace, gaps: findGaps(trace.time) };
}

describe('a gap of 30 days within 600 packets', () => {
  const trace = withPause(600, MONTH);
  const [gap] = trace.gaps!;
  const given: Record<string, Record<string, unknown>> = { 'constant-rate': { interval: 0.5 } };
  for (const defense of builtIns.defenses) {
    const { name } = defense;
    test(`${name} sends nothing in it`, async () => {
      const training = withPause(200, 0);
      const parameters = given[name] ?? {};
      const { trace: seen, original } = await runDefense(defense, parameters, trace, { training });
      expect(original).toBe(trace);
      const within = seen.time.filter((at) => at > gap!.from + 600 && at < gap!.to);
      expect(within).toHaveLength(0);
      // Both sides of it are defended.
      const after = seen.time.filter((at) => at >= gap!.to).length;
      expect(after / seen.packets).toBeGreaterThan(0.3);
      expect(after / seen.packets).toBeLessThan(0.7);
      expect(seen.gaps).toEqual(trace.gaps);
    });
  }

  test('costs a day what two minutes cost, not what a month does', async () => {
    const dummy = builtIns.defenses.find(({ name }) => name === 'dummy')!;
    const [paused, whole] = [trace, withPause(600, 0)].map((one) => runDefense(dummy, {}, one));
    const [a, b] = [await paused!, await whole!].map((one) => costOf(one, one.original));
    expect(a!.megabytesPerDay! / b!.megabytesPerDay!).toBeGreaterThan(0.8);
    expect(a!.megabytesPerDay! / b!.megabytesPerDay!).toBeLessThan(1.25);
    expect(a!.durationRatio).toBeCloseTo(1, 1);
  });
});

describe('a defense across a gap', () => {
  const trace = {
    ...makeTrace([
      { time: 0, length: 100 },
      { time: 9000, length: 100 },
    ]),
  };
  const paused = { ...trace, gaps: findGaps(trace.time) };

  test('begins anew: with a shaper, timers and chance of their own', () => {
    const drawn: number[] = [];
    const ended: number[] = [];
    const probe = defineDefense({
      name: 'probe',
      summary: 'counts',
      source: 'test',
      scope: 'home',
      removedAt: 'nowhere',
      parameters: z.object({}),
      create: () => ({
        packet(p, link) {
          drawn.push(link.rng.uniform());
          link.send(p, p.length);
        },
        close: (link) => void ended.push(link.now),
      }),
    });
    shapeAll(paused, [{ defense: probe, parameters: {} }], { rng: createRng(1) });
    expect(ended).toEqual([0, 9000]);
    expect(new Set(drawn).size).toBe(2);
    const first = drawn[0];
    drawn.length = 0;
    shapeAll(trace, [{ defense: probe, parameters: {} }], { rng: createRng(1) });
    expect(drawn[0]).toBe(first);
  });

  test('may hold a packet for longer than the gap: frames are in order of time, and every byte is accounted for', () => {
    const slow = defineDefense({
      name: 'slow',
      summary: 'holds',
      source: 'test',
      scope: 'home',
      removedAt: 'nowhere',
      parameters: z.object({}),
      create() {
        let held: Parameters<NonNullable<ReturnType<typeof slow.create>['packet']>>[0];
        return {
          packet(p, link) {
            held = p;
            link.cover(1, 50);
            link.wakeAt(link.now + (p.id === 0 ? 10_000 : 5));
          },
          wake: (link) => link.send(held, held.length),
        };
      },
    });
    const applied = { defense: slow, parameters: {} };
    for (const capacity of [null, 1e6]) {
      const { trace: seen, delivered, dropped, account } = shapeAll(paused, [applied], { rng: createRng(1), capacity });
      expect([...seen.time].map(Math.round)).toEqual([0, 9000, 9005, 10_000]);
      expect([...seen.cover]).toEqual([1, 1, 0, 0]);
      expect([...delivered].map(Math.round)).toEqual([10_000, 9005]);
      expect([...account.packet]).toEqual([1, 0]);
      expect(dropped).toBe(0);
    }
  });
});
