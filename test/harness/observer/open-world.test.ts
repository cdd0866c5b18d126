import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { TrainTest } from '../../../src/harness/dataset.js';
import { score, scoreModel, truthOf } from '../../../src/harness/observer/evaluate.js';
import { findThreshold, holdOut, scoreOpenWorld } from '../../../src/harness/observer/open-world.js';
import { predictTrace } from '../../../src/harness/observer/predict.js';
import { addPlugins } from '../../../src/harness/plugins/registry.js';
import { createSeedRun } from '../../../src/harness/seed-run.js';
import { appliedView } from '../../../src/harness/setting.js';
import { resolveSpec } from '../../../src/harness/spec.js';
import { defineAttack } from '../../../src/learning/attack.js';
import { NO_CLASS } from '../../../src/learning/windows.js';
import { defineDefense } from '../../../src/shaping/shaper.js';
import { InputError, UsageError } from '../../../src/shared/errors.js';
import { makeTrace } from '../../support/make-trace.js';

const NAMES = ['plug', 'lock', 'hub', 'camera', 'phone'];

/** Parts with a packet of each device on either side. */
function makeParts(names = NAMES): TrainTest {
  const trace = makeTrace(
    names.map((_, device) => ({ time: device, device })),
    { devices: names },
  );
  const devices = names.map((name) => ({ name, category: 'iot' as const, packets: 2, train: 1, test: 1 }));
  return { train: trace, test: trace, classes: names, devices, warnings: [] };
}

const hold = (unknown: number | readonly string[] | undefined, seed = 1, parts = makeParts()) =>
  holdOut(parts, { unknown }, seed);

describe('held-out devices', () => {
  test('are in no training traffic, and in the test part as ever', () => {
    const whole = makeParts();
    const parts = hold(['lock', 'phone'], 1, whole);
    expect(parts.classes).toEqual(['plug', 'hub', 'camera']);
    expect([...parts.train.device]).toEqual([0, 2, 3]);
    expect(parts.test).toBe(whole.test);
    expect(parts.unknown).toEqual(['lock', 'phone']);
  });

  test('are none in a closed world', () => {
    const whole = makeParts();
    expect(hold(undefined, 1, whole)).toBe(whole);
  });

  test.each([1, 2, 3])('take turns, %i at a time, so that every device is unknown once', (count) => {
    for (const first of [0, 1, 7, Number.MAX_SAFE_INTEGER - 9]) {
      const seeds = Array.from({ length: Math.ceil(NAMES.length / count) }, (_, i) => first + i);
      const unknown = seeds.map((seed) => hold(count, seed).unknown!);
      for (const names of unknown) expect(new Set(names).size).toBe(count);
      expect(new Set(unknown.flat()).size).toBe(NAMES.length);
    }
  });

  test('are the same for a seed in every run', () => {
    expect(hold(2, 3).unknown!).toEqual(hold(2, 3).unknown!);
  });

  test.each<[number | readonly string[], typeof UsageError | typeof InputError, RegExp, TrainTest?]>([
    [['camra'], UsageError, /^--unknown: no device is called "camra" \(did you mean "camera"\?\); there is plug, lock/],
    [4, UsageError, /^--unknown: expected at most 3 of 5 devices, so that two are known, found 4$/],
    [['plug', 'lock', 'hub', 'camera'], UsageError, /^--unknown: expected at most 3 of 5 devices/],
    [1, InputError, /^device "unknown": the name stands for/, makeParts(['unknown', 'a', 'b'])],
  ])('%o is refused in one line', (unknown, kind, message, parts) => {
    expect(() => hold(unknown, 1, parts)).toThrow(kind);
    expect(() => hold(unknown, 1, parts)).toThrow(message);
  });
});

