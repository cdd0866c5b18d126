import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { areaUnderRoc } from '../../src/learning/auc.js';
import { areaInterval, joinKinds, separability } from '../../src/likeness/separability.js';
import { createRng } from '../../src/shared/rng.js';
import { makeTable } from '../support/forest-table.js';

describe('the area under the ROC curve', () => {
  it('is that of scikit-learn, ties included', () => {
    // metrics.py beside this file: roc_auc_score of a length in steps of 16, to tell classes 3 and 4 from the others.
    const { columns, label } = makeTable(2000);
    const scores = Float32Array.from(columns[1]!.values, (value) => Math.floor(value / 16));
    const truth = Uint8Array.from(label, (c) => Number(c >= 3));
    expect(areaUnderRoc(scores, truth)).toBeCloseTo(0.9529076072445253, 12);
  });

  it('is the share of pairs in the right order', () => {
    const row = fc.record({ score: fc.integer({ min: 0, max: 4 }), truth: fc.integer({ min: 0, max: 1 }) });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 20 }), (rows) => {
        const [ones, zeros] = [1, 0].map((kind) => rows.filter(({ truth }) => truth === kind));
        let pairs = 0;
        for (const one of ones!) for (const zero of zeros!) pairs += (Math.sign(one.score - zero.score) + 1) / 2;
        const auc = areaUnderRoc(
          Float32Array.from(rows, ({ score }) => score),
          Uint8Array.from(rows, ({ truth }) => truth),
        );
        if (ones!.length * zeros!.length === 0) expect(auc).toBeNull();
        else expect(auc).toBeCloseTo(pairs / (ones!.length * zeros!.length), 9);
      }),
    );
  });
});

describe('telling cover from real packets', () => {
  const rng = createRng(1, 'cover');
  const rows = (count: number, coverLength: () => number) => {
    const isB = Uint8Array.from({ length: count }, () => rng.integer(0, 1));
    const values = Float32Array.from(isB, (is) => (is ? coverLength() : rng.integer(60, 1500)));
    return { columns: [{ kind: 'numeric' as const, name: 'length', values }], isB };
  };
  const told = (coverLength: () => number) =>
    separability(rows(1000, coverLength), rows(1000, coverLength), { rng, threads: 1 });

  it('is sure where cover has a length of its own, and guessing where it has those of real packets', async () => {
    expect(await told(() => 1501)).toBeGreaterThan(0.99);
    const guess = await told(() => rng.integer(60, 1500));
    expect(guess).toBeGreaterThan(0.44);
    expect(guess).toBeLessThan(0.56);
  });

  it('does not apply where there is no cover', async () => {
    const real = { ...rows(100, () => 0), isB: new Uint8Array(100) };
    expect(await separability(real, real, { rng, threads: 1 })).toBeNull();
  });
});

test('two tables are joined with the rows of the first before those of the second', () => {
  const column = (...values: number[]) => [{ kind: 'numeric' as const, name: 'x', values: Float32Array.from(values) }];
  const { columns, isB } = joinKinds(column(1, 2), column(3));
  expect([[...columns[0]!.values], [...isB]]).toEqual([
    [1, 2, 3],
    [0, 0, 1],
  ]);
});

describe('the interval of the area', () => {
  const scores = (low: number, high: number, rows: number) =>
    Float32Array.from({ length: rows }, (_, i) => low + ((i * 7919) % rows) * ((high - low) / rows));

  test('is a point where every row of B scores higher than every row of A', () => {
    const run = { a: scores(0, 0.4, 100), b: scores(0.6, 1, 80) };
    expect(areaInterval([run], createRng(1))).toEqual({ mean: 1, low: 1, high: 1 });
  });

  test('has the area under the ROC curve of the rounded scores as its mean', () => {
    const run = { a: scores(0, 0.8, 200), b: scores(0.2, 1, 150) };
    const rounded = Float32Array.from([...run.a, ...run.b], (score) => Math.round(score * 1000));
    const truth = Uint8Array.from(rounded, (_, row) => Number(row >= 200));
    const { mean, low, high } = areaInterval([run], createRng(1));
    expect(mean).toBeCloseTo(areaUnderRoc(rounded, truth)!, 12);
    expect(low!).toBeLessThan(mean);
    expect(high!).toBeGreaterThan(mean);
  });
});
