import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scoreAges } from '../../../src/harness/observer/ages.js';
import { score } from '../../../src/harness/observer/evaluate.js';
import { NO_CLASS } from '../../../src/learning/windows.js';
import { makeTrace } from '../../support/make-trace.js';

const classes = ['plug', 'camera'];
const HOUR = 3600;

interface Group {
  /** Hours since the last training packet. */
  age: number;
  packets: number;
  truth: number;
  /** Packets of the group that get the right answer; the rest get the other device. */
  right: number;
}

const TRAINED = 1000;

/** Scores by age of `groups` in order of age, in a test part whose last packet without defense is as old as `last`. */
function ages(groups: readonly Group[], last = groups.at(-1)!.age) {
  const rows = groups.flatMap((group) =>
    Array.from({ length: group.packets }, (_, i) => ({ ...group, answer: i < group.right ? group.truth : 1 })),
  );
  const time = Float64Array.from(rows, ({ age }) => TRAINED + age * HOUR);
  const judged = {
    truth: Uint16Array.from(rows, ({ truth }) => truth),
    answers: Uint16Array.from(rows, ({ answer, truth }) => (answer === truth ? truth : 1 - truth)),
    classes,
  };
  const test = makeTrace([groups[0]!.age, last].map((age) => ({ time: TRAINED + age * HOUR })));
  return { scores: scoreAges(time, judged, test, TRAINED, 1), judged };
}

const both = (age: number, packets: number, right: number): Group[] => [
  { age, packets, truth: 0, right },
  { age, packets: 2 * packets, truth: 1, right: 2 * packets },
];

describe('identification by age', () => {
  it('is scored in stretches of the time since the last training packet', () => {
    const { scores } = ages([...both(0.5, 50, 40), ...both(2, 100, 50), ...both(30, 60, 0)]);
    expect(scores).toHaveLength(3);
    expect(scores![0]).toMatchObject({ from: 0.5 * HOUR, to: HOUR, packets: 150 });
    expect(scores![0]).toMatchObject({ accuracy: 140 / 150, balancedAccuracy: 0.9, majority: 2 / 3 });
    expect(scores![1]).toMatchObject({ from: HOUR, to: 3 * HOUR, packets: 300 });
    expect(scores![1]).toMatchObject({ accuracy: 250 / 300, balancedAccuracy: 0.75 });
    // The stretch from a day to two ends where the test part does; those without packets are left out.
    expect(scores![2]).toMatchObject({ from: 24 * HOUR, to: 30 * HOUR, accuracy: 2 / 3, balancedAccuracy: 0.5 });
  });

  it('leaves out stretches in which fewer than two devices have fifty packets', () => {
    const alone = { age: 2, packets: 500, truth: 0, right: 500 };
    const { scores } = ages([...both(0.5, 50, 50), alone, { ...alone, truth: 1, packets: 49, right: 49 }]);
    expect(scores!.map(({ from }) => from)).toEqual([0.5 * HOUR]);
    const cover = { age: 2, packets: 500, truth: NO_CLASS, right: 0 };
    expect(ages([...both(0.5, 49, 49), cover]).scores).toEqual([]);
  });

  it('counts what a defense sends late to the last stretch', () => {
    const { scores } = ages([...both(2.9, 50, 50), ...both(3.1, 50, 0)], 2.95);
    expect(scores).toHaveLength(1);
    expect(scores![0]).toMatchObject({ from: 2.9 * HOUR, to: 2.95 * HOUR, packets: 300, accuracy: 250 / 300 });
  });

  it('has no age where a test packet is earlier than a training packet, or where there is none', () => {
    expect(ages([...both(-0.1, 50, 50), ...both(2, 50, 50)]).scores).toBeNull();
    const judged = { truth: new Uint16Array(0), answers: new Uint16Array(0), classes };
    expect(scoreAges(new Float64Array(0), judged, makeTrace([]), 0, 1)).toBeNull();
  });

  it('is the accuracy of the whole in the mean over packets, where no stretch is left out', () => {
    const group = fc.record({
      age: fc.double({ min: 0, max: 9000, noNaN: true }),
      right: fc.integer({ max: 60, min: 0 }),
    });
    fc.assert(
      fc.property(fc.array(group, { minLength: 1, maxLength: 8 }), (drawn) => {
        const ordered = drawn.toSorted((a, b) => a.age - b.age);
        const { scores, judged } = ages(ordered.flatMap(({ age, right }) => both(age, 60, right)));
        const packets = scores!.reduce((sum, one) => sum + one.packets, 0);
        const right = scores!.reduce((sum, one) => sum + one.packets * one.accuracy, 0);
        expect(packets).toBe(180 * drawn.length);
        const { accuracy } = score(judged.truth, judged.answers, classes, 1).identification;
        expect(right / packets).toBeCloseTo(accuracy, 9);
        for (const [i, one] of scores!.entries()) {
          expect(one.from).toBeLessThanOrEqual(one.to);
          if (i > 0) expect(one.from).toBeGreaterThanOrEqual(scores![i - 1]!.to);
        }
      }),
      { numRuns: 40 },
    );
  });
});