describe('the world of a seed', () => {
  /** Two packets of each device a second, by turns, for 100 s on either side. */
  const packets = Array.from({ length: 1000 }, (_, i) => ({ time: i / 10, device: i % NAMES.length }));
  const train = makeTrace(packets, { devices: NAMES });
  const later = makeTrace(
    packets.map(({ time, device }) => ({ time: time + 100, device })),
    { devices: NAMES },
  );
  const whole: TrainTest = { ...makeParts(), train, test: later };
  const seen: Record<string, number[]> = {};
  const count = (key: string, values: Iterable<number>, classes: number) => {
    seen[key] = Array.from({ length: classes }, (_, c) => [...values].filter((value) => value === c).length);
  };
  const registry = addPlugins({
    defenses: [
      defineDefense({
        ...{ name: 'watching', summary: 'For tests.', source: 'this file', removedAt: 'nowhere', scope: 'home' },
        parameters: z.object({}),
        prepare: async (_, { trace }) => count('defense', trace!.device, NAMES.length),
        create: () => ({ packet: (p, link) => link.send(p, p.length) }),
      }),
    ],
    attacks: [
      defineAttack({
        ...{ name: 'sure', summary: 'For tests.', source: 'this file', parameters: z.object({}) },
        async fit(windows, validation) {
          count('attack', windows.label, windows.classes.length);
          count('validation', validation.label, windows.classes.length);
          // Each packet is more certainly of the first class than the one before: 0.5 up to 1.
          return {
            predict: async ({ packets: { rows } }) =>
              Float32Array.from({ length: rows * 3 }, (_, i) => {
                const p = 0.5 + Math.floor(i / 3) / (2 * rows);
                return [p, 1 - p, 0][i % 3]!;
              }),
          };
        },
      }),
    ],
  });
  const spec = resolveSpec(
    { attacks: ['sure'], defenses: ['watching'], unknown: ['lock', 'phone'], minimumPackets: 1 },
    registry,
  );

  test('has its attacks learn from known devices, up to the end that the threshold is set on, and its defenses from all', async () => {
    const seedRun = createSeedRun(spec, appliedView(spec), whole, 1, registry);
    expect(seedRun.parts.classes).toEqual(['plug', 'hub', 'camera']);
    const model = await seedRun.fit(spec.attacks[0]!, spec.defenses[0]!, { threads: 1 });
    expect(seen).toEqual({ defense: [200, 200, 200, 200, 200], attack: [160, 160, 160], validation: [0, 0, 0] });
    // Twelve of the last 120 packets of known devices are below the thirteenth.
    expect(model.threshold).toBeCloseTo(0.5 + 12 / 240, 6);
    const { trace } = (await seedRun.defend(spec.defenses[0]!, 'test')).defended;
    expect(trace.packets).toBe(1000);
  });

  test('sets no threshold in a closed world, and has all of the training part learnt', async () => {
    const { unknown: _, ...closed } = spec;
    const seedRun = createSeedRun(closed, appliedView(spec), whole, 1, registry);
    expect((await seedRun.fit(spec.attacks[0]!, spec.defenses[0]!, { threads: 1 })).threshold).toBeNull();
    expect(seen.attack).toEqual([200, 200, 200, 200, 200]);
  });
});

/** Known: plug and lock. The hub and the camera are unknown. One packet of cover. */
const trace = makeTrace(
  [0, 0, 1, 1, 2, 2, 3, 0].map((device, i) => ({ time: i, device, cover: i === 7 ? 1 : 0 })),
  { devices: NAMES },
);
const known = ['plug', 'lock'];
const truth = truthOf(trace, known);
const answersOf = (device: readonly number[], certainty: readonly number[]) => ({
  device: Uint16Array.from(device),
  predicted: Uint16Array.from(device),
  certainty: Float32Array.from(certainty),
  confidence: Float32Array.from(certainty),
});

