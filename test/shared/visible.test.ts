import fc from 'fast-check';
import { expect, test } from 'vitest';
import { visible, visibleLine } from '../../src/shared/visible.js';

test.each([
  ['a colour', '\x1b[31mred\x1b[0m', '\\u001b[31mred\\u001b[0m'],
  ['a link (OSC 8)', '\x1b]8;;https://x.example\x1b\\here', '\\u001b]8;;https://x.example\\u001b\\here'],
  ['the clipboard (OSC 52)', '\x1b]52;c;cm0=\x07', '\\u001b]52;c;cm0=\\u0007'],
  ['a carriage return', 'safe\rforged', 'safe\\u000dforged'],
  ['the control sequence introducer of C1', '\u009b2J', '\\u009b2J'],
  ['delete and backspace', 'a\x7f\b', 'a\\u007f\\u0008'],
  ['text turned around', 'photo\u202egnp.exe\u2066', 'photo\\u202egnp.exe\\u2066'],
  ['no width', 'a\u200bb\u2060c\ufeffd\u00ade\u200d', 'a\\u200bb\\u2060c\\ufeffd\\u00ade\\u200d'],
  ['tags and blank letters', '\u{e0041}\u3164', '\\udb40\\udc41\\u3164'],
  ['separators of lines', 'a\u2028b\u2029c\u0085d', 'a\\u2028b\\u2029c\\u0085d'],
  ['half of a pair', 'a\ud83dx', 'a\\ud83dx'],
])('%s is written out', (_, text, expected) => {
  expect(visible(text)).toBe(expected);
});

test.each(['日本語のカメラ', 'Caméra é', '👩‍🔧 👩🏽‍🔧 ❤️‍🔥 🏠', 'עברית', 'line\n\tindented', 'a\\u001bb'])(
  '%j stays',
  (text) => expect(visible(text)).toBe(text),
);

test('a line stays a line', () => {
  expect(visibleLine('Echo \r\n\n homeveil: all is well\there')).toBe('Echo homeveil: all is well here');
});

test('any JSON means the same, and has nothing unseen', () => {
  const document = fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }));
  fc.assert(
    fc.property(document, (value) => {
      const text = visible(JSON.stringify(value, null, 2));
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(text).not.toMatch(/(?!\n)[\p{Cc}\u200b\u200e\u202a-\u202e\u2066-\u2069]/u);
    }),
  );
});
