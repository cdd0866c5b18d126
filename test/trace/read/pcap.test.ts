import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, test } from 'vitest';
import { readCaptures } from '../../../src/trace/read/read.js';
import { ethernet, ipv4, pcap, readBytes, temporaryFolder, udp } from '../../support/fixtures.js';

const folder = temporaryFolder();
const path = join(folder, 'test.pcap');
const data = ethernet(0x0800, ipv4(17, udp(1000, 2000, Buffer.alloc(10))));

describe('classic captures', () => {
  it('are read in both byte orders, in micro- and nanoseconds, with Kuznetzov’s longer records too', async () => {
    const variants = [
      { little: true },
      { little: false },
      { little: true, magic: 0xa1b23c4d },
      { little: false, magic: 0xa1b23c4d },
      { little: true, magic: 0xa1b2cd34, extra: 8 },
      { little: false, magic: 0xa1b2cd34, extra: 8 },
    ];
    for (const variant of variants) {
      const records = [
        { data, seconds: 1_600_000_000, fraction: 250_000 },
        { data, seconds: 1_600_000_001, fraction: 0, original: 1514 },
      ];
      const { table, file } = await readBytes(path, pcap(records, variant));
      const fraction = variant.magic === 0xa1b23c4d ? 0.00025 : 0.25;
      expect([...table.time]).toEqual([1_600_000_000 + fraction, 1_600_000_001]);
      expect([...table.length]).toEqual([52, 1514]);
      expect(file).toMatchObject({ format: 'pcap', read: 2, kept: 2, links: { ethernet: 2 }, problems: [] });
    }
  });

  it('of versions before 2.3 have their two lengths the other way round', async () => {
    const bytes = pcap([{ data, original: 100 }], { minor: 2 });
    bytes.writeUInt32LE(100, 32);
    bytes.writeUInt32LE(data.length, 36);
    const { table } = await readBytes(path, bytes);
    expect([...table.length]).toEqual([100]);
  });

  it('that end inside a record give what is before it, and one line', async () => {
    const whole = pcap([{ data }, { data }]);
    const inData = await readBytes(path, whole.subarray(0, -1));
    expect(inData.file).toMatchObject({ read: 1, kept: 1 });
    const offset = 24 + 16 + data.length;
    expect(inData.file.problems).toEqual([
      `${path}: offset ${offset}: expected a record of 68 bytes, found the end after 67`,
    ]);
    const inHeader = await readBytes(path, whole.subarray(0, offset + 3));
    expect(inHeader.file.read).toBe(1);
    expect(inHeader.file.problems).toEqual([
      `${path}: offset ${offset}: expected a record header of 16 bytes, found the end after 3`,
    ]);
    const inFileHeader = await readBytes(path, whole.subarray(0, 20));
    expect(inFileHeader.file).toMatchObject({ format: 'pcap', read: 0 });
    expect(inFileHeader.file.problems).toHaveLength(1);
  });

  it('with a damaged record header are read up to it', async () => {
    const bytes = pcap([{ data }, { data }, { data }]);
    const second = 24 + 16 + data.length;
    bytes.writeUInt32LE(0x7fffffff, second + 8);
    const { file } = await readBytes(path, bytes);
    expect(file).toMatchObject({ read: 1, kept: 1 });
    expect(file.problems).toEqual([
      `${path}: offset ${second}: expected a record of at most 262144 captured bytes, found a length of 2147483647`,
    ]);
  });

  it('leave out, with a reason, what has no time or no data', async () => {
    const records = [
      { data, fraction: 1_000_000 },
      { data: Buffer.alloc(0), original: 60 },
      { data, original: 0xffffffff },
      { data },
    ];
    const { file } = await readBytes(path, pcap(records));
    expect(file).toMatchObject({ read: 4, kept: 1 });
    expect(file.dropped).toEqual({
      'timestamp out of range': 1,
      'nothing captured of it': 1,
      'frame length out of range': 1,
    });
  });

  it('count packets that are earlier than the one before, in each file for itself', async () => {
    const bytes = pcap([3, 1, 2, 2, 0].map((seconds) => ({ data, seconds })));
    const { file, table } = await readBytes(path, bytes);
    expect(file).toMatchObject({ backward: 2, from: 0, to: 3 });
    expect([...table.time]).toEqual([3, 1, 2, 2, 0]);
    const again = join(folder, 'again.pcap');
    writeFileSync(again, bytes);
    const both = await readCaptures([path, again], { duplicates: 'keep' });
    expect(both.report.backward).toBe(4);
    expect([...both.table.file]).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
  });

  it('of a link type that is not read are counted, and named once', async () => {
    const { file } = await readBytes(path, pcap([{ data }, { data }], { link: 195 }));
    expect(file).toMatchObject({ read: 2, kept: 0, links: { LINKTYPE_IEEE802_15_4_WITHFCS: 2 }, from: null, to: null });
    expect(file.dropped).toEqual({ 'link type not supported: LINKTYPE_IEEE802_15_4_WITHFCS': 2 });
    expect(file.problems).toEqual([
      `${path}: offset 20: expected a link type that carries IP, found LINKTYPE_IEEE802_15_4_WITHFCS, whose packets are left out`,
    ]);
  });

  it('do not count a frame check sequence that the file header announces', async () => {
    const link = (0x24000000 | 1) >>> 0;
    const { table } = await readBytes(path, pcap([{ data: Buffer.concat([data, Buffer.alloc(4)]) }], { link }));
    expect([...table.length]).toEqual([data.length]);
  });

  it('are read through gzip, of several members, as far as it is intact', async () => {
    const bytes = pcap(Array.from({ length: 20_000 }, (_, seconds) => ({ data, seconds })));
    const half = bytes.length >> 1;
    const packed = Buffer.concat([gzipSync(bytes.subarray(0, half)), gzipSync(bytes.subarray(half))]);
    const whole = await readBytes(join(folder, 'whole.pcap.gz'), packed);
    expect(whole.file).toMatchObject({ read: 20_000, kept: 20_000, bytes: packed.length, problems: [] });
    const cut = await readBytes(join(folder, 'cut.pcap.gz'), packed.subarray(0, packed.length - 2000));
    expect(cut.file.read).toBeGreaterThan(10_000);
    expect(cut.file.problems).toEqual([expect.stringMatching(/cut\.pcap\.gz: offset \d+: .*unexpected end of file/)]);
  });

  it('are read the same when larger than the buffer', async () => {
    const records = Array.from({ length: 3000 }, (_, i) => ({
      data: Buffer.concat([data, Buffer.alloc(i)]),
      seconds: i,
    }));
    const { table, file } = await readBytes(path, pcap(records));
    expect(file.problems).toEqual([]);
    expect([...table.length]).toEqual(records.map((record) => record.data.length));
    expect([...table.time]).toEqual(records.map((record) => record.seconds));
  });
});

