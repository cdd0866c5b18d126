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
  /** What may have been used beyond that since it was written; nothing after an orderly end. */
  ahead: z.object({ bytes: z.number().min(0), requests: z.number().min(0) }),
});

/** What was spent, bucket by bucket. */
type SavedState = z.output<typeof schema>;

/** The file that keeps what was spent, held by this process alone. */
export interface StateFile {
  /** As the file was; null where there was none. */
  readonly saved: SavedState | null;
  save(state: SavedState): void;
  /** Lets others have it. */
  close(): void;
}

/**
 * @throws InputError where another process holds it, or where it is not what it was: what was spent is not guessed.
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

/** Of two that find the same stale lock, one may already have put its own in its place: that one is put back. */
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

/** The process that wrote a lock. */
function nameOf(holder: string): ProcessName {
  const [pid, start = ''] = holder.split(' ');
  return { pid: Number(pid), start };
}
