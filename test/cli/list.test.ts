import { expect, test } from 'vitest';
import { attacks, defenses, views } from '../../src/harness/plugins/registry.js';
import { homeveil, homeveilHere } from '../support/run-cli.js';

test('everything there is is listed with its parameters, defaults and source, within 80 columns', () => {
  const { stdout, status } = homeveil('list');
  expect(status).toBe(0);
  for (const { name, source } of [...attacks, ...defenses, ...views]) {
    expect(stdout).toMatch(new RegExp(`^${name}$`, 'm'));
    expect(stdout.replace(/\s+/g, ' ')).toContain(source);
  }
  expect(stdout).toContain('rule=mtu');
  expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
});

test('every parameter has a default and a description', async () => {
  const listed = JSON.parse((await homeveilHere('list', '--json')).stdout);
  expect(Object.keys(listed)).toEqual(['attacks', 'defenses', 'views']);
  for (const plugin of Object.values(listed).flat() as { name: string; parameters: Record<string, unknown>[] }[]) {
    for (const parameter of plugin.parameters) {
      expect(parameter, `${plugin.name} ${parameter.name}`).toMatchObject({ description: expect.stringMatching(/./) });
      expect(parameter, `${plugin.name} ${parameter.name}`).toHaveProperty('default');
    }
  }
});

test('one kind alone', async () => {
  const { stdout } = await homeveilHere('list', 'views');
  expect(stdout).toContain('napt');
  expect(stdout).not.toContain('random-forest');
});