test('long reading leaves room for timers and signals', async () => {
  // 8 million records of nothing, which take no room on the disk.
  writeFileSync(path, pcap([]));
  truncateSync(path, 24 + 8e6 * 16);
  let ticks = 0;
  const ticking = setInterval(() => ticks++, 10);
  const { report } = await readCaptures([path]);
  clearInterval(ticking);
  expect(report.read).toBe(8e6);
  expect(ticks).toBeGreaterThan(0);
});

describe('what is no capture', () => {
  it('is skipped with one line that says what it is', async () => {
    const cases: [Uint8Array, string][] = [
      [Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n'), 'a Git LFS pointer'],
      [Buffer.alloc(0), 'an empty file'],
      [Buffer.from('snoop\0\0\0\0\0\0\x02'), 'a snoop file'],
      [Buffer.from('hello'), 'text'],
      [gzipSync('hello'), 'text, packed with gzip'],
      [Buffer.from([1, 2, 3, 4, 5]), 'one that begins with 01020304'],
      [Buffer.from([0x1f, 0x8b, 0, 0, 0, 0]), 'what cannot be read'],
    ];
    for (const [bytes, found] of cases) {
      const { file, table } = await readBytes(path, bytes);
      expect(file).toMatchObject({ format: null, read: 0 });
      expect(file.problems).toHaveLength(1);
      expect(file.problems[0]).toContain(`${path}: expected a pcap or pcapng file, found ${found}`);
      expect(table.files).toEqual([]);
    }
  });

  it('does not keep others from being read', async () => {
    const good = join(folder, 'good.pcap');
    writeFileSync(good, pcap([{ data }]));
    writeFileSync(path, 'hello');
    const { table, report } = await readCaptures([path, good]);
    expect(report).toMatchObject({ read: 1, kept: 1 });
    expect(table.files).toEqual([good]);
  });
});
