import { expect, test } from 'vitest';
import { decodeSpreadsheetText, decodeText } from '../../src/shared/decode.js';
import { InputError } from '../../src/shared/errors.js';

const utf16le = (text: string) => Buffer.from(text, 'utf16le');
const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16();
const spreadsheet = (bytes: Uint8Array) => decodeSpreadsheetText(bytes, 'labels.csv');

test.each([
  ['UTF-8', Buffer.from('Küche 電灯\n'), 'Küche 電灯\n'],
  ['UTF-8 with a mark', Buffer.from('\ufeffa: 1'), 'a: 1'],
  ['UTF-16 with a mark', utf16le('\ufeff電灯'), '電灯'],
  ['big-endian UTF-16 with a mark', utf16be('\ufeff電灯'), '電灯'],
  ['UTF-16 that begins in ASCII', utf16le('ab電灯電灯電灯'), 'ab電灯電灯電灯'],
  ['UTF-16 that is mostly ASCII', utf16be('電mac,device,category'), '電mac,device,category'],
  ['nothing', new Uint8Array(), ''],
])('%s is text to both decoders', (_, bytes, text) => {
  expect(decodeText(bytes)).toBe(text);
  expect(spreadsheet(bytes)).toMatchObject({ text, line: null });
});

test('windows-1252 is text of a spreadsheet only', () => {
  const bytes = Buffer.from('mac\r\nK\xfcche \x80', 'latin1');
  expect(decodeText(bytes)).toEqual({ line: 2, found: 'byte 0xfc, which is no UTF-8' });
  expect(spreadsheet(bytes)).toEqual({ text: 'mac\r\nKüche €', encoding: 'windows-1252', line: 2 });
});

test('bytes that are no text are refused with their place', () => {
  expect(decodeText(Buffer.from('a\nb\0'))).toEqual({ line: 2, found: 'a zero byte, which is no text' });
  expect(decodeText(Buffer.from('電').subarray(0, 2))).toEqual({
    line: 1,
    found: 'an end within a character, which is no UTF-8',
  });
  expect(() => spreadsheet(Buffer.from('a\n\xfc\x01', 'latin1'))).toThrow(
    new InputError('labels.csv:2: expected text in UTF-8, UTF-16 or windows-1252, found the byte fc; save it as UTF-8'),
  );
  expect(() => spreadsheet(utf16le('abc').subarray(0, 5))).toThrow(/an even number of bytes, found 5/);
});
