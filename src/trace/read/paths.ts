import { type Dirent, readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { InputError, UsageError } from '../../shared/errors.js';
import type { SkippedFile } from '../packets.js';
import { isStream, openBytes, STDIN } from './bytes.js';
import { CAPTURE_NAME } from './capture-name.js';
import { describeContent, formatOf } from './magic.js';
import { describeSkipped } from './problems.js';

/** The files that paths stand for. */
export interface FoundCaptures {
  readonly files: readonly string[];
  /** Files that were found but are not read. */
  readonly skipped: readonly SkippedFile[];
}

/**
 * The files to read: a path to a file stands for itself, `-` for standard input, one to a folder for the captures in it and below,
 * known by name or content, in natural order (`file2` before `file10`). Links are followed; a file or folder that is met a
 * second time is left out.
 * @throws InputError where a path does not exist or cannot be reached, or a folder holds no capture.
 */
export async function findCaptures(paths: readonly string[]): Promise<FoundCaptures> {
  const files: string[] = [];
  const skipped: SkippedFile[] = [];
  /** By real path, the path under which it was first met. */
  const met = new Map<string, string>();

  const isNew = (path: string, real: string): boolean => {
    const first = met.get(real);
    if (first === undefined) {
      met.set(real, path);
      return true;
    }
    skipped.push({ path, reason: first === path ? 'it is read already' : `it is ${first}, which is read already` });
    return false;
  };

  const search = async (folder: string): Promise<void> => {
    for (const { name } of entriesOf(folder, skipped)) {
      const path = join(folder, name);
      const stat = statOrReason(path);
      if (typeof stat === 'string') skipped.push({ path, reason: stat });
      else if (!stat.isFile() && !stat.isDirectory()) skipped.push({ path, reason: 'it is no file' });
      else {
        const real = realpathSync(path);
        if (stat.isDirectory() && isWithin(realpathSync(folder), real)) {
          skipped.push({ path, reason: 'it is a link to a folder that it is in' });
        } else if (isNew(path, real)) {
          if (stat.isDirectory()) await search(path);
          else await add(path);
        }
      }
    }
  };
  const add = async (path: string): Promise<void> => {
    const reason = CAPTURE_NAME.test(path) ? null : await whyNotCapture(path);
    if (reason === null) files.push(path);
    else skipped.push({ path, reason });
  };

  for (const path of paths) {
    if (path === STDIN) {
      if (isNew(path, path)) files.push(path);
      continue;
    }
    const stat = statOrReason(path);
    if (typeof stat === 'string') throw new InputError(`${path}: ${stat}`);
    if (!isNew(path, stat.isFIFO() ? path : realpathSync(path))) continue;
    if (!stat.isDirectory()) {
      files.push(path);
      continue;
    }
    const before = files.length;
    const others = skipped.length;
    await search(path);
    if (files.length === before) {
      const found = skipped.slice(others);
      throw new InputError(
        `${path}: expected captures in this folder (pcap or pcapng, also packed with gzip, xz or zstd), found ${
          found.length === 0 ? 'none' : `none among ${describeSkipped(found)}`
        }`,
      );
    }
  }
  return { files, skipped };
}

/** The files of {@link findCaptures} alone. */
export async function expandPaths(paths: readonly string[]): Promise<string[]> {
  return [...(await findCaptures(paths)).files];
}

/**
 * Refuses what can be read only once, for who reads it more often.
 * @throws UsageError
 */
export function expectFiles(paths: readonly string[]): void {
  for (const path of paths) {
    if (isStream(path)) {
      throw new UsageError(
        `${path}: expected a file, found a pipe or standard input, and it is read more than once here`,
      );
    }
  }
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

function entriesOf(folder: string, skipped: SkippedFile[]): Dirent[] {
  const { compare } = new Intl.Collator('en', { numeric: true });
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => compare(a.name, b.name));
  } catch (error) {
    skipped.push({ path: folder, reason: `cannot be read: ${(error as Error).message}` });
    return [];
  }
}

function statOrReason(path: string): Stats | string {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? 'no such file or folder';
  } catch (cause) {
    // A folder on the way that may not be searched, or links in a circle.
    return `cannot be read: ${(cause as Error).message}`;
  }
}

/** Null for a capture, else what the file is. */
async function whyNotCapture(path: string): Promise<string | null> {
  try {
    const source = await openBytes(path);
    try {
      return (await formatOf(source)) === null ? await describeContent(source, path) : null;
    } finally {
      source.close();
    }
  } catch (error) {
    return `cannot be read: ${(error as Error).message}`;
  }
}
