import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { areaUnderRoc } from '../../src/learning/auc.js';
import { scoreOpenSet, thresholdAt } from '../../src/learning/open-set.js';
import { NO_CLASS } from '../../src/learning/windows.js';

/** Packets as [certainty, true class or null for an unknown device's, predicted class]. */
type Packet = readonly [number, number | null, number];

function scoresOf(packets: readonly Packet[]) {
  return scoreOpenSet(
    Float32Array.from(packets, ([certainty]) => certainty),
    Uint16Array.from(packets, ([, known]) => known ?? NO_CLASS),
    Uint16Array.from(packets, ([, , predicted]) => predicted),
  );
}

describe('open-set scores', () => {
  // Known: right at 0.9 and 0.6, wrong at 0.8. Unknown: 0.7 and 0.6. Known above unknown in 2 + 2 of 6 pairs, and equal, half, in one,
  // of which 0.6 against 0.7 is lost: 4.5 / 6. Only those named rightly: 2 + 0.5 of 6.
  const packets: Packet[] = [
    [0.9, 0, 0],
    [0.8, 1, 0],
    [0.7, null, 1],
    [0.6, null, 0],
    [0.6, 1, 1],
  ];

  test('are those counted by hand', () => {
    const { auroc, oscr, curve } = scoresOf(packets);
    expect(auroc).toBeCloseTo(4.5 / 6, 12);
    expect(oscr).toBeCloseTo(2.5 / 6, 12);
    // Up to 0.7 a third of the known is right; the threshold 0.6 brings the second unknown and the second right one at once.
    expect(curve).toHaveLength(21);
    expect([curve[0], curve[5], curve[10]]).toEqual([1 / 3, 1 / 3, 1 / 3]);
    expect(curve[15]).toBeCloseTo(1 / 2, 12);
    expect(curve[20]).toBeCloseTo(2 / 3, 12);
  });

  test('are 1 for who is right of every known device and less certain of every unknown one', () => {
    const { auroc, oscr, curve } = scoresOf([
      [0.9, 0, 0],
      [0.8, 1, 1],
      [0.7, null, 1],
    ]);
    expect([auroc, oscr]).toEqual([1, 1]);
    expect(new Set(curve)).toEqual(new Set([1]));
  });

  test('are not defined where all packets are of one kind', () => {
    const missing = { auroc: null, oscr: null, curve: [] };
    expect(scoresOf([[0.9, 0, 0]])).toEqual(missing);
    expect(scoresOf([[0.9, null, 0]])).toEqual(missing);
    expect(scoresOf([])).toEqual(missing);
  });

  const certainty = fc.integer({ min: 0, max: 8 }).map((n) => n / 8);
  const ofKnown = fc.tuple(certainty, fc.nat(2), fc.nat(2));
  const ofUnknown = fc.tuple(certainty, fc.constant(null), fc.nat(2));
  const home = fc
    .tuple(fc.array(ofKnown, { minLength: 1, maxLength: 30 }), fc.array(ofUnknown, { minLength: 1, maxLength: 30 }))
    .map((kinds): Packet[] => kinds.flat());

  test('hold together: OSCR is the accuracy among known times how well the right ones are told from unknown', () => {
    fc.assert(
      fc.property(home, (packets) => {
        const { oscr, curve, auroc } = scoresOf(packets);
        const known = packets.filter(([, c]) => c !== null);
        const right = known.filter(([, c, predicted]) => c === predicted);
        const unknown = packets.filter(([, c]) => c === null);
        const told = areaUnderRoc(
          Float32Array.from([...right, ...unknown], ([certainty]) => certainty),
          Uint8Array.from([...right, ...unknown], ([, c]) => Number(c !== null)),
        );
        const accuracy = right.length / known.length;
        expect(oscr).toBeCloseTo(accuracy * (told ?? 0), 9);
        expect(oscr!).toBeLessThanOrEqual(auroc! + 1e-9);
        expect(curve.at(-1)).toBeCloseTo(accuracy, 9);
        for (let i = 1; i < curve.length; i++) expect(curve[i]!).toBeGreaterThanOrEqual(curve[i - 1]! - 1e-12);
      }),
    );
  });
});

describe('the threshold', () => {
  test('is the highest below which there is at most the given share', () => {
    const tenth = Float32Array.from({ length: 10 }, (_, i) => (i + 1) / 16);
    expect(thresholdAt(tenth, 0.1)).toBe(2 / 16);
    expect(thresholdAt(tenth, 0)).toBe(1 / 16);
    expect(thresholdAt(Float32Array.of(0.5, 1, 1, 1), 0.1)).toBe(0.5);
    expect(thresholdAt(new Float32Array(0), 0.1)).toBeNull();
  });

  test('never calls more than that unknown, and the next higher one would', () => {
    const values = fc.array(fc.integer({ min: 0, max: 16 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 0.99, noNaN: true }), (sixteenths, share) => {
        const certainty = Float32Array.from(sixteenths, (n) => n / 16);
        const threshold = thresholdAt(certainty, share)!;
        const below = (bound: number) => certainty.filter((value) => value < bound).length;
        expect(below(threshold)).toBeLessThanOrEqual(share * certainty.length);
        expect(below(threshold + 1 / 16)).toBeGreaterThan(share * certainty.length - 1e-9);
      }),
    );
  });
});
