import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { defenses, resolveDefense } from '../../src/harness/plugins/registry.js';

const page = readFileSync(new URL('../../docs/defenses.md', import.meta.url), 'utf8');
const results = readFileSync(new URL('../../docs/results/defenses.md', import.meta.url), 'utf8');
const study = parse(readFileSync(new URL('../../specs/catalogue.yaml', import.meta.url), 'utf8'));

test('the page of defenses has every built-in', () => {
  for (const { name } of defenses) expect(page).toContain(`| \`${name}\` |`);
});

test('the study of the page runs with the built-ins that there are', () => {
  for (const text of study.defenses as string[]) expect(resolveDefense(text).label).toBe(text);
});

test('the tables have a row for each defense of the study', () => {
  for (const text of study.defenses as string[]) {
    expect(results.split(`\n| \`${text}\` |`).length - 1, text).toBeGreaterThanOrEqual(2);
  }
});
