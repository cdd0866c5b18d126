import {
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { InputError } from '../../shared/errors.js';
import { writeFileAtomic } from '../../shared/files.js';

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
export type SavedState = z.output<typeof schema>;

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
    mkdirSync(dirname(path), { recursive: true });
  } catch (cause) {
    throw new InputError(`${path}: cannot be written: ${(cause as Error).message}`, { cause });
  }
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
      save: (state) => writeFileAtomic(path, JSON.stringify(state)),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

function parse(path: string): SavedState {
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    throw new InputError(`${path}: not what homeveil noise wrote; remove it to begin with full budgets`, { cause });
  }
}

function takeLock(path: string, lock: string): void {
  const own = `${process.pid} ${startOf(process.pid)}\n`;
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const descriptor = openSync(lock, 'wx');
      writeSync(descriptor, own);
      closeSync(descriptor);
      return;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new InputError(`${lock}: cannot be written: ${(cause as Error).message}`, { cause });
      }
    }
    const holder = holderOf(lock);
    if (holder !== null && isAlive(holder)) throw inUse(path, holder);
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
  if (moved !== null && moved !== holder && isAlive(moved)) {
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

/** Whether the process that wrote a lock still runs; its number alone may by now be another's. */
function isAlive(holder: string): boolean {
  const [pid = Number.NaN, start = ''] = [Number(holder.split(' ')[0]), holder.split(' ')[1]];
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Another user's process is alive, too.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return start === '' || start === startOf(pid);
}

/** When a process began, in clock ticks since boot; an empty string where the system does not tell. */
function startOf(pid: number): string {
  try {
    // proc(5): field 22, counted after the name in parentheses, which may hold spaces.
    return (
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')[19] ?? ''
    );
  } catch {
    return '';
  }
}
