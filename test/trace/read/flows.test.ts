import { isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipv4Text, ipv6Text, macText } from '../../../src/trace/addresses.js';
import { createKeyTable, keyId, keyWords } from '../../../src/trace/keys.js';

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

describe('addresses as text', () => {
  it('follow RFC 5952', () => {
    // Examples of its sections 4 and 5.
    const cases: [number, number, number, number, string][] = [
      [0x20010db8, 0, 0, 1, '2001:db8::1'],
      [0x20010db8, 0, 0x00000001, 0x00010001, '2001:db8::1:1:1'],
      [0x20010db8, 0, 0, 0x00020001, '2001:db8::2:1'],
      [0x20010db8, 0x00000001, 0x00010001, 0x00010001, '2001:db8:0:1:1:1:1:1'],
      [0x20010000, 0x00000001, 0, 1, '2001:0:0:1::1'],
      [0x20010db8, 0, 0x00010000, 0x00000001, '2001:db8::1:0:0:1'],
      [0, 0, 0, 0, '::'],
      [0, 0, 0, 1, '::1'],
      [0xfe800000 | 0, 0, 0, 0, 'fe80::'],
      [0, 0, 0xffff, 0xc0a80001 | 0, '::ffff:192.168.0.1'],
    ];
    for (const [a, b, c, d, text] of cases) expect(ipv6Text(a, b, c, d)).toBe(text);
    expect(ipv4Text(0xc0a80001 | 0)).toBe('192.168.0.1');
    expect(macText(0x020a, 0xfe00000b | 0)).toBe('02:0a:fe:00:00:0b');
  });

  it('of IPv6 are valid, and the same as the URL parser’s', () => {
    fc.assert(
      fc.property(fc.tuple(...[0, 1, 2, 3].map(() => fc.oneof(fc.constantFrom(0, 1, 0x10000), int32))), (words) => {
        const [a, b, c, d] = words as [number, number, number, number];
        const text = ipv6Text(a, b, c, d);
        expect(isIPv6(text)).toBe(true);
        if (!text.includes('.')) expect(new URL(`http://[${text}]/`).hostname).toBe(`[${text}]`);
      }),
    );
  });
});

describe('dense ids', () => {
  it('are one for each key, in order of first sight, however many there are', () => {
    const key = fc.tuple(fc.nat(3), int32, fc.nat(1), fc.constantFrom(0, -1), fc.nat(2));
    fc.assert(
      fc.property(fc.array(key, { maxLength: 2000 }), (keys) => {
        const table = createKeyTable();
        const expected = new Map<string, number>();
        for (const words of keys) {
          const text = words.join();
          if (!expected.has(text)) expected.set(text, expected.size);
          const id = keyId(table, ...words);
          expect(id).toBe(expected.get(text));
          expect(keyWords(table, id)).toEqual(words);
        }
        expect(table.count).toBe(expected.size);
      }),
      { numRuns: 20 },
    );
    const table = createKeyTable();
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 100_000; i++) if (keyId(table, i, 0, i << 16, 6, 4) !== i) expect.fail(`key ${i}`);
    }
  });
});
