import fc from 'fast-check';
import { expect, test } from 'vitest';
import { resolveSpec } from '../../src/harness/spec.js';
import { type Estimates, type ScoredCell, summarize } from '../../src/harness/summary.js';
import { sanityWarnings } from '../../src/harness/warnings.js';
import { dominates } from '../../src/result/dominates.js';
import type { Cell } from '../../src/result/result.js';

interface Given {
  attack: string;
  defense: string;
  adversary: Cell['adversary'];
  accuracy: number;
  bandwidth?: number | null;
  delay?: number | null;
  dropped?: number;
}

const scored = ({ bandwidth = 0, delay = 0, ...given }: Given): ScoredCell => ({
  cell: {
    attack: given.attack,
    defense: given.defense,
    adversary: given.adversary,
    identification: { accuracy: given.accuracy, chance: 0.1, majority: 0.3, perDevice: {} },
    cost: { bandwidthOverhead: bandwidth, addedDelay: { p95: delay }, dropped: given.dropped ?? 0 },
  } as unknown as Cell,
  blocks: { correct: Float64Array.of(given.accuracy), total: Float64Array.of(1) },
});

const meanOf = (runs: readonly { correct: Float64Array }[]) =>
  runs.reduce((sum, run) => sum + run.correct[0]!, 0) / runs.length;
const estimates: Estimates = {
  accuracy: (runs) => ({ mean: meanOf(runs), low: null, high: null }),
  drop: (before, after) => ({ mean: meanOf(before) - meanOf(after), low: -0.5, high: 0.5 }),
};

const spec = resolveSpec({ defenses: ['none', 'pad', 'jitter'] });
const cells = [
  scored({ attack: 'a', defense: 'none', adversary: 'static', accuracy: 0.8 }),
  scored({ attack: 'a', defense: 'none', adversary: 'adaptive', accuracy: 0.8 }),
  scored({ attack: 'a', defense: 'pad', adversary: 'static', accuracy: 0.2, bandwidth: 1.5 }),
  scored({ attack: 'a', defense: 'pad', adversary: 'adaptive', accuracy: 0.5, bandwidth: 1.5 }),
  scored({ attack: 'b', defense: 'pad', adversary: 'static', accuracy: 0.1, bandwidth: 1.5 }),
  scored({ attack: 'b', defense: 'pad', adversary: 'adaptive', accuracy: 0.6, bandwidth: 1.5 }),
  scored({ attack: 'a', defense: 'jitter', adversary: 'static', accuracy: 0.9, bandwidth: 2, delay: 1 }),
  scored({ attack: 'a', defense: 'jitter', adversary: 'adaptive', accuracy: 0.9, bandwidth: 2, delay: 1 }),
];

test('a row is headed by the best attack of the adaptive adversary, and its drop is relative to none', () => {
  const [none, pad] = summarize(spec, cells, estimates);
  expect(none).toMatchObject({ defense: 'none', bestAttack: 'a', drop: 0, pareto: true });
  expect(pad).toMatchObject({ bestAttack: 'b', adversary: 'adaptive', bandwidthOverhead: 1.5, pareto: true });
  expect(pad!.accuracy.mean).toBe(0.6);
  expect(pad!.static!.mean).toBe(0.2);
  expect(pad!.drop).toBeCloseTo(0.2);
  expect(pad).toMatchObject({ dropLow: -0.5, dropHigh: 0.5 });
});

test('beside the best attack stands the best of those that read no addresses', () => {
  const reading = (one: ScoredCell, sees: string[]): ScoredCell => ({
    ...one,
    cell: { ...one.cell, shown: { streams: 'flow', size: 100, unit: 'packets', sees } },
  });
  const none = { defense: 'none', adversary: 'static' as const };
  const some = [
    reading(scored({ attack: 'reader', ...none, accuracy: 0.9 }), ['remote']),
    reading(scored({ attack: 'blind', ...none, accuracy: 0.7 }), []),
    reading(scored({ attack: 'blinder', ...none, accuracy: 0.4 }), []),
  ];
  const [row] = summarize(resolveSpec({ defenses: ['none'] }), some, estimates);
  expect(row).toMatchObject({ bestAttack: 'reader', withoutAddresses: { attack: 'blind', accuracy: { mean: 0.7 } } });
  expect(summarize(resolveSpec({ defenses: ['none'] }), some.slice(0, 1), estimates)[0]!.withoutAddresses).toBeNull();
  expect(summarize(spec, cells, estimates)[0]).not.toHaveProperty('withoutAddresses');
});

test('a defense that costs more and hides less is off the Pareto front', () => {
  expect(summarize(spec, cells, estimates)[2]).toMatchObject({ defense: 'jitter', pareto: false });
});

test('without the adaptive adversary the static one heads the row', () => {
  const only = { ...spec, adversaries: ['static' as const] };
  const rows = summarize(
    only,
    cells.filter(({ cell }) => cell.adversary === 'static'),
    estimates,
  );
  expect(rows[1]).toMatchObject({ adversary: 'static', bestAttack: 'a', adaptive: null });
});

test('without none there is no drop, and a warning says so', () => {
  const only = { ...spec, defenses: spec.defenses.slice(1) };
  const rows = summarize(only, cells, estimates);
  expect(rows.map(({ drop, dropLow, dropHigh }) => [drop, dropLow, dropHigh])).toEqual([
    [null, null, null],
    [null, null, null],
  ]);
  expect(sanityWarnings(only, rows, []).join()).toContain('no defense "none"');
});

test('an attack that is no better than the majority, and lost packets, are warned of', () => {
  const weak = [
    ...cells.filter(({ cell }) => cell.defense !== 'none'),
    scored({ attack: 'a', defense: 'none', adversary: 'static', accuracy: 0.29 }),
    scored({ attack: 'a', defense: 'none', adversary: 'adaptive', accuracy: 0.29, dropped: 2 }),
  ];
  const warnings = sanityWarnings(
    spec,
    summarize(spec, weak, estimates),
    weak.map(({ cell }) => cell),
  ).join('\n');
  expect(warnings).toContain('this run proves nothing');
  expect(warnings).toContain('none loses real packets');
});

test('dominance is a strict partial order, and an undefined cost is never a low one', () => {
  const value = fc.constantFrom(0, 0.5, 1);
  const cost = fc.option(value, { nil: null });
  const row = fc.record({ mean: value, bandwidthOverhead: cost, addedDelayP95: cost }).map(({ mean, ...costs }) => ({
    accuracy: { mean, low: null, high: null },
    ...costs,
  }));
  fc.assert(
    fc.property(row, row, row, (a, b, c) => {
      expect(dominates(a, a)).toBe(false);
      if (dominates(a, b)) expect(dominates(b, a)).toBe(false);
      if (dominates(a, b) && dominates(b, c)) expect(dominates(a, c)).toBe(true);
      if (a.bandwidthOverhead === null && b.bandwidthOverhead !== null) expect(dominates(a, b)).toBe(false);
    }),
  );
});
