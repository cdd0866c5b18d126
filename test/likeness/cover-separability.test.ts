import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { areaUnderRoc } from '../../src/learning/auc.js';
import { coverSeparability } from '../../src/likeness/cover-separability.js';
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
    const cover = Uint8Array.from({ length: count }, () => rng.integer(0, 1));
    const values = Float32Array.from(cover, (is) => (is ? coverLength() : rng.integer(60, 1500)));
    return { columns: [{ kind: 'numeric' as const, name: 'length', values }], cover };
  };
  const told = (coverLength: () => number) =>
    coverSeparability(rows(1000, coverLength), rows(1000, coverLength), { rng, threads: 1 });

  it('is sure where cover has a length of its own, and guessing where it has those of real packets', async () => {
    expect(await told(() => 1501)).toBeGreaterThan(0.99);
    const guess = await told(() => rng.integer(60, 1500));
    expect(guess).toBeGreaterThan(0.44);
    expect(guess).toBeLessThan(0.56);
  });

  it('does not apply where there is no cover', async () => {
    const real = { ...rows(100, () => 0), cover: new Uint8Array(100) };
    expect(await coverSeparability(real, real, { rng, threads: 1 })).toBeNull();
  });
});
