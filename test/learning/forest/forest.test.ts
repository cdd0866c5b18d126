import { beforeAll, describe, expect, it } from 'vitest';
import { type Forest, predictProbabilities, trainForest } from '../../../src/learning/forest/forest.js';
import { mostProbable, scoreIdentification } from '../../../src/learning/scores.js';
import { createRng } from '../../../src/shared/rng.js';
import { makeTable, takeRows } from '../../support/forest-table.js';

const { columns, label } = makeTable(6000);
const train = takeRows(columns, 0, 3000);
const test = takeRows(columns, 3000, 6000);
const options = { classes: 5, trees: 100, threads: 2, rng: createRng(1, 'forest') };

describe('a forest', () => {
  let forest: Forest;
  let probabilities: Float32Array;
  beforeAll(async () => {
    forest = await trainForest(train, label.subarray(0, 3000), options);
    probabilities = await predictProbabilities(forest, test, 2);
  });

  it('is as good as that of scikit-learn', () => {
    const names = ['0', '1', '2', '3', '4'];
    const { accuracy, macroF1 } = scoreIdentification({
      devices: names,
      classes: names,
      truth: label.subarray(3000),
      predicted: mostProbable(probabilities, 5),
    });
    // Both printed by scikit-learn.py: the mean over ten seeds, with the port as a number and one-hot.
    expect(accuracy).toBeGreaterThan(0.7992 - 0.01);
    expect(accuracy).toBeLessThan(0.8066 + 0.01);
    expect(macroF1).toBeGreaterThan(0.7997 - 0.01);
    expect(macroF1).toBeLessThan(0.8074 + 0.01);
  });

  it('has the out-of-bag accuracy of scikit-learn', () => {
    expect(Math.abs(forest.outOfBagAccuracy! - 0.822)).toBeLessThan(0.01);
  });

  it('finds the same columns important as scikit-learn', () => {
    const [port, length, nothing] = forest.importance;
    expect(Math.abs(port! - 0.48)).toBeLessThan(0.05);
    expect(Math.abs(length! - 0.4)).toBeLessThan(0.05);
    expect(Math.abs(nothing! - 0.118)).toBeLessThan(0.03);
    expect(port! + length! + nothing!).toBeCloseTo(1, 9);
  });

  it('gives probabilities', () => {
    for (let row = 0; row < 3000; row++) {
      const own = probabilities.subarray(5 * row, 5 * row + 5);
      expect(own.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 4);
    }
  });

  it('refuses columns that are not those of its training', async () => {
    await expect(predictProbabilities(forest, test.slice(1), 1)).rejects.toThrow(
      'expected columns categorical port, numeric length, numeric nothing; found numeric length, numeric nothing',
    );
  });
});

it('is the same forest on any number of threads, and another with another seed', async () => {
  const few = { ...options, trees: 7 };
  const small = takeRows(columns, 0, 500);
  const one = await trainForest(small, label.subarray(0, 500), { ...few, threads: 1 });
  const three = await trainForest(small, label.subarray(0, 500), { ...few, threads: 3 });
  const other = await trainForest(small, label.subarray(0, 500), { ...few, rng: createRng(2, 'forest') });
  expect(three).toEqual(one);
  expect(other.nodes).not.toEqual(one.nodes);
  expect(await predictProbabilities(three, test, 3)).toEqual(await predictProbabilities(one, test, 1));
});

it('lets class weights tip the balance', async () => {
  const same = [{ kind: 'numeric' as const, name: 'x', values: new Uint8Array(100) }];
  const mostly = Uint16Array.from({ length: 100 }, (_, i) => (i < 80 ? 0 : 1));
  const chance = { ...options, classes: 2, trees: 50, threads: 1 };
  const plain = await trainForest(same, mostly, chance);
  const weighted = await trainForest(same, mostly, { ...chance, classWeight: [1, 4] });
  expect((await predictProbabilities(plain, same, 1))[0]).toBeCloseTo(0.8, 1);
  expect((await predictProbabilities(weighted, same, 1))[0]).toBeCloseTo(0.5, 1);
});

it('tells more than 256 classes apart', async () => {
  const values = Uint16Array.from({ length: 3000 }, (_, i) => i % 300);
  const many = [
    { kind: 'numeric' as const, name: 'high', values: values.map((v) => v >> 4) },
    { kind: 'numeric' as const, name: 'low', values: values.map((v) => v & 15) },
  ];
  const forest = await trainForest(many, values, { ...options, classes: 300, trees: 10, threads: 1 });
  const predicted = mostProbable(await predictProbabilities(forest, many, 1), 300);
  expect(predicted.filter((c, i) => c === values[i]).length).toBe(3000);
});

it('reports each tree', async () => {
  const seen: number[] = [];
  await trainForest(takeRows(columns, 0, 50), label.subarray(0, 50), {
    ...options,
    trees: 3,
    onTree: (done) => seen.push(done),
  });
  expect(seen).toEqual([1, 2, 3]);
});

it('says what is wrong with its options or its data', async () => {
  const grow = (more: object) => trainForest(takeRows(columns, 0, 9), label.subarray(0, 9), { ...options, ...more });
  await expect(grow({ trees: 0 })).rejects.toThrow('trees: expected a whole number from 1 to 100000, found 0');
  await expect(grow({ minLeaf: 0.5 })).rejects.toThrow('minLeaf: expected a whole number of at least 1, found 0.5');
  await expect(grow({ classWeight: [1, 1, 0, 1, 1] })).rejects.toThrow('classWeight: expected 5 numbers above 0');
  await expect(trainForest(takeRows(columns, 0, 0), new Uint16Array(0), options)).rejects.toThrow('found none');
});
