import { randomBytes } from 'node:crypto';
import {
  chownSync,
  closeSync,
  existsSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { InputError, reasonOf } from './errors.js';
import { isAlive, ownMachine, ownName } from './processes.js';

export { readText } from './text.js';

/** Access rights of what says who was at home when: captures, models, profiles, budgets spent. For its owner alone. */
export const PRIVATE = 0o600;

/** Access rights of what is made to be shown; the user's umask takes from them. */
const PUBLIC = 0o666;

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
  /** Puts the finished file in place of any earlier one of its name; of a symbolic link, not of what that points to. */
  commit(): void;
  /** Removes what was written; an earlier file of that name stays. Does nothing after `commit`, or a second time. */
  discard(): void;
}

/**
 * Opens a file for writing beside its final place. A run that is killed leaves the old file, or none, never half of one; what it
 * leaves under a temporary name, the next run for the same file removes. A device or a pipe (`/dev/stdout`) is written as it is.
 * @param mode access rights of the file: {@link PRIVATE}, or by default as the umask has it
 * @throws InputError where the folder cannot be made or written.
 */
export function createAtomicFile(path: string, mode = PUBLIC): AtomicFile {
  const direct = isStream(path);
  const temporary = direct ? null : temporaryName(path, 'tmp');
  let descriptor: number;
  try {
    if (temporary === null) descriptor = openSync(path, 'w');
    else {
      makeFolder(dirname(path));
      removeLeftovers(dirname(path));
      // "wx": never through a link that somebody else has put there.
      descriptor = openSync(temporary, 'wx', mode);
      unfinished.add(temporary);
      giveToCaller(descriptor);
    }
  } catch (cause) {
    throw cannotWrite(path, cause);
  }
  let isOpen = true;
  let size = 0;
  const close = () => {
    if (isOpen) closeSync(descriptor);
    isOpen = false;
  };
  return {
    get size() {
      return size;
    },
    write(chunk) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      writeAll(descriptor, bytes);
      size += bytes.length;
    },
    commit() {
      if (temporary !== null) fsyncSync(descriptor);
      close();
      if (temporary === null) return;
      renameSync(temporary, path);
      unfinished.delete(temporary);
    },
    discard() {
      close();
      if (temporary === null || !unfinished.delete(temporary)) return;
      rmSync(temporary, { force: true });
    },
  };
}

/** A disk that is nearly full takes a part before it refuses the rest. */
export function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
}

/** Writes a whole file at once, atomically; see {@link createAtomicFile}. */
export function writeFileAtomic(path: string, content: Uint8Array | string, mode?: number): void {
  const file = createAtomicFile(path, mode);
  try {
    file.write(content);
    file.commit();
  } catch (cause) {
    file.discard();
    throw cannotWrite(path, cause);
  }
}

/**
 * Writes a folder of files that only its owner can read. It appears under its name only when it is whole, in place of any earlier
 * folder of that name. A run that is killed between these two steps leaves the earlier folder aside, whole; {@link recoverFolder} and
 * the next write put it back.
 * @throws InputError where it cannot be written.
 */
export function writeFolderAtomic(path: string, files: Readonly<Record<string, Uint8Array | string>>): void {
  const fresh = temporaryName(path, 'tmp');
  let old: string | null = null;
  try {
    makeFolder(dirname(path));
    recoverFolder(path);
    removeLeftovers(dirname(path));
    unfinished.add(fresh);
    mkdirSync(fresh, { mode: 0o700 });
    giveToCaller(fresh);
    for (const [file, content] of Object.entries(files)) writeFileAtomic(join(fresh, file), content, PRIVATE);
    if (existsSync(path)) {
      const aside = temporaryName(path, 'old');
      renameSync(path, aside);
      old = aside;
    }
    renameSync(fresh, path);
  } catch (cause) {
    if (old !== null && !existsSync(path)) renameSync(old, path);
    rmSync(fresh, { force: true, recursive: true });
    throw cannotWrite(path, cause);
  } finally {
    unfinished.delete(fresh);
  }
  for (const { path: aside, inUse } of temporariesIn(dirname(path), temporaryPrefix(path))) {
    if (aside === old || !inUse) rmSync(aside, { force: true, recursive: true });
  }
}

