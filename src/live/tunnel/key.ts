import { hkdfSync, randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { InputError } from '../../shared/errors.js';

/** Bytes of the secret that both ends share, and of each key derived from it. */
const KEY_LENGTH = 32;

/**
 * Writes a new key that only its owner can read: 32 random bytes in base64, in the format of `wg genpsk`.
 * @throws InputError where the file exists or cannot be written
 */
export function writeKey(path: string): void {
  try {
    writeFileSync(path, `${randomBytes(KEY_LENGTH).toString('base64')}\n`, { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const what = code === 'EEXIST' ? 'exists, and a key is never written over' : `cannot be written: ${message}`;
    throw new InputError(`${path}: ${what}`, { cause });
  }
}

/** Reads a key. @throws InputError where the file cannot be read, is open to others than its owner, or holds no key */
export function readKey(path: string): Buffer {
  let text: string;
  let mode: number;
  try {
    // Mode and content are read from one open file, which cannot be replaced in between.
    const file = openSync(path, 'r');
    try {
      mode = fstatSync(file).mode & 0o777;
      text = readFileSync(file, 'utf8').trim();
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw new InputError(`${path}: cannot be read: ${(cause as Error).message}`, { cause });
  }
  if ((mode & 0o077) !== 0) {
    throw new InputError(`${path}: expected a file for its owner alone (chmod 600), found mode ${mode.toString(8)}`);
  }
  const key = Buffer.from(text, 'base64');
  if (key.length !== KEY_LENGTH || key.toString('base64') !== text) {
    throw new InputError(`${path}: expected a key of 32 bytes in base64, as homeveil tunnel keygen writes it`);
  }
  return key;
}

/** Derives a key for one purpose, which reveals neither the secret nor another key (RFC 5869, HKDF with SHA-256). */
export function deriveKey(secret: Uint8Array, purpose: string, context: Uint8Array = new Uint8Array()): Buffer {
  const info = Buffer.concat([Buffer.from(`homeveil tunnel ${purpose}`), context]);
  return Buffer.from(hkdfSync('sha256', secret, new Uint8Array(), info, KEY_LENGTH));
}