describe('an observer in an open world', () => {
  const answers = answersOf([0, 1, 1, 1, 0, 0, 1, 0], [1, 0.75, 0.25, 0.75, 0.25, 0.75, 0.25, 0.25]);

  test('is scored as counted by hand', () => {
    const open = scoreOpenWorld(trace, truth, answers, known, 0.5);
    expect(open.classes).toEqual(['plug', 'lock', 'unknown']);
    expect([...open.truth]).toEqual([0, 0, 1, 1, 2, 2, 2, NO_CLASS]);
    expect([...open.answers]).toEqual([0, 1, 2, 1, 2, 0, 2, 2]);
    expect(open.scores).toMatchObject({
      threshold: 0.5,
      falseAlarms: 1 / 4,
      recall: 2 / 3,
      perUnknown: {
        hub: { recall: 1 / 2, takenFor: 'plug', support: 2 },
        camera: { recall: 1, takenFor: null, support: 1 },
      },
      known: { accuracy: 3 / 4, balancedAccuracy: 3 / 4, chance: 1 / 2, majority: 1 / 2 },
    });
    expect(Object.keys(open.scores.perUnknown)).toEqual(['hub', 'camera']);
    // Right: a packet of the plug, one of the lock, and two that are unknown, of seven.
    const { identification } = score(open.truth, open.answers, open.classes, 1);
    expect(identification.accuracy).toBeCloseTo(4 / 7, 12);
    expect(identification.chance).toBeCloseTo(1 / 3, 12);
    expect(identification.majority).toBeCloseTo(3 / 7, 12);
    expect(identification.confusion[2]).toEqual([1, 0, 2]);
  });

  test('attributes no packet that he calls unknown', () => {
    const { predictions } = scoreOpenWorld(trace, truth, answers, known, 0.5);
    expect([...predictions.predicted]).toEqual([0, 1, NO_CLASS, 1, NO_CLASS, 0, NO_CLASS, NO_CLASS]);
  });

  test('who calls everything unknown is right of all unknown devices and of no other', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1), { minLength: 8, maxLength: 8 }), (device) => {
        const open = scoreOpenWorld(trace, truth, answersOf(device, Array(8).fill(0.4)), known, 0.5);
        expect(open.scores).toMatchObject({ falseAlarms: 1, recall: 1, auroc: 0.5 });
        expect(score(open.truth, open.answers, open.classes, 1).identification.accuracy).toBeCloseTo(3 / 7, 12);
      }),
    );
  });

  test('who never does is right as often as among known devices alone', () => {
    const open = scoreOpenWorld(trace, truth, answers, known, 0);
    expect(open.scores).toMatchObject({ falseAlarms: 0, recall: 0 });
    const { accuracy } = score(open.truth, open.answers, open.classes, 1).identification;
    expect(accuracy).toBeCloseTo((4 / 7) * open.scores.known.accuracy, 12);
  });

  test('who is right and certain of known devices alone has 1 everywhere', () => {
    const perfect = answersOf([0, 0, 1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 0, 0, 0, 0]);
    const open = scoreOpenWorld(trace, truth, perfect, known, 0.5);
    expect(open.scores).toMatchObject({ falseAlarms: 0, recall: 1, auroc: 1, oscr: 1, known: { accuracy: 1 } });
    expect(score(open.truth, open.answers, open.classes, 1).identification.accuracy).toBe(1);
  });
});

/** Probabilities of plug, lock and cover for the packets of `trace`. */
const rows = [
  [0.8, 0.2, 0],
  [0.3, 0.1, 0.6],
  [0, 0, 1],
  [0.5, 0.5, 0],
  [0.9, 0.1, 0],
  [0.1, 0.9, 0],
  [0.6, 0.4, 0],
  [0.1, 0.1, 0.8],
];
const identifier = { predict: async () => Float32Array.from(rows.flat()) };
const classes = [...known, 'cover'];
const windowing = { size: 4, mix: 'home', port: 'service' } as const;

describe('certainty', () => {
  test('is the share of the most probable device among devices, cover left aside', async () => {
    const { certainty } = await predictTrace({ identifier, classes, windowing }, trace);
    const expected = [0.8, 0.75, 0, 0.5, 0.9, 0.9, 0.6, 0.5];
    for (const [i, value] of expected.entries()) expect(certainty[i]).toBeCloseTo(value, 6);
  });

  test('is the mean over the window where that holds one flow', async () => {
    const { certainty } = await predictTrace({ identifier, classes, windowing: { ...windowing, mix: 'flow' } }, trace);
    const expected = [...Array(4).fill(2.05 / 4), ...Array(4).fill(2.9 / 4)];
    for (const [i, value] of expected.entries()) expect(certainty[i]).toBeCloseTo(value, 6);
  });

  test('gives the threshold from real packets alone', async () => {
    // Seven real ones: at most a tenth of them below it is none.
    expect(await findThreshold({ identifier, classes, windowing }, trace)).toBe(0);
    const none = makeTrace([], { devices: NAMES });
    const silent = { predict: async () => new Float32Array(0) };
    await expect(findThreshold({ identifier: silent, classes, windowing }, none)).rejects.toThrow(
      /^open world: expected packets at the end of the training part/,
    );
  });

  test('decides in scoring a model, which without a threshold is scored as in a closed world', async () => {
    const model = { identifier, classes, commonest: 0, windowing };
    const open = await scoreModel({ ...model, threshold: 0.7 }, trace, known, 1);
    expect(open.openWorld).toMatchObject({ threshold: 0.7, falseAlarms: 1 / 2, recall: 1 / 3 });
    expect([...open.truth]).toEqual([...truth]);
    const closed = await scoreModel({ ...model, threshold: null }, trace, known, 1);
    expect(closed.openWorld).toBeUndefined();
    expect(closed.identification.chance).toBe(1 / 2);
    expect(closed.identification.accuracy).toBe(open.openWorld!.known.accuracy);
  });
});