/** Runs `work` with a folder for temporary files, which only this user can read, and removes the folder afterwards. */
export async function withTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'homeveil-'));
  unfinished.add(folder);
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { force: true, recursive: true });
    unfinished.delete(folder);
  }
}

/** Milliseconds that another process may need from one renaming to the next. */
const SWAP_TIME = 5000;

/**
 * Before a folder that {@link writeFolderAtomic} wrote is read: where it is missing since a run was killed while it replaced it, the
 * earlier folder is put back; where another process is replacing it right now, its renaming is waited for.
 */
export function recoverFolder(path: string): void {
  for (const since = Date.now(); !existsSync(path) && Date.now() - since < SWAP_TIME; ) {
    const old = oldOf(path);
    if (old.length === 0) return;
    const left = old.find(({ inUse }) => !inUse);
    try {
      if (left) renameSync(left.path, path);
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    } catch {
      // Another process was faster, or may do what this one may not.
      return;
    }
  }
}

/** Folders that were put aside while `path` was replaced, and are still there. */
function oldOf(path: string): Temporary[] {
  try {
    return temporariesIn(dirname(path), temporaryPrefix(path)).filter(({ kind }) => kind === 'old');
  } catch {
    // No folder above it either: the reader says so.
    return [];
  }
}

/**
 * Finds out before a long run whether its file (or folder, which is replaced as a whole) can be written at the end: makes the folders
 * above it, writes a little there, and removes all of it.
 * @throws InputError
 */
export function checkWritable(path: string, kind: 'file' | 'folder' = 'file'): void {
  if (isStream(path)) return;
  let made: string | undefined;
  try {
    const there = statIfThere(path);
    if (there && there.isDirectory() !== (kind === 'folder')) {
      throw new Error(kind === 'file' ? 'expected a file, found a folder' : 'expected a folder, found a file');
    }
    made = makeFolder(dirname(path));
    const probe = temporaryName(path, 'tmp');
    unfinished.add(probe);
    const descriptor = openSync(probe, 'wx', PRIVATE);
    try {
      // A full disk still takes a name, but no content.
      writeAll(descriptor, Buffer.alloc(PROBE_BYTES));
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
      rmSync(probe, { force: true });
      unfinished.delete(probe);
    }
  } catch (cause) {
    throw cannotWrite(path, cause);
  } finally {
    removeMade(made, dirname(path));
  }
}

const PROBE_BYTES = 1 << 16;

/** Removes the folders that were made for a trial, from the deepest to the first, while they are empty. */
function removeMade(first: string | undefined, deepest: string): void {
  if (first === undefined) return;
  try {
    for (let folder = resolve(deepest); ; folder = dirname(folder)) {
      rmdirSync(folder);
      if (folder === first || dirname(folder) === folder) return;
    }
  } catch {
    // Another run has put something there in the meantime.
  }
}

/**
 * Looks up what a path leads to, following links. Returns undefined if nothing is there, if something above it is a file, or if it is
 * no path at all, for which statSync throws in spite of throwIfNoEntry.
 */
export function statIfThere(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** Tells whether a path leads to a file, links followed. */
export function isFile(path: string): boolean {
  return statIfThere(path)?.isFile() ?? false;
}

/** The error for a place that cannot be written, in one line. */
export function cannotWrite(path: string, cause: unknown): InputError {
  if (cause instanceof InputError) return cause;
  const blocking = fileInTheWay(path);
  const reason = blocking === null ? reasonOf(cause) : `${blocking} is a file, expected a folder`;
  return new InputError(`${path}: cannot be written: ${reason}`, { cause });
}

/** The nearest thing above `path` that exists, where it is no folder. */
function fileInTheWay(path: string): string | null {
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    const stat = statIfThere(folder);
    if (stat) return stat.isDirectory() ? null : folder;
  }
  return null;
}

