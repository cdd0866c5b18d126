import { closeSync, existsSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { InputError } from '../shared/errors.js';
import { cannotWrite, checkWritable, makeFolder, PRIVATE, readText, writeFileAtomic } from '../shared/files.js';
import { isAlive, ownName, type ProcessName } from '../shared/processes.js';

const amounts = z.array(z.tuple([z.number(), z.number().min(0)]));

const schema = z.object({
  version: z.literal(1),
  /** Seconds since the Unix epoch. */
  time: z.number(),
  hour: amounts,
  day: amounts,
  month: amounts,
  /** Requests, not bytes. */
  minute: amounts,
  /** Amounts that may have been used since the file was written; zero after an orderly end. */
  ahead: z.object({ bytes: z.number().min(0), requests: z.number().min(0) }),
});

/** Spending, bucket by bucket. */
type SavedState = z.output<typeof schema>;

/** File that records spending, locked by this process. */
export interface StateFile {
  /** Content found in the file; null where there was no file. */
  readonly saved: SavedState | null;
  save(state: SavedState): void;
  /** Unlocks the file. */
  close(): void;
}

/**
 * Locks and reads a state file. The lock names the process that holds it, so it lasts exactly as long as that process lives, even
 * while it is stopped. A lock that its holder renews (proper-lockfile) would be lost then, and would outlive a killed process.
 * @throws InputError where another process holds it, or where its content is not valid
 */
export function openState(path: string): StateFile {
  const lock = `${path}.lock`;
  try {
    makeFolder(dirname(path));
  } catch (cause) {
    throw cannotWrite(path, cause);
  }
  checkWritable(path);
  takeLock(path, lock);
  const unlock = () => rmSync(lock, { force: true });
  process.on('exit', unlock);
  const close = () => {
    process.off('exit', unlock);
    unlock();
  };
  try {
    return {
      saved: existsSync(path) ? parse(path) : null,
      save: (state) => writeFileAtomic(path, JSON.stringify(state), PRIVATE),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

function parse(path: string): SavedState {
  try {
    return schema.parse(JSON.parse(readText(path)));
  } catch (cause) {
    throw new InputError(`${path}: not what homeveil noise wrote; remove it to begin with full budgets`, { cause });
  }
}

function takeLock(path: string, lock: string): void {
  const { pid, start } = ownName();
  const own = `${pid} ${start}\n`;
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const descriptor = openSync(lock, 'wx');
      writeSync(descriptor, own);
      closeSync(descriptor);
      return;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw cannotWrite(lock, cause);
      }
    }
    const holder = holderOf(lock);
    if (holder !== null && isAlive(nameOf(holder))) throw inUse(path, holder);
    if (holder !== null) removeStale(path, lock, holder);
  }
  throw new InputError(`${lock}: cannot be taken`);
}

/** Removes a dead holder's lock. If another process has replaced it in the meantime, that process's lock is put back. */
function removeStale(path: string, lock: string, holder: string): void {
  const aside = `${lock}.${process.pid}`;
  try {
    renameSync(lock, aside);
  } catch {
    return;
  }
  const moved = holderOf(aside);
  if (moved !== null && moved !== holder && isAlive(nameOf(moved))) {
    linkSync(aside, lock);
    rmSync(aside, { force: true });
    throw inUse(path, moved);
  }
  rmSync(aside, { force: true });
}

function inUse(path: string, holder: string): InputError {
  return new InputError(`${path}: in use by process ${holder.split(' ')[0]}; give each its own state file`);
}

function holderOf(lock: string): string | null {
  try {
    return readFileSync(lock, 'utf8').trim();
  } catch {
    return null;
  }
}

/** Name of the process that wrote a lock. */
function nameOf(holder: string): ProcessName {
  const [pid, start = ''] = holder.split(' ');
  return { pid: Number(pid), start };
}
