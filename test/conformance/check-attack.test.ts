import { expect, test } from 'vitest';
import { checkAttack } from '../../src/conformance/check-attack.js';
import { brokenAttacks, soundAttack } from '../support/broken-attacks.js';

test('every check has an attack that breaks it', async () => {
  const { checks } = await checkAttack(soundAttack);
  const broken = new Set(brokenAttacks.map(([, check]) => check));
  expect([...broken].sort()).toEqual(checks.map(({ name }) => name).sort());
});

test('a sound attack passes, also where its models cannot be kept', async () => {
  const report = await checkAttack(soundAttack);
  const others = report.checks.filter(({ outcome }) => outcome !== 'ok');
  expect(others).toMatchObject([
    { name: 'keeps-its-models', outcome: 'skipped', message: 'its models cannot be kept' },
  ]);
  expect(report).toMatchObject({ kind: 'attack', name: 'broken', passed: true });
});

test.each(brokenAttacks)('%s is found by %s', async (_, check, message, attack) => {
  const report = await checkAttack(attack);
  const found = report.checks.find(({ name }) => name === check)!;
  const outcome = check === 'learns' ? 'warning' : 'failed';
  expect(found).toMatchObject({ outcome, message: expect.stringMatching(message) });
  expect(found.message).not.toContain('\n');
  expect(report.passed).toBe(outcome === 'warning');
});
