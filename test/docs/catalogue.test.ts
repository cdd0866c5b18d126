import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { defenses, resolveDefense } from '../../src/harness/plugins/registry.js';

const page = readFileSync(new URL('../../docs/defenses.md', import.meta.url), 'utf8');
const study = parse(readFileSync(new URL('../../specs/catalogue.yaml', import.meta.url), 'utf8'));

test('the page of defenses has every built-in, and the study that its tables come from runs every one', () => {
  const studied = new Set(
    (study.defenses as string[]).flatMap((text) => resolveDefense(text).parts).map(({ name }) => name),
  );
  for (const { name } of defenses) {
    expect(page).toContain(`| \`${name}\` |`);
    expect([...studied]).toContain(name);
  }
});

test('the tables have a row for each defense of the study', () => {
  for (const text of study.defenses as string[]) {
    expect(page.split(`\n| \`${text}\` |`).length - 1, text).toBeGreaterThanOrEqual(2);
  }
});
