import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { InputError } from './errors.js';

/** Temporary files and folders of this process that are not yet in place; removed if it ends early. */
const unfinished = new Set<string>();
process.on('exit', () => {
  for (const path of unfinished) rmSync(path, { force: true, recursive: true });
});

/** A file that appears under its name only when it is whole. */
export interface AtomicFile {
  /** Bytes written so far. */
  readonly size: number;
  write(chunk: Uint8Array | string): void;
  /** Puts the finished file in place of whatever bore its name. */
  commit(): void;
  /** Removes what was written; what bore the name before stays. */
  discard(): void;
}

/**
 * Opens a file for writing beside its final place. A run that is killed leaves the old file, or none, never half of one.
 * @throws InputError where the folder cannot be made or written.
 */
export function createAtomicFile(path: string): AtomicFile {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  let descriptor: number;
  try {
    mkdirSync(dirname(path), { recursive: true });
    descriptor = openSync(temporary, 'w');
  } catch (cause) {
    throw new InputError(`${path}: cannot be written: ${(cause as Error).message}`, { cause });
  }
  unfinished.add(temporary);
  let size = 0;
  return {
    get size() {
      return size;
    },
    write(chunk) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      let done = 0;
      while (done < bytes.length) done += writeSync(descriptor, bytes, done);
      size += bytes.length;
    },
    commit() {
      fsyncSync(descriptor);
      closeSync(descriptor);
      renameSync(temporary, path);
      unfinished.delete(temporary);
    },
    discard() {
      closeSync(descriptor);
      rmSync(temporary, { force: true });
      unfinished.delete(temporary);
    },
  };
}

/**
 * The text of a file.
 * @param hint what was expected, for the end of the error message
 * @throws InputError where it cannot be read
 */
export function readText(path: string, hint = ''): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new InputError(`${path}: cannot be read: ${(cause as Error).message}${hint}`, { cause });
  }
}

/** Writes a whole file at once, atomically; see {@link createAtomicFile}. */
export function writeFileAtomic(path: string, content: Uint8Array | string): void {
  const file = createAtomicFile(path);
  try {
    file.write(content);
    file.commit();
  } catch (cause) {
    file.discard();
    throw new InputError(`${path}: cannot be written: ${(cause as Error).message}`, { cause });
  }
}

/**
 * Writes a folder of files, atomically: it appears under its name only when it is whole, in place of the folder that bore the name.
 * @throws InputError where it cannot be written.
 */
export function writeFolderAtomic(path: string, files: Readonly<Record<string, Uint8Array | string>>): void {
  const name = join(dirname(path), `.${basename(path)}.${process.pid}`);
  const [fresh, old] = [`${name}.tmp`, `${name}.old`];
  unfinished.add(fresh);
  try {
    for (const [file, content] of Object.entries(files)) writeFileAtomic(join(fresh, file), content);
    // No call that is interrupted by a signal of ours: between these two lines there is nothing under the name.
    if (existsSync(path)) renameSync(path, old);
    renameSync(fresh, path);
  } catch (cause) {
    rmSync(fresh, { force: true, recursive: true });
    throw cause instanceof InputError
      ? cause
      : new InputError(`${path}: cannot be written: ${(cause as Error).message}`, { cause });
  } finally {
    unfinished.delete(fresh);
  }
  rmSync(old, { force: true, recursive: true });
}
