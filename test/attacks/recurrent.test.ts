import { describe, expect, it } from 'vitest';
import blstm from '../../attacks/blstm.js';
import lstm from '../../attacks/lstm.js';
import { NO_CLASS, type Windows } from '../../src/learning/windows.js';
import { resolveParameters } from '../../src/shared/parameters.js';
import type { Progress } from '../../src/shared/progress.js';
import { createRng } from '../../src/shared/rng.js';
import { accuracy, makeOrderedWindows } from '../support/make-windows.js';

interface Options {
  given?: Record<string, unknown>;
  onProgress?: (progress: Progress) => void;
  onWarning?: (message: string) => void;
  signal?: AbortSignal;
}

function runFit(attack: typeof lstm, train: Windows, validation: Windows, { given, ...context }: Options = {}) {
  const small = { hidden: 12, embedding: 4, epochs: 14, batch: 16, learningRate: 0.01, dropout: 0.1, ...given };
  const parameters = resolveParameters(attack.parameters, small, `attack ${attack.name}`);
  return attack.fit(train, validation, { parameters, rng: createRng(1), threads: 1, ...context });
}

const train = makeOrderedWindows(1, 256, 20);
const test = makeOrderedWindows(2, 20, 20);
const validation = makeOrderedWindows(3, 20, 20);
const none = { ...makeOrderedWindows(4, 1, 20), start: new Uint32Array(0), count: new Uint32Array(0) };

