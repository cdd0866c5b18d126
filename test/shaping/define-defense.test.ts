import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineDefense, scopeOfDefense } from '../../src/shaping/shaper.js';
import { describeParameters, resolveParameters } from '../../src/shared/parameters.js';
import { atMost, number } from '../../src/shared/units.js';

const common = {
  name: 'own',
  summary: 'A test.',
  source: 'ours',
  removedAt: 'nowhere',
  parameters: z
    .object({ low: number([0, 9], 1, 'least'), high: number([0, 9], 5, 'most') })
    .check(atMost('low', 'high')),
} as const;

test('a list of scopes adds the parameter per, whose default is the first, and keeps all checks', () => {
  const seen: unknown[] = [];
  const defense = defineDefense({
    ...common,
    scope: ['device', 'home', 'flow'],
    create({ per, low }) {
      seen.push(per, low);
      return { packet: (p, link) => link.send(p, p.length) };
    },
  });
  expect(describeParameters(defense.parameters).at(-1)).toEqual({
    name: 'per',
    type: 'device|home|flow',
    default: 'device',
    range: '',
    description: 'one shaper for each device, or one for the whole home, or one for each flow',
  });
  const resolve = (given: Record<string, unknown>) => resolveParameters(defense.parameters, given, 'defense own');
  expect(scopeOfDefense(defense, resolve({}))).toBe('device');
  expect(scopeOfDefense(defense, resolve({ per: 'home' }))).toBe('home');
  defense.create(resolve({ per: 'flow' }), undefined);
  expect(seen).toEqual(['flow', 1]);
  expect(() => resolve({ low: 6 })).toThrow('defense own: low: expected at most high, which is 5, found 6');
  expect(() => resolve({ per: 'house' })).toThrow(/defense own: per: /);
});

test('a single scope, or a function of the parameters, adds nothing', () => {
  const create = () => ({ packet: () => undefined });
  const single = defineDefense({ ...common, scope: 'home', create });
  const byRule = defineDefense({ ...common, scope: ({ low }) => (low > 2 ? 'flow' : 'device'), create });
  for (const { parameters } of [single, byRule]) expect(Object.keys(parameters.shape)).toEqual(['low', 'high']);
  expect([scopeOfDefense(single, {}), scopeOfDefense(byRule, { low: 3 })]).toEqual(['home', 'flow']);
});
