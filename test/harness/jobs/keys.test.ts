import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { CacheKey } from '../../../src/harness/cache.js';
import { dataKey, itemKey, modelKey, WITHOUT_EFFECT } from '../../../src/harness/jobs/keys.js';
import { itemsOf, jobsOf } from '../../../src/harness/jobs/plan.js';
import { resolveSpec } from '../../../src/harness/spec.js';
import type { ResolvedSpec } from '../../../src/result/result.js';
import { resolvedSpec } from '../../../src/result/spec.js';
import { temporaryFolder } from '../../support/run-cli.js';

const spec = resolveSpec({ defenses: ['none', 'pad'] });
const items = itemsOf(spec);
const { model } = jobsOf(items)[0]!;
const text = (key: CacheKey) => JSON.stringify(key);
const hashes = { plain: 'hash', seenBy: {} };

/** The keys of a cell, of metrics and of a model under `spec`, with the same items and the same traffic. */
const keysOf = (changed: ResolvedSpec) =>
  [...items.map((item) => itemKey(changed, hashes, item)), modelKey(changed, hashes, model!, 1)].map(text);

const other: Readonly<Record<string, unknown>> = {
  plugins: [{ path: 'x', sha256: 'ff' }],
  view: resolveSpec({ view: 'vpn' }).view,
};

/** The spec with another value of `key`, whatever it is. */
const changed = (key: string): ResolvedSpec => ({ ...spec, [key]: other[key] ?? 'another' });

describe.each(Object.keys(resolvedSpec.shape))('%s', (key) => {
  test('is in every key, or is named as without effect with a reason', async () => {
    const isNamed = Object.hasOwn(WITHOUT_EFFECT, key);
    const [before, after] = [keysOf(spec), keysOf(changed(key))];
    for (const [i, one] of before.entries()) expect(one === after[i]).toBe(isNamed);
    if (isNamed) expect(WITHOUT_EFFECT[key as keyof typeof WITHOUT_EFFECT].length).toBeGreaterThan(10);
    // The key of the data reads the files that `data` names: that is for the next test.
    if (key === 'data') return;
    const isSame = text(await dataKey(changed(key), {})) === text(await dataKey(spec, {}));
    expect(isSame).toBe(isNamed && key !== 'seed');
  });
});

test('the key of the data knows which home it is', async () => {
  const [day, hour] = [spec, resolveSpec({ defenses: ['none', 'pad'], hours: 1 })];
  expect(text(await dataKey(day, {}))).not.toBe(text(await dataKey(hour, {})));
});

test('the path of a plug-in is no part of a key, its content is', () => {
  const of = (path: string, sha256: string) => keysOf({ ...spec, plugins: [{ path, sha256 }] });
  expect(of('a.ts', '00')).toEqual(of('b.ts', '00'));
  expect(of('a.ts', '00')).not.toEqual(of('a.ts', '01'));
});

test('a program that a parameter runs is known by its content', () => {
  const script = join(temporaryFolder(), 'attack.py');
  const keyOf = (content: string, command: string) => {
    writeFileSync(script, content);
    const asked = resolveSpec({ attacks: [`command:run=${command}`], defenses: ['none'] });
    return text(itemKey(asked, { plain: 'hash', seenBy: {} }, itemsOf(asked)[0]!));
  };
  for (const command of [`python3 ${script}`, `python3 "${script}" --fast`, script]) {
    expect(keyOf('one', command)).toBe(keyOf('one', command));
    expect(keyOf('one', command)).not.toBe(keyOf('two', command));
  }
});