describe.each([lstm, blstm])('$name', (attack) => {
  it('learns what only the order of packets tells', async () => {
    const progress: Progress[] = [];
    const identifier = await runFit(attack, train, validation, { onProgress: (p) => progress.push(p) });
    const probabilities = await identifier.predict(test);
    expect(probabilities.length).toBe(test.packets.rows * 2);
    for (let row = 0; row < test.packets.rows; row++) {
      expect(probabilities[2 * row]! + probabilities[2 * row + 1]!).toBeCloseTo(1, 5);
    }
    expect(accuracy(probabilities, test)).toBeGreaterThan(0.9);
    expect(identifier.insight!.validationMacroF1).toBeGreaterThan(0.9);
    const { done, total, figures } = progress.at(-1)!;
    expect(done).toBeLessThanOrEqual(total!);
    expect(Object.keys(figures!)).toEqual(['epoch', 'loss', 'packets/s', 'validation F1']);
  });

  it('gives the same probabilities for the same seed', async () => {
    const few = makeOrderedWindows(5, 20, 20);
    const runs = [1, 2].map(async () => (await runFit(attack, few, none, { given: { epochs: 2 } })).predict(test));
    const [first, second] = await Promise.all(runs);
    expect(first).toEqual(second);
  });

  it('averages overlapping windows, and gives zeros for packets in none', async () => {
    const identifier = await runFit(attack, makeOrderedWindows(5, 20, 20), none, { given: { epochs: 1 } });
    const windows = makeOrderedWindows(2, 4, 20);
    const at = (start: number[]) =>
      identifier.predict({
        ...windows,
        start: Uint32Array.from(start),
        count: Uint32Array.from(start, () => 20),
      });
    const [early, late, both] = [await at([0]), await at([10]), await at([0, 10])];
    for (let i = 0; i < both.length; i++) {
      const shared = i >= 20 && i < 40;
      expect(both[i]).toBeCloseTo(shared ? (early[i]! + late[i]!) / 2 : early[i]! + late[i]!, 5);
    }
    expect(both.subarray(2 * 30)).toEqual(new Float32Array(2 * 50));
  });

  it('does not let padding reach the packets of a short window', async () => {
    const identifier = await runFit(attack, makeOrderedWindows(5, 20, 20), none, { given: { epochs: 1 } });
    const windows = makeOrderedWindows(2, 2, 20);
    const short = { ...windows, start: Uint32Array.of(0), count: Uint32Array.of(7) };
    const beside = { ...windows, start: Uint32Array.of(0, 20), count: Uint32Array.of(7, 20) };
    const [alone, padded] = [await identifier.predict(short), await identifier.predict(beside)];
    for (let i = 0; i < 14; i++) expect(padded[i]).toBeCloseTo(alone[i]!, 5);
  });

  it('does not learn from packets without a class', async () => {
    const half = makeOrderedWindows(5, 20, 20);
    const label = half.label.map((value, row) => (row % 2 === 0 ? value : NO_CLASS));
    const other = label.map((value) => (value === NO_CLASS ? 40_000 : value));
    const given = { epochs: 1 };
    const first = await (await runFit(attack, { ...half, label }, none, { given })).predict(test);
    const second = await (await runFit(attack, { ...half, label: other }, none, { given })).predict(test);
    expect(first).toEqual(second);
  });

  it('keeps the best model so far when it is interrupted', async () => {
    const controller = new AbortController();
    const warnings: string[] = [];
    const identifier = await runFit(attack, train, validation, {
      signal: controller.signal,
      onProgress: ({ done }) => done === 20 && controller.abort(),
      onWarning: (message) => warnings.push(message),
    });
    expect(identifier.insight).toMatchObject({ epochs: 1, bestEpoch: 1 });
    expect(warnings).toEqual([`${attack.name}: interrupted in epoch 2; the model is that of epoch 1`]);
    expect((await identifier.predict(test)).every((value) => value > 0 && value < 1)).toBe(true);
  });

  it('stops when validation gets no better', async () => {
    const label = validation.label.map(() => 0);
    const identifier = await runFit(
      attack,
      makeOrderedWindows(5, 20, 20),
      { ...validation, label },
      { given: { epochs: 50, patience: 2 } },
    );
    const { epochs, bestEpoch } = identifier.insight!;
    expect(epochs).toBeLessThan(50);
    expect(epochs! - bestEpoch!).toBe(2);
  });

  it('without a number of epochs takes as many as its steps need, 15 at least, and stops after a third of them', async () => {
    // 20 windows are two steps of 16 to an epoch.
    const few = makeOrderedWindows(5, 20, 20);
    for (const [steps, epochs] of [
      [39, 20],
      [7, 15],
    ]) {
      const taken: number[] = [];
      const all = await runFit(attack, few, none, {
        given: { steps, epochs: 0 },
        onProgress: ({ done, total }) => taken.push(done, total!),
      });
      expect([all.insight!.epochs, taken.at(-2), taken.at(-1)]).toEqual([epochs, 2 * epochs!, 2 * epochs!]);
    }
    const label = validation.label.map(() => 0);
    const early = await runFit(attack, few, { ...validation, label }, { given: { steps: 100, epochs: 0 } });
    const { epochs, bestEpoch } = early.insight!;
    // A third of 50.
    expect(epochs! - bestEpoch!).toBe(17);
  });

  it('says what is wrong with its input', async () => {
    const broken = makeOrderedWindows(5, 4, 20);
    broken.packets.interval[7] = Number.NaN;
    const task = `fit ${attack.name}`;
    const one = makeOrderedWindows(5, 4, 20);
    one.label.fill(1);
    const unlabelled = makeOrderedWindows(5, 4, 20);
    unlabelled.label.fill(NO_CLASS);
    const messages = [none, one, unlabelled, broken].map((windows) =>
      runFit(attack, windows, none).then(
        () => 'no error',
        (error: Error) => `${error.name}: ${error.message}`,
      ),
    );
    expect(await Promise.all(messages)).toEqual([
      `InputError: ${task}: expected windows to train on, found none`,
      `InputError: ${task}: expected packets of at least two classes to tell apart, found only "b"`,
      `InputError: ${task}: expected packets of at least two classes to tell apart, found none`,
      `InputError: ${task}: packet 7: interval: expected a number of at least 0, found NaN`,
    ]);
  });
});
