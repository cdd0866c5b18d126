import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ethernet, ipv4, pcap, readBytes, temporaryFolder, udp } from '../../support/fixtures.js';
import { needs, noProgram } from '../../support/needs.js';

const folder = temporaryFolder();
const path = join(folder, 'packed');
const data = ethernet(0x0800, ipv4(17, udp(1000, 2000, Buffer.alloc(10))));
/** Packed below by xz 5.8 and zstd 1.5. */
const capture = pcap([
  { data, seconds: 1 },
  { data, seconds: 2 },
]);
const base64 = (text: string) => Buffer.from(text, 'base64');
const XZ_BODY =
  'AAAA4ACfADtdAGow0ch9i/gJm62US4ry//oqWDBUtJUDk7dnEuu5sLUnJ5OUxeF3eBJaUp2ildd/MHP6CpKZOqhofQAAAADcY2ehn9j12gABV6ABAAAAYRRFGrHEZ/sCAAAAAARZWg==';
const XZ = base64(`/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM${XZ_BODY.slice(4)}`);
const XZ_DICTIONARY_128M = base64(`/Td6WFoAAATm1rRGAgAhAR4AAACbB1Fm${XZ_BODY.slice(4)}`);
const XZ_SHA256 = base64(
  '/Td6WFoAAArh+wyhAgAhARYAAAB0L+Wj4ACfADtdAGow0ch9i/gJm62US4ry//oqWDBUtJUDk7dnEuu5sLUnJ5OUxeF3eBJaUp2ildd/MHP6CpKZOqhofQAAAAAgPQ6XWDC79KC3p/Cw7BZukUHUynrZexQc/lh4Fvl2SAABb6ABAAAAoZFs8rbp3xwCAAAAAApZWg==',
);
const ZSTD = base64(
  'KLUv/SSgHQIAMgQNFdBdA4BAKmFiHgA0EN9QYV1ZZYWQFGH0JFakGl1484c9WH27mP8A/sP6/8EP/t7H4UFJAwQAcAQk4sbSdeAFcYulVNM=',
);

const u24 = (value: number) => Buffer.from([value & 255, (value >> 8) & 255, value >> 16]);
/** A zstd frame of blocks, by hand: magic, no single segment, the window descriptor; RFC 8878, section 3.1.1. */
const zstdFrame = (window: number, ...blocks: Buffer[]) =>
  Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, window]), ...blocks]);
const zstdRaw = (bytes: Buffer, isLast: boolean) => Buffer.concat([u24((bytes.length << 3) | (isLast ? 1 : 0)), bytes]);

describe('a packed capture', () => {
  it.each([
    ['gzip', gzipSync(capture)],
    ['xz', XZ],
    ['zstd', ZSTD],
    [
      'zstd in two frames with something to skip between them',
      Buffer.concat([
        zstdFrame(0, zstdRaw(capture.subarray(0, 10), false), zstdRaw(capture.subarray(10, 30), true)),
        Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]),
        zstdFrame(0, zstdRaw(capture.subarray(30), true)),
      ]),
    ],
    ['xz in two streams', Buffer.concat([XZ, XZ])],
  ])('of %s is read whatever its name', async (name, bytes) => {
    const { table, file } = await readBytes(path, bytes);
    expect(file).toMatchObject({ format: 'pcap', bytes: bytes.length });
    // Two captures behind one another: the header of the second is no record.
    if (name !== 'xz in two streams') expect(file.problems).toEqual([]);
    expect([...table.time].slice(0, 2)).toEqual([1, 2]);
  });

  it.each([
    ['gzip', gzipSync(capture).subarray(0, -12)],
    ['xz', XZ.subarray(0, 90)],
    [
      'zstd',
      zstdFrame(0, zstdRaw(capture.subarray(0, 100), false), zstdRaw(capture.subarray(100), true)).subarray(0, -9),
    ],
  ])('of %s that was cut is read as far as it goes', async (_, bytes) => {
    const { file } = await readBytes(path, bytes);
    expect(file.problems).toEqual([expect.stringMatching(/unexpected end of file/)]);
  });

  it.each([
    ['xz with a dictionary beyond 64 MiB', XZ_DICTIONARY_128M, 'its dictionary is larger than 64 MiB'],
    ['xz with another check', XZ_SHA256, 'it uses a filter or an integrity check that is not supported'],
    [
      'zstd with a window of 256 MiB',
      zstdFrame(18 << 3, zstdRaw(capture, true)),
      'expected a zstd window of at most 134217728 bytes, found 268435456',
    ],
    [
      'zstd with a large window in the second frame',
      Buffer.concat([zstdFrame(0, zstdRaw(capture, true)), zstdFrame(21 << 3, zstdRaw(capture, true))]),
      'expected a zstd window of at most 134217728 bytes, found 2147483648',
    ],
    [
      'zstd with a dictionary',
      Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 1, 0, 9]), zstdRaw(capture, true)]),
      'expected zstd without a dictionary',
    ],
    [
      'zstd with something else behind it',
      Buffer.concat([ZSTD, Buffer.from('rest')]),
      'expected a zstd frame, found 72657374',
    ],
  ])('of %s is refused in one line', async (_, bytes, message) => {
    const { file } = await readBytes(path, bytes);
    expect(file.problems).toEqual([expect.stringContaining(message)]);
  });

  for (const [program, ...commands] of [
    ['xz', 'xz -c', 'xz -c -0 --check=crc32', 'xz -c -T2 --block-size=100KiB'],
    [
      'zstd',
      'zstd -c -q',
      'zstd -c -q -19',
      'zstd -c -q --long=27',
      'zstd -c -q --no-check -1',
      'zstd -c -q --ultra -22',
    ],
    ['gzip', 'gzip -c -1'],
  ] as const) {
    needs(noProgram(program)).test(`is read as ${program} packs it, at every setting`, async () => {
      const records = Array.from({ length: 1500 }, (_, i) => ({
        data: Buffer.concat([data, Buffer.alloc(i % 700, i)]),
        seconds: i,
        fraction: (i * 7919) % 1e6,
      }));
      const bytes = pcap(records);
      const plain = join(folder, 'plain.pcap');
      writeFileSync(plain, bytes);
      const expected = await readBytes(plain, bytes);
      for (const command of commands) {
        const packed = join(folder, 'packed');
        expect(spawnSync('sh', ['-c', `${command} ${plain} > ${packed}`]).status).toBe(0);
        const { table, file } = await readBytes(join(folder, 'again'), readFileSync(packed));
        expect(file.problems, command).toEqual([]);
        expect(table.time, command).toEqual(expected.table.time);
        expect(table.length, command).toEqual(expected.table.length);
      }
    });
  }
});
