import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cannotWrite, makeFolder, PRIVATE, writeFileAtomic } from '../shared/files.js';
import { sha256 } from '../shared/hash.js';
import { describeEnvironment } from './environment.js';

/** Keeps the values of expensive steps, each under all that determines it, so that a run that was killed can be resumed. */
export interface Cache {
  /** Folder that another thread can open as the same cache; null if nothing is kept. */
  readonly folder: string | null;
  /** Returns the value kept under `key`, or undefined if there is none. Values are JSON. */
  find<T>(key: CacheKey): T | undefined;
  /** Keeps a value and returns it as it will be read back, so that a resumed run computes with the same value. */
  keep<T>(key: CacheKey, value: T): T;
  /** Returns the value kept under `key`, or makes one and keeps it. */
  remember<T>(key: CacheKey, make: () => Promise<T>): Promise<T>;
}

/** All that determines a value, besides the program and the machine, which always count. It is JSON; the order of names does not matter. */
export type CacheKey = Readonly<Record<string, unknown>>;

/** Keeps nothing. */
export const noCache: Cache = {
  folder: null,
  find: () => undefined,
  keep: (_, value) => value,
  remember: (_, make) => make(),
};

/** Makes a cache that reads from `cache` and adds nothing to it. */
export const readOnly = (cache: Cache): Cache => ({
  ...cache,
  keep: (_, value) => value,
  remember: async (key, make) => cache.find(key) ?? make(),
});

/**
 * A cache of one file per value in `folder`, which is made. A file that is cut short or damaged counts as absent. Files of older
 * versions stay until the user deletes the folder.
 * @throws InputError where the folder cannot be made or written
 */
export function openCache(folder: string): Cache {
  try {
    makeFolder(folder);
  } catch (cause) {
    throw cannotWrite(folder, cause);
  }
  const { cores: _, ...machine } = describeEnvironment();
  const program = fingerprint();
  const fileOf = (key: CacheKey): { path: string; text: string } => {
    const text = canonical({ ...key, program, machine });
    return { path: join(folder, `${sha256(text)}.json`), text };
  };
  const read = <T>({ path, text }: { path: string; text: string }): T | undefined => {
    try {
      const entry = JSON.parse(readFileSync(path, 'utf8')) as { key: unknown; value: T };
      return canonical(entry.key) === text ? entry.value : undefined;
    } catch {
      return undefined;
    }
  };
  const write = <T>({ path, text }: { path: string; text: string }, value: T): T => {
    const json = JSON.stringify(value);
    writeFileAtomic(path, `{"key":${text},"value":${json}}\n`, PRIVATE);
    return JSON.parse(json) as T;
  };
  return {
    folder,
    find: (key) => read(fileOf(key)),
    keep: (key, value) => write(fileOf(key), value),
    async remember<T>(key: CacheKey, make: () => Promise<T>): Promise<T> {
      const file = fileOf(key);
      return read<T>(file) ?? write(file, await make());
    },
  };
}

/** Writes JSON with the names of every object in order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) =>
    one !== null && typeof one === 'object' && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}

let program: string | undefined;

/** Gives the SHA-256 of the program's own files. A change of code thus voids every kept value. */
function fingerprint(): string {
  if (program !== undefined) return program;
  const hash = createHash('sha256');
  for (const folder of ['src', 'attacks', 'defenses', 'views']) {
    const path = fileURLToPath(new URL(`../../${folder}`, import.meta.url));
    for (const name of readdirSync(path, { recursive: true, encoding: 'utf8' }).sort()) {
      if (name.endsWith('.js')) hash.update(name).update(readFileSync(join(path, name)));
    }
  }
  program = hash.digest('hex');
  return program;
}
