import { expect, test } from 'vitest';
import { countCells, itemsOf, jobsOf } from '../../../src/harness/jobs/plan.js';
import { resolveSpec } from '../../../src/harness/spec.js';

const spec = resolveSpec({
  attacks: ['random-forest', 'lstm'],
  defenses: ['none', 'pad', 'jitter'],
  adversaries: ['static', 'adaptive', 'transfer'],
  seeds: 2,
});

test('a run has a cell for each seed, attack, defense and adversary, and each pair of a transfer', () => {
  // 2 seeds x 2 attacks x (3 defenses x 2 adversaries + none<-{pad, jitter}, pad<-jitter, jitter<-pad).
  expect(countCells(spec)).toBe(2 * 2 * (6 + 4));
  expect(itemsOf(spec).filter(({ kind }) => kind === 'metrics')).toHaveLength(2 * 3);
});

test('every model is trained by one job only, and every item is of one job', () => {
  const jobs = jobsOf(itemsOf(spec));
  const models = jobs.flatMap(({ seed, model }) =>
    model ? [`${seed} ${model.attack.name} ${model.trainedOn.label}`] : [],
  );
  expect(models).toHaveLength(new Set(models).size);
  // Trained on nothing, pad and jitter.
  expect(models).toHaveLength(2 * 2 * 3);
  const items = jobs.flatMap((job) => job.items);
  expect(new Set(items).size).toBe(items.length);
  expect(items).toHaveLength(itemsOf(spec).length);
});

test('both adversaries of undefended traffic share the model of the static one', () => {
  const [first] = jobsOf(itemsOf(resolveSpec({ defenses: ['none', 'pad'] })));
  expect(first!.items.map((item) => item.kind === 'cell' && [item.defense.label, item.adversary])).toEqual([
    ['none', 'static'],
    ['none', 'adaptive'],
    ['pad', 'static'],
  ]);
});
