import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { expect, test } from 'vitest';
import {
  createProgressLine,
  createScreen,
  fitLine,
  fitName,
  formatBytes,
  formatCount,
  formatDuration,
  formatPercent,
  pad,
  table,
  wrap,
} from '../../src/cli/terminal.js';

test('a table aligns its columns', () => {
  expect(
    table(
      [{ title: 'name' }, { title: 'n', align: 'right' }],
      [
        ['a', '1'],
        ['bcdef', '23'],
      ],
    ),
  ).toBe(['name    n', '─────  ──', 'a       1', 'bcdef  23'].join('\n'));
});

test('a name that is too long stands above its row', () => {
  const text = table(
    [
      { title: 'defense', shrink: true },
      { title: 'accuracy', align: 'right' },
    ],
    [
      ['none', '70.1 %'],
      ['vpn-shaping:mode=stepped,up=40', '33.0 %'],
    ],
    24,
  );
  expect(text.split('\n')).toEqual([
    'defense         accuracy',
    '──────────────  ────────',
    'none              70.1 %',
    'vpn-shaping:',
    'mode=stepped,up=40',
    '                  33.0 %',
  ]);
});

test('a further column that may shrink goes on in further lines, and loses nothing', () => {
  const name = 'pad:rule=mice-elephants,small=128+jitter:distribution=laplace';
  const text = table(
    [
      { title: 'n', align: 'right' },
      { title: 'defense', shrink: true },
    ],
    [['1', name]],
    40,
  );
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(40);
  const cells = text
    .split('\n')
    .slice(2)
    .map((line) => line.slice(3).trim());
  expect(cells.length).toBeGreaterThan(1);
  expect(cells.join('')).toBe(name);
});

test('any table fits its width while its fixed columns do', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme-ascii', maxLength: 200 }), { maxLength: 5 }), (cells) => {
      const text = table(
        [{ title: 'x', shrink: true }, { title: 'y' }],
        cells.map((cell) => [cell, 'fixed']),
      );
      expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    }),
  );
});

test('wide characters keep columns straight', () => {
  const text = table(
    [{ title: 'name', shrink: true }, { title: 'n', align: 'right' }, { title: 'kind' }],
    [
      ['日本語のカメラ', '1', 'iot'],
      ['👩‍🔧 lamp', '23', 'iot'],
      ['Kamera', '456', 'iot'],
    ],
  );
  // By hand: seven characters of two columns, an emoji of two, and letters of one.
  expect(text.split('\n')).toEqual([
    'name              n  kind',
    '──────────────  ───  ────',
    '日本語のカメラ    1  iot',
    '👩‍🔧 lamp          23  iot',
    'Kamera          456  iot',
  ]);
});

test('any table of any characters fits its width while its fixed columns do', () => {
  const names = fc.array(fc.string({ unit: 'grapheme', maxLength: 120 }), { maxLength: 4 });
  fc.assert(
    fc.property(names, fc.integer({ min: 30, max: 120 }), (cells, width) => {
      const columns = [{ title: 'x', shrink: true }, { title: 'y' }, { title: 'z', shrink: true }];
      const text = table(
        columns,
        cells.map((cell) => [cell, 'fixed', cell]),
        width,
      );
      expect(Math.max(...text.split('\n').map((line) => stringWidth(line)))).toBeLessThanOrEqual(width);
    }),
  );
});

test('combining accents take no column, and names are cut in whole characters', () => {
  // NFD: e and a combining acute accent; a family is one character of seven code points.
  const accented = 'Cafe\u0301-Kamera';
  const family = '👨‍👩‍👧‍👦'.repeat(3);
  const text = table(
    [
      { title: 'name', shrink: true },
      { title: 'n', align: 'right' },
    ],
    [
      [accented, '1'],
      [family, '23'],
    ],
  );
  expect(text.split('\n').slice(2)).toEqual([`${accented}   1`, `${family}       23`]);
  expect(fitName(`${accented}${family}`, 8)).toBe('Cafe\u0301…👨‍👩‍👧‍👦');
  expect(pad('電灯', 6)).toBe('電灯  ');
  expect(pad('電灯', 6, 'right')).toBe('  電灯');
});

