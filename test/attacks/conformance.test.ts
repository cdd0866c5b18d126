import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { checkAttack } from '../../src/conformance/check-attack.js';
import { attacks } from '../../src/harness/plugins/registry.js';

const byPorts = fileURLToPath(new URL('../support/by-ports.mjs', import.meta.url));

/** Less than the defaults, for attacks that would take long, and a program for the one that needs it. */
const SMALL: Record<string, Record<string, unknown>> = {
  'random-forest': { trees: 10 },
  'context-forest': { trees: 10 },
  endpoint: { trees: 10 },
  'window-forest': { trees: 10 },
  command: { run: `"${process.execPath}" "${byPorts}"`, answers: 'packet' },
  lstm: { hidden: 8, embedding: 4, epochs: 3, batch: 8, learningRate: 0.02 },
  blstm: { hidden: 8, embedding: 4, epochs: 3, batch: 8, learningRate: 0.02 },
};

test.each(attacks)('$name keeps the contract', async (attack) => {
  const { checks } = await checkAttack(attack, { parameters: SMALL[attack.name] });
  // Not every attack has models that can be kept; all else each must do.
  const failed = checks.filter(
    ({ name, outcome }) => outcome !== 'ok' && !(name === 'keeps-its-models' && !attack.open),
  );
  expect(failed).toEqual([]);
});
