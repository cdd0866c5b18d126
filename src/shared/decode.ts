import { InputError } from './errors.js';

type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be';

/** The first place where bytes are no text: its line (from 1) and what was found there. */
export interface TextProblem {
  readonly line: number;
  readonly found: string;
}

/**
 * Decodes UTF-8 or UTF-16, and removes a byte order mark.
 * @returns the first byte that is no text, if there is one
 */
export function decodeText(bytes: Uint8Array): string | TextProblem {
  const encoding = encodingOf(bytes);
  const text = decode(bytes, encoding);
  if (text === null) {
    const { line, at } = firstInvalid(bytes, encoding);
    const byte = bytes[at];
    const found = byte === undefined ? 'an end within a character' : `byte 0x${byte.toString(16).padStart(2, '0')}`;
    return { line, found: `${found}, which is no ${encoding.toUpperCase()}` };
  }
  const zero = text.indexOf('\0');
  return zero < 0 ? text : { line: linesOf(text.slice(0, zero)), found: 'a zero byte, which is no text' };
}

/** Text of a file, and its encoding. */
export interface Decoded {
  readonly text: string;
  readonly encoding: Encoding | 'windows-1252';
  /** Line of the first byte that is not UTF-8, if windows-1252 was taken for that reason. */
  readonly line: number | null;
}

/**
 * Decodes text that a spreadsheet may have written: UTF-8, UTF-16, or else windows-1252 (Excel's CSV on Windows).
 * @param where begins error messages: the file's path
 * @throws InputError, with the line, for bytes that are text in none of these
 */
export function decodeSpreadsheetText(bytes: Uint8Array, where: string): Decoded {
  const encoding = encodingOf(bytes);
  if (encoding !== 'utf-8' && bytes.length % 2 === 1) {
    throw new InputError(`${where}: expected UTF-16, an even number of bytes, found ${bytes.length}: it is cut off`);
  }
  const text = decode(bytes, encoding, encoding === 'utf-8');
  if (text !== null) return { text, encoding, line: null };
  const { line, at } = firstInvalid(bytes, encoding);
  const all = decodeWindows1252(bytes);
  if (!UNLIKELY.test(all)) return { text: all, encoding: 'windows-1252', line };
  const fault = Buffer.from(bytes.subarray(at, at + 1)).toString('hex');
  throw new InputError(
    `${where}:${line}: expected text in UTF-8, UTF-16 or windows-1252, found the byte ${fault}; save it as UTF-8`,
  );
}

/**
 * Tells UTF-16 by its byte order mark. Text without one ("Unicode text" of Excel, PowerShell) is mostly ASCII, so every second byte is
 * zero in its first two characters, or in nearly all of its first kilobyte.
 */
function encodingOf(bytes: Uint8Array): Encoding {
  const [a, b, c, d] = bytes;
  if (a === 0xff && b === 0xfe) return 'utf-16le';
  if (a === 0xfe && b === 0xff) return 'utf-16be';
  if (a && b === 0 && c && d === 0) return 'utf-16le';
  if (a === 0 && b && c === 0 && d) return 'utf-16be';
  const head = bytes.subarray(0, 1024);
  const pairs = head.length >> 1;
  const zeros = [0, 0];
  for (let i = 0; i < pairs * 2; i++) if (head[i] === 0) zeros[i & 1]!++;
  if (zeros[1]! > 0.7 * pairs && zeros[0] === 0) return 'utf-16le';
  return zeros[0]! > 0.7 * pairs && zeros[1] === 0 ? 'utf-16be' : 'utf-8';
}

/** The text, or null if `isFatal` and it is invalid. */
function decode(bytes: Uint8Array, encoding: Encoding, isFatal = true): string | null {
  try {
    return new TextDecoder(encoding, { fatal: isFatal }).decode(bytes);
  } catch {
    return null;
  }
}

/** Line (from 1) and offset of the first byte that is invalid in the encoding; the length if a character lacks its end. */
function firstInvalid(bytes: Uint8Array, encoding: Encoding): { line: number; at: number } {
  const decodes = (end: number) => {
    try {
      // A stream may end within a character.
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
  return { line: linesOf(before), at: low };
}

function linesOf(text: string): number {
  return text.split(/\r\n|\r|\n/).length;
}

/** Code points that windows-1252 leaves undefined, and controls that no text has. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it looks for them
const UNLIKELY = /[\u0000-\u0008\u000e-\u001f\u007f-\u009f]/;

/** The characters of windows-1252 from 0x80 to 0x9f; a space stands for the five undefined ones. */
const WINDOWS_1252 = '€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ';

/** Decodes windows-1252. Node's own decoder treats it as Latin-1 in some versions (nodejs/node#56542). */
function decodeWindows1252(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('latin1')
    .replaceAll(/[\u0080-\u009f]/g, (control) => {
      const character = WINDOWS_1252[control.charCodeAt(0) - 0x80]!;
      return character === ' ' ? control : character;
    });
}
