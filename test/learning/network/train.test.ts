import { describe, expect, it } from 'vitest';
import { deepFingerprinting, robustFingerprinting, transformer } from '../../../src/learning/network/architectures.js';
import { dense, flatten } from '../../../src/learning/network/dense.js';
import { type Layer, type Shape, sequence, sizeOf } from '../../../src/learning/network/layer.js';
import { batchNorm } from '../../../src/learning/network/normalisation.js';
import { layoutOf, startOf } from '../../../src/learning/network/pass.js';
import {
  type Examples,
  type TrainingContext,
  type TrainingOptions,
  trainNetwork,
} from '../../../src/learning/network/train.js';
import { createTrainer, emptyBatch } from '../../../src/learning/network/trainer.js';
import type { Progress } from '../../../src/shared/progress.js';
import { createRng } from '../../../src/shared/rng.js';

const CLASSES = ['rising', 'falling', 'never'];
const options: TrainingOptions = {
  optimiser: 'adam',
  learningRate: 0.01,
  epochs: 6,
  steps: 1,
  batch: 16,
  patience: 0,
  balance: 0.5,
  maximum: 10_000,
};

/** Noise in which only the order of two pulses, one in each half of the first row, tells the classes apart. */
function makeExamples(seed: number, count: number, { rows, steps, channels }: Shape): Examples {
  const rng = createRng(seed, 'examples');
  const labels = Uint16Array.from({ length: count }, (_, i) => i % 2);
  const numbers = Array.from(labels, (label) => {
    const inputs = Float32Array.from({ length: rows * steps * channels }, () => rng.normal(0, 0.1));
    // The first channel tells a transformer that the place is there.
    for (let place = 0; place < rows * steps; place++) if (channels > 2) inputs[place * channels] = 1;
    const half = steps >> 1;
    const pulse = label === 0 ? -1 : 1;
    inputs[rng.integer(0, half - 1) * channels + channels - 1] = pulse;
    inputs[rng.integer(half, steps - 1) * channels + channels - 1] = -pulse;
    return inputs;
  });
  return {
    labels,
    inputs(which, into) {
      for (const [i, example] of which.entries()) into.set(numbers[example]!, i * numbers[example]!.length);
    },
  };
}

const none: Examples = { labels: new Uint16Array(0), inputs: () => {} };
const line: Shape = { rows: 1, steps: 16, channels: 1 };
const small = { layers: sequence(flatten, dense(8), batchNorm, dense(3)), input: line };
const context = (seed = 1): TrainingContext => ({ rng: createRng(seed), threads: 1, task: 'fit small' });

const networks: { name: string; layers: Layer; input: Shape; epochs: number }[] = [
  { name: 'Deep Fingerprinting', layers: deepFingerprinting(3, 4, 32), input: line, epochs: 8 },
  {
    name: 'Robust Fingerprinting',
    layers: robustFingerprinting(3, 4),
    input: { rows: 2, steps: 24, channels: 2 },
    epochs: 6,
  },
  {
    name: 'a transformer',
    layers: transformer(3, { width: 16, heads: 2, layers: 2, dropped: 0.1 }),
    input: { rows: 1, steps: 12, channels: 4 },
    epochs: 20,
  },
];

describe.each(networks)('$name', ({ layers, input, epochs }) => {
  it('learns what only the order of two pulses tells', async () => {
    const [train, validation] = [makeExamples(1, 256, input), makeExamples(2, 64, input)];
    const long = { ...options, epochs };
    const { validationScore, weights } = await trainNetwork(
      { layers, input },
      CLASSES,
      train,
      validation,
      long,
      context(),
    );
    expect(validationScore).toBeGreaterThan(0.9);
    expect(weights.parameters.length).toBe(layoutOf(layers, input).parameters.size);
  });

  it('is the same for the same seed, and another for another', async () => {
    const train = makeExamples(1, 48, input);
    const run = (seed: number) =>
      trainNetwork({ layers, input }, CLASSES, train, none, { ...options, epochs: 1 }, context(seed));
    const [one, same, other] = [await run(1), await run(1), await run(2)];
    expect(one).toEqual(same);
    expect(one.weights.parameters).not.toEqual(other.weights.parameters);
  });
});

