import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '../shared/errors.js';
import { writeFileAtomic } from '../shared/files.js';
import { sha256 } from '../shared/hash.js';
import { describeEnvironment } from './environment.js';

/** Results of expensive steps, each under all that determines it: so a run that was killed goes on where it stood. */
export interface Cache {
  /** Whether `remember` would have nothing to do. */
  has(key: CacheKey): boolean;
  /** The value kept under `key`, or the one made now, which is then kept. Values are of JSON. */
  remember<T>(key: CacheKey, make: () => Promise<T>): Promise<T>;
}

/** All that determines a value, but for the program and the machine, which always count. Of JSON; the order of names is of no weight. */
export type CacheKey = Readonly<Record<string, unknown>>;

/** Keeps nothing. */
export const noCache: Cache = { has: () => false, remember: (_, make) => make() };

/**
 * A cache of one file per value in `folder`, which is made. A file that is cut short or damaged counts as absent. Files of older
 * versions stay until the user deletes the folder.
 * @throws InputError where the folder cannot be made or written
 */
export function openCache(folder: string): Cache {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw new InputError(`${folder}: cannot be made: ${(cause as Error).message}`, { cause });
  }
  const { cores: _, ...machine } = describeEnvironment();
  const program = fingerprint();
  const fileOf = (key: CacheKey): { path: string; text: string } => {
    const text = canonical({ ...key, program, machine });
    return { path: join(folder, `${sha256(text)}.json`), text };
  };
  const read = ({ path, text }: { path: string; text: string }): { value: unknown } | null => {
    try {
      const entry = JSON.parse(readFileSync(path, 'utf8')) as { key: unknown; value: unknown };
      return canonical(entry.key) === text ? { value: entry.value } : null;
    } catch {
      return null;
    }
  };
  return {
    has: (key) => read(fileOf(key)) !== null,
    async remember<T>(key: CacheKey, make: () => Promise<T>): Promise<T> {
      const file = fileOf(key);
      const kept = read(file);
      if (kept) return kept.value as T;
      const value = await make();
      writeFileAtomic(file.path, `{"key":${file.text},"value":${JSON.stringify(value)}}\n`);
      // As it will be read back, so that a resumed run and one in a single go see the same.
      return JSON.parse(JSON.stringify(value)) as T;
    },
  };
}

/** JSON with the names of every object in order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) =>
    one !== null && typeof one === 'object' && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}

let program: string | undefined;

/** SHA-256 over the program's own files: a change of code makes every kept value void. */
function fingerprint(): string {
  if (program !== undefined) return program;
  const hash = createHash('sha256');
  for (const folder of ['src', 'attacks', 'defenses']) {
    const path = fileURLToPath(new URL(`../../${folder}`, import.meta.url));
    for (const name of readdirSync(path, { recursive: true, encoding: 'utf8' }).sort()) {
      if (name.endsWith('.js')) hash.update(name).update(readFileSync(join(path, name)));
    }
  }
  program = hash.digest('hex');
  return program;
}