/**
 * Makes a folder and those above it. mkdirSync's own `recursive` never ends where a folder cannot be made though the one above it is
 * there, as in /proc.
 * @returns the first that was made, undefined where all were there
 */
export function makeFolder(path: string): string | undefined {
  const missing: string[] = [];
  for (let folder = resolve(path); !existsSync(folder); folder = dirname(folder)) missing.push(folder);
  for (const folder of missing.toReversed()) {
    try {
      mkdirSync(folder);
    } catch (cause) {
      // Another process was faster.
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST' && statSync(folder).isDirectory()) continue;
      throw cause;
    }
    giveToCaller(folder);
  }
  if (!statSync(path).isDirectory()) throw new Error('expected a folder, found a file');
  return missing.at(-1);
}

/** Gives a file that root wrote under sudo to the user who called sudo. */
export function giveToCaller(target: number | string): void {
  const { SUDO_UID, SUDO_GID } = process.env;
  if (process.getuid?.() !== 0 || SUDO_UID === undefined) return;
  const [user, group] = [Number(SUDO_UID), Number(SUDO_GID ?? SUDO_UID)];
  if (typeof target === 'number') fchownSync(target, user, group);
  else chownSync(target, user, group);
}

/** Whether a path is no place for files, but a device, a pipe or a descriptor of this process. */
function isStream(path: string): boolean {
  try {
    const stat = statIfThere(path);
    if (stat && !stat.isFile() && !stat.isDirectory()) return true;
    const folder = realpathSync(dirname(path));
    return folder === '/dev' || folder.startsWith('/proc/');
  } catch {
    return false;
  }
}

/** Longest part of a file's name in that of its temporary file: a name has 255 bytes at most. */
const LONGEST_NAME = 100;

/** Nobody can guess it, and another run can tell whether the process that uses it still runs. */
function temporaryName(path: string, kind: Temporary['kind']): string {
  const { pid, start } = ownName();
  const name = `${temporaryPrefix(path)}${ownMachine()}-${pid}-${start}-${randomBytes(8).toString('hex')}.${kind}`;
  return join(dirname(path), name);
}

const temporaryPrefix = (path: string): string =>
  `.${Buffer.from(basename(path)).subarray(0, LONGEST_NAME).toString('utf8')}.`;

interface Temporary {
  readonly path: string;
  /** A new file or folder, or one that is being replaced. */
  readonly kind: 'tmp' | 'old';
  /** By a process that runs, or that may: one of another machine. */
  readonly inUse: boolean;
}

/** Temporary files and folders in `folder` that this user may remove, of every name or of those with a prefix. */
function temporariesIn(folder: string, prefix = '.'): Temporary[] {
  const owner = process.getuid?.() ?? 0;
  return readdirSync(folder).flatMap((name) => {
    if (!name.startsWith(prefix)) return [];
    const found = /\.([0-9a-f]{8})-(\d+)-(\d*)-[0-9a-f]{16}\.(tmp|old)$/.exec(name);
    if (!found) return [];
    const [, machine, pid, start, kind] = found as unknown as [string, string, string, string, Temporary['kind']];
    const stat = lstatSync(join(folder, name), { throwIfNoEntry: false });
    if (!stat || (owner !== 0 && stat.uid !== owner)) return [];
    const inUse = machine !== ownMachine() || isAlive({ pid: Number(pid), start });
    return [{ path: join(folder, name), kind, inUse }];
  });
}

/** Folders that this process has cleared: once is enough, and the folder of a long study has thousands of files. */
const cleared = new Set<string>();

/**
 * Removes new files and folders that killed runs have left half-written in a folder. What they left aside while they replaced it is
 * whole, and stays until its own name is written again.
 */
function removeLeftovers(folder: string): void {
  if (cleared.has(folder)) return;
  cleared.add(folder);
  for (const { path, kind, inUse } of temporariesIn(folder)) {
    if (kind === 'tmp' && !inUse) rmSync(path, { force: true, recursive: true });
  }
}
