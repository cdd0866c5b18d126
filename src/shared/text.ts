import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { decodeText } from './decode.js';
import { InputError, reasonOf } from './errors.js';

/** Far more than people write by hand or a result needs; V8 ends a string at 512 MB. */
const MOST_BYTES = 256e6;
/** Milliseconds that a pipe may stay silent. A read cannot be interrupted, so it must end by itself. */
const PATIENCE = 10_000;

export interface ReadOptions {
  /** Ends an error message with what was expected. */
  readonly hint?: string;
  /** Largest size in bytes. */
  readonly most?: number;
}

/**
 * Reads the bytes of a file or of a pipe (`<(...)` in a shell).
 * @throws InputError if it cannot be read, or is too large
 */
export function readBytes(path: string, { hint = '', most = MOST_BYTES }: ReadOptions = {}): Buffer {
  const fail = (problem: string, cause?: unknown) =>
    new InputError(`${path}: cannot be read: ${problem}${hint}`, { cause });
  let descriptor: number | undefined;
  try {
    // Opening a pipe without a writer would otherwise block.
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const chunks: Buffer[] = [];
    let length = 0;
    for (let from = Date.now(); ; ) {
      const chunk = Buffer.allocUnsafe(1 << 16);
      const read = readSome(descriptor, chunk);
      if (read === 0) break;
      if (read === null) {
        if (Date.now() - from > PATIENCE) throw fail(`nothing came out of this pipe for ${PATIENCE / 1000} s`);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
        continue;
      }
      from = Date.now();
      chunks.push(chunk.subarray(0, read));
      length += read;
      if (length > most) throw fail(`more than ${most / 1e6} MB`);
    }
    if (length === 0 && fstatSync(descriptor).isFIFO()) throw fail('a pipe that nobody writes to');
    return Buffer.concat(chunks);
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    throw fail(code === 'EISDIR' ? 'it is a folder' : reasonOf(cause), cause);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Bytes read; 0 at the end; null if there are none yet. */
function readSome(descriptor: number, chunk: Buffer): number | null {
  try {
    return readSync(descriptor, chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return null;
    throw error;
  }
}

/**
 * Reads the text of a file.
 * @param hint ends the error message with what was expected
 * @throws InputError if it cannot be read, or is no text
 */
export function readText(path: string, hint = ''): string {
  const text = decodeText(readBytes(path, { hint }));
  if (typeof text === 'string') return text;
  throw new InputError(`${path}:${text.line}: expected text, found ${text.found}`);
}
