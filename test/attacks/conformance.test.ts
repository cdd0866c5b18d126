import { expect, test } from 'vitest';
import { checkAttack } from '../../src/conformance/check-attack.js';
import { attacks } from '../../src/harness/plugins/registry.js';

/** Less than the defaults, for attacks that would take long. */
const SMALL: Record<string, Record<string, unknown>> = {
  'random-forest': { trees: 10 },
  'context-forest': { trees: 10 },
  endpoint: { trees: 10 },
  'window-forest': { trees: 10 },
  lstm: { hidden: 8, embedding: 4, epochs: 3, batch: 8, learningRate: 0.02 },
  df: { filters: 4, units: 16, epochs: 5, packets: 20 },
  'tik-tok': { filters: 4, units: 16, epochs: 5, packets: 20 },
  'tam-cnn': { filters: 4, seconds: 2, slots: 8, epochs: 12, learningRate: 0.01 },
  transformer: { width: 4, heads: 2, layers: 1, epochs: 5, packets: 20, learningRate: 0.01 },
  blstm: { hidden: 8, embedding: 4, epochs: 3, batch: 8, learningRate: 0.02 },
};

/** Attacks that read none of what tells the made-up devices apart: ports, protocols, lengths. */
const BLIND = ['df', 'tik-tok'];

test.each(attacks)('$name keeps the contract', async (attack) => {
  const { checks } = await checkAttack(attack, { parameters: SMALL[attack.name] });
  // Not every attack has models that can be kept; all else each must do.
  const excused = [...(attack.open ? [] : ['keeps-its-models']), ...(BLIND.includes(attack.name) ? ['learns'] : [])];
  expect(checks.filter(({ name, outcome }) => outcome !== 'ok' && !excused.includes(name))).toEqual([]);
});
