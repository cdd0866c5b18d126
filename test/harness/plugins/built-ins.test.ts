import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { attacks, defenses, views } from '../../../src/harness/plugins/built-ins.js';

test.each([
  ['attacks', attacks],
  ['defenses', defenses],
  ['views', views],
] as const)('each file of %s is a built-in of its name', (folder, plugins) => {
  const files = readdirSync(new URL(`../../../${folder}/`, import.meta.url));
  expect(plugins.map(({ name }) => `${name}.ts`).sort()).toEqual(files.sort());
});

test('built-ins are listed by name, the baseline first', () => {
  const [first, ...others] = defenses.map(({ name }) => name);
  expect(first).toBe('none');
  expect(others).toEqual([...others].sort());
  expect(views.map(({ name }) => name)).toEqual(['lan', 'napt', 'vpn']);
});
