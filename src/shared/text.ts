import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { InputError, reasonOf } from './errors.js';

/** Nothing that people write by hand, and no result of ours, comes near it; a string of V8 ends at 512 MB. */
const MOST_BYTES = 256e6;
/** Milliseconds that a pipe may keep silent. A read cannot be interrupted, so it must not wait for ever. */
const PATIENCE = 10_000;

export interface ReadOptions {
  /** Added to an error message: what was expected. */
  readonly hint?: string;
  /** Bytes, at most. */
  readonly most?: number;
}

/**
 * The bytes of a file, or of a pipe that somebody writes to (`<(...)` of a shell).
 * @throws InputError where it cannot be read, or is too large
 */
export function readBytes(path: string, { hint = '', most = MOST_BYTES }: ReadOptions = {}): Buffer {
  const fail = (problem: string, cause?: unknown) =>
    new InputError(`${path}: cannot be read: ${problem}${hint}`, { cause });
  let descriptor: number | undefined;
  try {
    // A pipe that nobody writes to would otherwise never be open.
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

/** Bytes read, 0 at the end, null where there are none yet. */
function readSome(descriptor: number, chunk: Buffer): number | null {
  try {
    return readSync(descriptor, chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return null;
    throw error;
  }
}

/** What keeps bytes from being text: the line (from 1) and what was found there. */
export interface TextProblem {
  readonly line: number;
  readonly found: string;
}

/**
 * Text in UTF-8, or in UTF-16 as a byte order mark or the zeros of ASCII tell; without the mark.
 * @returns the first byte that is no text, where there is one
 */
export function decodeText(bytes: Uint8Array): string | TextProblem {
  const encoding = encodingOf(bytes);
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    const [line, at] = firstInvalid(bytes, encoding);
    const byte = bytes[at];
    const found = byte === undefined ? 'an end within a character' : `byte 0x${byte.toString(16).padStart(2, '0')}`;
    return { line, found: `${found}, which is no ${encoding.toUpperCase()}` };
  }
  const zero = text.indexOf('\0');
  return zero < 0 ? text : { line: lineAt(text, zero), found: 'a zero byte, which is no text' };
}

function encodingOf(bytes: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  const [a, b, c, d] = bytes;
  if (a === 0xff && b === 0xfe) return 'utf-16le';
  if (a === 0xfe && b === 0xff) return 'utf-16be';
  if (a && b === 0 && c && d === 0) return 'utf-16le';
  return a === 0 && b && c === 0 && d ? 'utf-16be' : 'utf-8';
}

/** Line (from 1) and offset of the first byte that the encoding does not have there. */
function firstInvalid(bytes: Uint8Array, encoding: string): [line: number, at: number] {
  const decodes = (end: number) => {
    try {
      // Streaming, so that a character which is not yet complete at `end` is none.
      new TextDecoder(encoding, { fatal: true }).decode(bytes.subarray(0, end), { stream: true });
      return true;
    } catch {
      return false;
    }
  };
  let [low, high] = [0, bytes.length];
  if (decodes(high)) low = high;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (decodes(middle)) low = middle;
    else high = middle - 1;
  }
  const before = new TextDecoder(encoding).decode(bytes.subarray(0, low), { stream: true });
  return [lineAt(before, before.length), low];
}

function lineAt(text: string, end: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < end; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

/**
 * The text of a file.
 * @param hint what was expected, for the end of the error message
 * @throws InputError where it cannot be read, or is no text
 */
export function readText(path: string, hint = ''): string {
  const text = decodeText(readBytes(path, { hint }));
  if (typeof text === 'string') return text;
  throw new InputError(`${path}:${text.line}: expected text, found ${text.found}`);
}
