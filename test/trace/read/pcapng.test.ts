import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ethernet, hex, ipv4, pcapng, readBytes, temporaryFolder, udp } from '../../support/fixtures.js';

const path = join(temporaryFolder(), 'test.pcapng');
const packet = ipv4(17, udp(1000, 2000, Buffer.alloc(10)));
const data = ethernet(0x0800, packet);

describe('pcapng captures', () => {
  it('are read in both byte orders, with enhanced, simple and obsolete packet blocks', async () => {
    for (const little of [true, false]) {
      const blocks = pcapng(little);
      const { table, file } = await readBytes(
        path,
        Buffer.concat([
          blocks.section(),
          blocks.interface(1),
          blocks.enhanced(0, 1_600_000_000_250_000n, data, 1514),
          blocks.simple(data),
          blocks.obsolete(0, 1_600_000_001_000_000n, data, 60),
        ]),
      );
      // A simple packet block has no time: it takes that of the packet before.
      expect([...table.time]).toEqual([1_600_000_000.25, 1_600_000_000.25, 1_600_000_001]);
      expect([...table.length]).toEqual([1514, data.length, 60]);
      expect(file).toMatchObject({ format: 'pcapng', read: 3, kept: 3, links: { ethernet: 3 }, problems: [] });
    }
  });

  it('may have several interfaces, each with its link type, resolution and offset', async () => {
    const blocks = pcapng();
    const { table, file } = await readBytes(
      path,
      Buffer.concat([
        blocks.section(),
        blocks.interface(1, [[9, hex('09')]]),
        blocks.interface(101, [[9, hex('8a')]]),
        blocks.interface(1, [
          [2, Buffer.from('eth0')],
          [9, hex('03')],
          [14, hex('e803000000000000')],
        ]),
        blocks.interface(1, [[14, hex('18fcffffffffffff')]]),
        blocks.enhanced(0, 1_500_000_000n, data),
        blocks.enhanced(1, 5n * 1024n + 512n, packet),
        blocks.enhanced(2, 2500n, data),
        blocks.enhanced(3, 1_001_000_000n, data),
        blocks.enhanced(0, 2_000_000_000n, data),
      ]),
    );
    expect([...table.time]).toEqual([1.5, 5.5, 1002.5, 1, 2]);
    expect([...table.length]).toEqual([data.length, packet.length, data.length, data.length, data.length]);
    expect(file).toMatchObject({ links: { ethernet: 4, 'raw-ip': 1 }, backward: 1, problems: [] });
  });

  it('may have several sections, each with its byte order and interfaces', async () => {
    const [little, big] = [pcapng(true), pcapng(false)];
    const { table, file } = await readBytes(
      path,
      Buffer.concat([
        little.section(),
        little.interface(1),
        little.enhanced(0, 1_000_000n, data),
        big.section(),
        big.interface(101),
        big.enhanced(0, 2_000_000n, packet),
      ]),
    );
    expect([...table.time]).toEqual([1, 2]);
    expect(file).toMatchObject({ links: { ethernet: 1, 'raw-ip': 1 }, problems: [] });
  });

  it('cut simple packets at the snap length of the first interface', async () => {
    const blocks = pcapng();
    const cut = data.subarray(0, 44);
    const bytes = Buffer.concat([blocks.section(), blocks.interface(1, [], 44), blocks.simple(cut, 1000)]);
    const { table, file } = await readBytes(path, bytes);
    expect([...table.length]).toEqual([1000]);
    expect(file.problems).toEqual([]);
  });

  it('do not count the frame check sequence of an interface that has one', async () => {
    const blocks = pcapng();
    const checked = Buffer.concat([data, Buffer.alloc(4)]);
    const bytes = Buffer.concat([
      blocks.section(),
      blocks.interface(1, [[13, hex('04')]]),
      blocks.enhanced(0, 1n, checked),
    ]);
    expect([...(await readBytes(path, bytes)).table.length]).toEqual([data.length]);
  });

  it('leave out times that no clock shows', async () => {
    const blocks = pcapng();
    const bytes = Buffer.concat([
      blocks.section(),
      blocks.interface(1),
      blocks.enhanced(0, 0xffffffffffffffffn, data),
      blocks.interface(1, [[14, hex('ffffffffffffffff')]]),
      blocks.enhanced(1, 0n, data),
    ]);
    const { file } = await readBytes(path, bytes);
    expect(file.dropped).toEqual({ 'timestamp out of range': 2 });
  });

  it('skip blocks that are not known, however long, and blocks that cannot be used, and go on', async () => {
    const blocks = pcapng();
    const start = [blocks.section(), blocks.interface(1), blocks.enhanced(0, 1n, data)];
    const { file } = await readBytes(
      path,
      Buffer.concat([
        ...start,
        blocks.block(0xbad, Buffer.alloc(3_000_000)),
        blocks.enhanced(7, 1n, data),
        blocks.enhanced(8, 1n, data),
        blocks.enhanced(0, 2n, data),
      ]),
    );
    expect(file).toMatchObject({ read: 4, kept: 2, dropped: { 'damaged packet block': 2 } });
    const offset = Buffer.concat(start).length + 3_000_012;
    expect(file.problems).toEqual([
      `${path}: offset ${offset}: expected a packet of one of the 1 interfaces described so far, found interface 7`,
    ]);
  });

  it('that are damaged are read up to there, with one line', async () => {
    const blocks = pcapng();
    const intact = Buffer.concat([blocks.section(), blocks.interface(1), blocks.enhanced(0, 1n, data)]);
    const next = blocks.enhanced(0, 2n, data);
    const { length } = next;
    const withTrailer = Buffer.from(next);
    withTrailer.writeUInt32LE(99, length - 4);
    const withLength = Buffer.from(next);
    withLength.writeUInt32LE(13, 4);
    const foreign = Buffer.from(blocks.section());
    foreign.writeUInt32LE(0x01020304, 8);
    const cases: [Uint8Array, number, string][] = [
      [withTrailer, length - 4, `expected the block's length ${length} once more, found 99`],
      [withLength, 4, 'expected the length of a block, a multiple of 4 from 12 up, found 13'],
      [next.subarray(0, 40), 0, `expected a block of ${length} bytes, found the end after 40`],
      [next.subarray(0, 5), 0, 'expected a block header of 12 bytes, found the end after 5'],
      [foreign, 8, 'expected the byte-order magic 1a2b3c4d, found 04030201'],
      [
        blocks.block(0xbad, Buffer.alloc(100)).subarray(0, 50),
        0,
        'expected a block of 112 bytes (type 00000bad), found the end after 50',
      ],
    ];
    for (const [bytes, at, text] of cases) {
      const { file } = await readBytes(path, Buffer.concat([intact, bytes]));
      expect(file).toMatchObject({ read: 1, kept: 1 });
      expect(file.problems).toEqual([`${path}: offset ${intact.length + at}: ${text}`]);
    }
  });
});
