import { expect, test } from 'vitest';
import { checkAttack } from '../../src/conformance/check-attack.js';
import { attacks } from '../../src/harness/plugins/registry.js';
import { SMALL_ATTACKS } from '../support/small-attacks.js';

/** Attacks that read none of what tells the made-up devices apart: ports, protocols, lengths. */
const BLIND = ['df', 'tik-tok'];

test.each(attacks)('$name keeps the contract', async (attack) => {
  const { checks } = await checkAttack(attack, { parameters: SMALL_ATTACKS[attack.name] });
  // Not every attack has models that can be kept; all else each must do.
  const excused = [...(attack.open ? [] : ['keeps-its-models']), ...(BLIND.includes(attack.name) ? ['learns'] : [])];
  expect(checks.filter(({ name, outcome }) => outcome !== 'ok' && !excused.includes(name))).toEqual([]);
});