test('text wraps by columns, the first line by its own margin', () => {
  expect(wrap('電灯 と カメラ と 鍵', 2, 0, 9)).toEqual(['電灯 と', '  カメラ', '  と 鍵']);
  expect(wrap('one two three', 4, 0, 7)).toEqual(['one two', '    three']);
});

test('a cell cannot begin another line', () => {
  expect(table([{ title: 'x' }], [['a\nb\x1b[1A']]).split('\n')[2]).toBe('a b\\u001b[1A');
});

test('a line that is too long ends in an ellipsis, within its width', () => {
  expect(fitLine('日本語のカメラ', 8)).toBe('日本語…');
  expect(fitLine('short', 8)).toBe('short');
});

test('a screen draws over what it drew, and sees to what it is given', () => {
  const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), { columns: 10 });
  const screen = createScreen(stream as never);
  screen.draw(['one', 'a long line of many words']);
  expect(stream.read()).toBe('\x1b[2Kone\n\x1b[2Ka long l…\n\x1b[J');
  screen.draw(['\x1b[9A']);
  expect(stream.read()).toBe('\x1b[2A\r\x1b[2K\\u001b[9A\n\x1b[J');
  screen.clear();
  expect(stream.read()).toBe('\x1b[1A\r\x1b[J');
});

test('numbers read as people write them', () => {
  expect(formatCount(1234567.4)).toBe('1,234,567');
  expect([0, 999, 1000, 999_499, 999_600, 1_234_567, 5e12, 33_700e6, 1.94e10, 1.2345e16].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1 kB',
    '999 kB',
    '1 MB',
    '1.23 MB',
    '5 TB',
    '33.7 GB',
    '19.4 GB',
    '12,300 TB',
  ]);
  expect([0, 0.0123, 12.34, 59.97, 245, 11_520, 532_800].map(formatDuration)).toEqual([
    '0 ms',
    '12 ms',
    '12.3 s',
    '1 min 00 s',
    '4 min 05 s',
    '3 h 12 min',
    '6 d 04 h',
  ]);
  expect([formatPercent(0.4809), formatPercent(42), formatPercent(null)]).toEqual(['48.1 %', '4,200.0 %', '–']);
});

test('progress shows share, rate and time left on a terminal, and nothing elsewhere', () => {
  const write = (isTTY: boolean) => {
    const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY, columns: 60 });
    const line = createProgressLine(stream as never);
    line.onProgress({ task: 'reading', done: 5, total: 10, unit: 'packets' });
    line.end();
    return stream.read() ?? '';
  };
  expect(write(true)).toContain('reading  50 %  5 of 10 packets');
  expect(write(false)).toBe('');
});

test('progress of a training shows its figures in place of counts', () => {
  const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY: true, columns: 100 });
  const { onProgress } = createProgressLine(stream as never);
  const figures = { epoch: 3, loss: 0.41234, 'packets/s': 81_234, 'validation F1': 0.6 };
  onProgress({ task: 'bench', detail: 'fit blstm', done: 1, total: 4, unit: 'cells', figures });
  expect(stream.read()).toContain('bench  25 %  epoch 3  loss 0.412  81,234 packets/s  validation F1 0.600  fit blstm');
});

test('a warning has a line of its own, once', () => {
  const write = (isTTY: boolean) => {
    const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY, columns: 60 });
    const { onWarning } = createProgressLine(stream as never);
    for (const message of ['slow', 'slow', 'late']) onWarning(message);
    return stream.read();
  };
  expect(write(false)).toBe('warning: slow\nwarning: late\n');
  expect(write(true).replaceAll('\r\x1b[2K', '')).toBe(write(false));
});

test('text wraps at words, with a hanging indent', () => {
  expect(wrap('one two three four', 2, 0, 9)).toEqual(['one two', '  three', '  four']);
  expect(wrap('unbreakable', 2, 2, 5)).toEqual(['  unbreakable']);
});