describe('training', () => {
  it('keeps the numbers of the best epoch and stops after some without a better one', async () => {
    const [train, validation] = [makeExamples(1, 64, line), makeExamples(2, 32, line)];
    const long = { ...options, epochs: 500, patience: 3 };
    const { epochs, bestEpoch, validationScore } = await trainNetwork(
      small,
      CLASSES,
      train,
      validation,
      long,
      context(),
    );
    expect(epochs).toBe(bestEpoch + 3);
    expect(validationScore).toBeGreaterThan(0.5);
  });

  it('takes no more examples than it may, and leaves out those without a class', async () => {
    const examples = makeExamples(1, 100, line);
    const labels = examples.labels.map((label, i) => (i < 50 ? label : 0xffff));
    const seen = new Set<number>();
    const watched: Examples = {
      labels,
      inputs(which, into) {
        for (const example of which) seen.add(example);
        examples.inputs(which, into);
      },
    };
    await trainNetwork(small, CLASSES, watched, none, { ...options, maximum: 20, batch: 4 }, context());
    expect(seen.size).toBe(20);
    expect(Math.max(...seen)).toBeLessThan(50);
  });

  it('weighs classes as asked', async () => {
    const examples = makeExamples(1, 96, line);
    // Noise, so that nothing but the share of the classes can be learnt: 90 and 6 examples.
    const noise = createRng(3);
    const rare: Examples = {
      labels: examples.labels.map((_, i) => Number(i % 16 === 0)),
      inputs(_, into) {
        for (let i = 0; i < into.length; i++) into[i] = noise.normal(0, 1);
      },
    };
    const network = { layers: sequence(flatten, dense(3)), input: line };
    const shareOfRare = async (balance: number) => {
      const { weights } = await trainNetwork(
        network,
        CLASSES,
        rare,
        none,
        { ...options, balance, epochs: 60 },
        context(),
      );
      const [often, seldom] = weights.parameters.slice(-3) as unknown as [number, number];
      return 1 / (1 + Math.exp(often - seldom));
    };
    expect(await shareOfRare(0)).toBeLessThan(0.25);
    expect(await shareOfRare(1)).toBeGreaterThan(0.35);
  });

  it('ends with what it has when aborted, and with the reason before the first step', async () => {
    const train = makeExamples(1, 64, line);
    const controller = new AbortController();
    const onProgress = ({ done }: Progress) => done === 7 && controller.abort();
    const running = { ...context(), signal: controller.signal, onProgress };
    const { epochs, bestEpoch } = await trainNetwork(small, CLASSES, train, none, options, running);
    expect([epochs, bestEpoch]).toEqual([1, 1]);
    const reason = new Error('no');
    const aborted = { ...context(), signal: AbortSignal.abort(reason) };
    await expect(trainNetwork(small, CLASSES, train, none, options, aborted)).rejects.toBe(reason);
  });

  it.each([
    ['no window with a class', [0xffff, 0xffff], 'fit small: expected windows with a class to train on, found none'],
    ['one class', [1, 1], 'fit small: expected windows of at least two classes to tell apart, found only "falling"'],
  ])('says what is missing: %s', async (_, labels, message) => {
    const train = { ...makeExamples(1, 2, line), labels: Uint16Array.from(labels) };
    await expect(trainNetwork(small, CLASSES, train, none, options, context())).rejects.toThrow(message);
  });

  it('says so when the loss is no number', async () => {
    const train = {
      ...makeExamples(1, 32, line),
      inputs: (_: Uint32Array, into: Float32Array) => into.fill(Number.NaN),
    };
    await expect(trainNetwork(small, CLASSES, train as Examples, none, options, context())).rejects.toThrow(
      'fit small: epoch 1: the loss is NaN; expected a number, try a lower learning rate',
    );
  });
});

it('takes the first statistics from the first batch and later ones by a tenth', async () => {
  const network = { layers: sequence(batchNorm, flatten, dense(2)), input: { rows: 1, steps: 2, channels: 1 } };
  const layout = layoutOf(network.layers, network.input);
  const rng = createRng(1);
  const start = { parameters: startOf(layout.parameters, rng), statistics: startOf(layout.statistics, rng) };
  expect([...start.statistics]).toEqual([0, 1]);
  const trainer = await createTrainer(network, layout, start, { optimiser: 'adam', threads: 1 });
  const batch = emptyBatch(network, layout, 2);
  batch.weight.fill(0.5);
  expect(batch.inputs.length).toBe(2 * sizeOf(network.input));
  batch.inputs.set([1, 2, 3, 6]);
  await trainer.step(batch, 0);
  // Mean 3; squares of the distances 4, 1, 0, 9.
  expect([...trainer.weights().statistics]).toEqual([3, 3.5]);
  for (let step = 2; step <= 20; step++) await trainer.step(batch, 0);
  batch.inputs.fill(13);
  await trainer.step(batch, 0);
  expect(trainer.weights().statistics[0]).toBeCloseTo(4, 5);
  expect(trainer.weights().statistics[1]).toBeCloseTo(3.15, 5);
  await trainer.dispose();
});
