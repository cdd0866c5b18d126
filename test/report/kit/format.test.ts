import { describe, expect, test } from 'vitest';
import { duration, fixed, instant, listed, percent, percentage, shortened } from '../../../src/report/kit/format.js';

/** With plain spaces and hyphens, as one would type it. */
const typed = (text: string) => text.replaceAll('\u00A0', ' ').replaceAll('\u2212', '-');

describe('numbers in a report', () => {
  test.each([
    [0.472, '47 %'],
    [0, '0 %'],
    [0.0421, '4.2 %'],
    [0.0996, '10 %'],
    [0.9949, '99.5 %'],
    [1, '100 %'],
    [1.28, '128 %'],
    [42, '4,200 %'],
    [-0.031, '-3.1 %'],
    [null, 'n/a'],
    [Number.NaN, 'n/a'],
    [Number.POSITIVE_INFINITY, 'n/a'],
  ])('%s is the share %s', (share, text) => {
    expect(typed(percent(share))).toBe(text);
  });

  test.each([
    [0, '0 ms'],
    [0.00001, 'under 0.1 ms'],
    [0.00042, '0.4 ms'],
    [0.095, '95 ms'],
    [0.9999, '1.0 s'],
    [1.26, '1.3 s'],
    [90, '90 s'],
    [300, '5.0 min'],
    [86_400, '24 h'],
    [604_860, '7.0 days'],
    [null, 'n/a'],
  ])('%s seconds are %s', (seconds, text) => {
    expect(typed(duration(seconds))).toBe(text);
  });

  test('a negative number that rounds to zero has no sign', () => {
    expect(fixed(-0.0004, 1)).toBe('0.0');
    expect(typed(percentage(-0.12))).toBe('-12.0');
  });

  test('instants are in UTC, and those no calendar knows are not available', () => {
    expect(instant(1_614_600_000)).toBe('2021-03-01 12:00 UTC');
    expect(instant(1e15)).toBe('n/a');
  });

  test('lists read as sentences, and long names keep both ends', () => {
    expect([listed([]), listed(['a']), listed(['a', 'b']), listed(['a', 'b', 'c'])]).toEqual([
      '',
      'a',
      'a and b',
      'a, b and c',
    ]);
    expect(shortened('pad:rule=random,width=10', 9)).toBe('pad:…h=10');
    expect(shortened('short', 9)).toBe('short');
    expect(shortened('👨‍👩‍👧‍👦 e\u0301 camera', 4)).toBe('👨‍👩‍👧‍👦 …a');
  });
});
