import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkDefense } from '../../src/conformance/check-defense.js';
import { loadPlugins } from '../../src/harness/plugins/load-plugins.js';
import { temporaryFolder } from '../support/run-cli.js';

/** Whole files among the examples of a page. */
function filesIn(page: string): string[] {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), 'utf8');
  return [...text.matchAll(/^```ts\n(import .*?)^```$/gms)].map(([, code]) => code!);
}

async function failuresOf(code: string): Promise<string[]> {
  const path = join(temporaryFolder(), 'example.ts');
  writeFileSync(path, code);
  const { checks } = await checkDefense((await loadPlugins([path])).defenses.at(-1)!);
  return checks.flatMap(({ name, passed, message }) => (passed ? [] : [`${name}: ${message}`]));
}

test('the defense of "Writing a defense" keeps the contract', async () => {
  const files = filesIn('writing-a-defense.md');
  expect(files).toHaveLength(1);
  expect(await failuresOf(files[0]!)).toEqual([]);
});

test('the walkthrough finds what it says, and ends with nothing to find', async () => {
  const [first, whole] = filesIn('walkthrough.md');
  expect(await failuresOf(first!)).toEqual([
    'bounds-its-numbers: parameter delay: expected a largest value (.max), found none',
    'hides-its-cover: 100 % of the cover has 200 bytes, no other frame has',
  ]);
  expect(await failuresOf(whole!.replace('if (p.length <= 1514) ', ''))).toEqual([
    'keeps-to-the-mtu: frame 4 has 65549 bytes',
  ]);
  expect(await failuresOf(whole!)).toEqual([]);
});
