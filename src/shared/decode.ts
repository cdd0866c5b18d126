import { TextDecoder } from 'node:util';
import { InputError } from './errors.js';

/** Text of a file, and how it was read. */
export interface Decoded {
  readonly text: string;
  readonly encoding: 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252';
  /** Line of the first byte that is not UTF-8, where that is why another encoding was taken. */
  readonly line: number | null;
}

/** Code points that windows-1252 leaves undefined, and the controls that no text has. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it looks for them
const UNLIKELY = /[\u0000-\u0008\u000e-\u001f\u007f-\u009f]/;

/**
 * Decodes a text file as programs on any system write it: UTF-8; UTF-16 with a byte order mark, or without where every other byte is
 * zero ("Unicode text" of Excel, PowerShell); else windows-1252 (Excel's CSV on Windows). A byte order mark is taken off.
 * @param where begins error messages: the file's path
 * @throws InputError, with the line, for bytes that are text in none of these
 */
export function decodeText(bytes: Uint8Array, where: string): Decoded {
  const wide = wideEncoding(bytes);
  if (wide !== null) return { text: decodeWide(bytes, wide, where), encoding: wide, line: null };
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), encoding: 'utf-8', line: null };
  } catch {
    const { text, line } = untilFault(bytes);
    const all = decodeWindows1252(bytes);
    const unlikely = all.search(UNLIKELY);
    if (unlikely < 0) return { text: all, encoding: 'windows-1252', line };
    const fault = Buffer.from(bytes.subarray(text.length, text.length + 1)).toString('hex');
    throw new InputError(
      `${where}:${line}: expected text in UTF-8, UTF-16 or windows-1252, found the byte ${fault}; save it as UTF-8`,
    );
  }
}

/** What windows-1252 has at 0x80 to 0x9f; a space stands for the five that it leaves undefined. */
const WINDOWS_1252 = '€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ';

/** Node's own decoder takes windows-1252 for Latin-1 in some versions (nodejs/node#56542). */
function decodeWindows1252(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('latin1')
    .replaceAll(/[\u0080-\u009f]/g, (control) => {
      const character = WINDOWS_1252[control.charCodeAt(0) - 0x80]!;
      return character === ' ' ? control : character;
    });
}

/** UTF-16 by its mark; without, by its zeros: in text that is mostly ASCII nearly every second byte is one. */
function wideEncoding(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | null {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  const head = bytes.subarray(0, 1024);
  const pairs = head.length >> 1;
  if (pairs < 2) return null;
  const zeros = [0, 0];
  for (let i = 0; i < pairs * 2; i++) if (head[i] === 0) zeros[i & 1]!++;
  if (zeros[1]! > 0.7 * pairs && zeros[0] === 0) return 'utf-16le';
  if (zeros[0]! > 0.7 * pairs && zeros[1] === 0) return 'utf-16be';
  return null;
}

function decodeWide(bytes: Uint8Array, encoding: 'utf-16le' | 'utf-16be', where: string): string {
  if (bytes.length % 2 === 1) {
    throw new InputError(`${where}: expected UTF-16, an even number of bytes, found ${bytes.length}: it is cut off`);
  }
  // Node's decoder may lack the big-endian one.
  const little = Buffer.from(bytes);
  if (encoding === 'utf-16be') little.swap16();
  const text = little.toString('utf16le');
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

/** What comes before the first byte that is not UTF-8, as Latin-1 so that characters are bytes, and the line of that byte. */
function untilFault(bytes: Uint8Array): { text: string; line: number } {
  let [good, bad] = [0, bytes.length];
  // The longest beginning that decodes; one that ends within a character is not at fault yet.
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, middle), { stream: true });
      good = middle;
    } catch {
      bad = middle;
    }
  }
  const text = Buffer.from(bytes.subarray(0, good)).toString('latin1');
  return { text, line: text.split(/\r\n|\r|\n/).length };
}
