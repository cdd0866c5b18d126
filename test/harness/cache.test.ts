import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { noCache, openCache } from '../../src/harness/cache.js';
import { temporaryFolder } from '../support/run-cli.js';

const made = (value: unknown) => vi.fn(async () => value);

describe('a cache', () => {
  test('makes a value once for each key, across runs', async () => {
    const folder = temporaryFolder();
    const first = made({ accuracy: 0.1 + 0.2, low: null });
    const key = { attack: 'lstm', seed: 1 };
    expect(openCache(folder).find(key)).toBeUndefined();
    const value = await openCache(folder).remember(key, first);
    const second = made('something else');
    expect(await openCache(folder).remember({ seed: 1, attack: 'lstm' }, second)).toEqual(value);
    expect(value).toEqual({ accuracy: 0.1 + 0.2, low: null });
    expect([first.mock.calls.length, second.mock.calls.length]).toEqual([1, 0]);
    expect(openCache(folder).find(key)).toEqual(value);
  });

  test('makes another value for another key', async () => {
    const cache = openCache(temporaryFolder());
    await cache.remember({ seed: 1 }, made(1));
    expect(await cache.remember({ seed: 2 }, made(2))).toBe(2);
    expect(await cache.remember({ seed: 1, view: 'vpn' }, made(3))).toBe(3);
  });

  test('gives at once what it would give later: what JSON makes of the value', async () => {
    const value = await openCache(temporaryFolder()).remember(
      {},
      made({ counts: [1], missing: undefined, bad: Number.NaN }),
    );
    expect(value).toEqual({ counts: [1], bad: null });
  });

  test.each(['', '{', '{"key":{},"value":1}', 'null'])('takes a damaged file (%s) for none', async (text) => {
    const folder = temporaryFolder();
    await openCache(folder).remember({ seed: 1 }, made(1));
    const [name] = readdirSync(folder);
    writeFileSync(join(folder, name!), text);
    expect(await openCache(folder).remember({ seed: 1 }, made(2))).toBe(2);
    expect(JSON.parse(readFileSync(join(folder, name!), 'utf8')).value).toBe(2);
  });

  test('keeps nothing of a step that failed', async () => {
    const folder = temporaryFolder();
    const failing = openCache(folder).remember({ seed: 1 }, () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('that keeps nothing makes every value anew', async () => {
    const make = made(1);
    await noCache.remember({}, make);
    await noCache.remember({}, make);
    expect(make.mock.calls.length).toBe(2);
    expect(noCache.find({})).toBeUndefined();
  });

  test('in a place that is a file is one line', () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    expect(() => openCache(file)).toThrow(/file: cannot be written: expected a folder, found a file$/);
  });
});
