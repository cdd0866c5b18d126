import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OVERHEAD } from '../../src/live/tunnel/frame.js';
import { createRealLink } from '../../src/live/tunnel/real-link.js';
import { createClockLink } from '../../src/noise/clock-link.js';
import { type Actor, createActor, createLedger, type Ledger } from '../../src/shaping/ledger.js';
import type { Defense, Link, PacketRef } from '../../src/shaping/shaper.js';
import { shape } from '../../src/shaping/simulate.js';
import { createRng } from '../../src/shared/rng.js';
import { brokenShapers } from '../support/broken-shapers.js';
import { probe } from '../support/probe.js';
import { makeTrace } from '../support/traces.js';

/** Gives a defense a packet of 100 bytes on each kind of link, and time for its timers; rejects with the error of the link. */
const links: Record<string, (defense: Defense) => Promise<void>> = {
  async 'the virtual clock'(defense) {
    const packets = [0, 2].map((time) => ({ time, length: 100 }));
    shape(makeTrace(packets), defense, {}, { rng: createRng(1) });
  },
  async 'the live tunnel'(defense) {
    const defenses = [{ defense, parameters: {} }];
    const link = createRealLink({ defenses, direction: 1, rng: createRng(1), onFrame: () => {}, latest: 10 });
    link.send({ number: 0, payload: new Uint8Array(100 - OVERHEAD) }, 0);
    link.advance(1);
  },
  'the noise'(defense) {
    return new Promise((_, reject) => {
      const options = { rng: createRng(1), onCover: () => {}, onError: reject, clock: () => 1 };
      const link = createClockLink({ defense, parameters: {} }, options);
      link.packet('lamp', { direction: 1, length: 100, header: 14, protocols: 3, port: 443 });
    });
  },
};

describe.each(Object.entries(links))('on %s', (_, give) => {
  test.each(brokenShapers)('a shaper that %s meets the same error', async (_, message, create) => {
    await expect(give(probe(create))).rejects.toThrow(message);
    await expect(give(probe(create))).rejects.toThrow(expect.objectContaining({ name: 'DefenseError' }));
  });
});

test('a shaper cannot send or drop what came to another', () => {
  const trace = makeTrace([
    { time: 0, length: 100, device: 0 },
    { time: 1, length: 100, device: 1 },
  ]);
  const act = (take: (p: PacketRef, link: Link) => void) => {
    const seen: PacketRef[] = [];
    const stealing = probe(
      () => ({
        packet(p, link) {
          seen.push(p);
          if (seen.length === 2) take(seen[0]!, link);
        },
      }),
      { scope: 'device' },
    );
    return () => shape(trace, stealing, {}, { rng: createRng(1) });
  };
  expect(act((p, link) => link.send(p, 100))).toThrow('sent packet 0, which came to another shaper (at 1 s)');
  expect(act((p, link) => link.drop(p))).toThrow('dropped packet 0, which came to another shaper (at 1 s)');
  expect(act((p, link) => link.sendCell([{ packet: p, bytes: 1 }], 100))).toThrow('which came to another shaper');
});

test('a ledger knows what is left of each packet, in little room, whatever the order in which they leave', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 1514 }), fc.nat(), fc.nat(), fc.boolean()), { maxLength: 500 }),
      (steps) => {
        const left: number[] = [];
        const clock = { now: 0, isClosing: false };
        const ledger: Ledger<Actor> = createLedger('probe', clock, 1);
        let step = (): void => {};
        const actor = createActor(0, { packet: () => step() });
        for (const [length, which, bytes, isDropped] of steps) {
          step = () => {
            const id = which % left.length;
            if (left[id] === 0) return;
            const taken = isDropped ? left[id]! : 1 + (bytes % left[id]!);
            if (isDropped) expect(ledger.drop(id)).toBe(taken);
            else ledger.take(id, taken);
            left[id]! -= taken;
          };
          left.push(length);
          ledger.packet(actor, { id: ledger.arrived, length } as PacketRef, {} as Link);
        }
        expect(ledger.arrived).toBe(left.length);
        expect(left.map((_, id) => ledger.left(id))).toEqual(left);
        const held = left.filter((rest) => rest > 0).length;
        const oldest = left.findIndex((rest) => rest > 0);
        const check = () => ledger.checkNothingHeld();
        if (held === 0) expect(check).not.toThrow();
        else expect(check).toThrow(`${held} packets neither sent nor dropped, the first of them packet ${oldest}`);
      },
    ),
  );
});
