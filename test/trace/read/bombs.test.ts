import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createGzip, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { IngestReport } from '../../../src/trace/packets.js';
import { ethernet, ipv4, pcap, pcapng, temporaryFolder, udp } from '../../support/fixtures.js';

/**
 * Files whose few bytes stand for many: each is read by a process of its own, which has to stay below a ceiling and end in counts
 * or in one line.
 */
const CEILING = 500e6;

const folder = temporaryFolder();
const data = ethernet(0x0800, ipv4(17, udp(1000, 2000, Buffer.alloc(10))));
const { block, section, interface: described, enhanced } = pcapng();
const u32 = (...values: number[]) => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32LE(value >>> 0, 4 * i);
  return bytes;
};

/** `piece` so many times behind `head`, packed as it is made. */
async function gzipOf(head: Uint8Array, piece: Uint8Array, count: number): Promise<Buffer> {
  const gzip = createGzip({ level: 1 });
  const packed: Buffer[] = [];
  gzip.on('data', (chunk) => packed.push(chunk));
  gzip.write(head);
  for (let i = 0; i < count; i++) await new Promise((resolve) => gzip.write(piece, resolve));
  await new Promise((resolve) => gzip.on('end', resolve).end());
  return Buffer.concat(packed);
}

const repeat = (piece: Uint8Array, count: number) => Buffer.concat(Array.from({ length: count }, () => piece));

/** `count` frames, each changed by `change` before. */
function frames(count: number, change: (frame: Buffer, i: number) => void): Buffer {
  const [head, record] = [24, 16 + data.length];
  const whole = pcap([{ data }]);
  const bytes = Buffer.alloc(head + count * record);
  whole.copy(bytes, 0, 0, head);
  for (let i = 0; i < count; i++) {
    whole.copy(bytes, head + i * record, head);
    change(bytes.subarray(head + i * record + 16, head + (i + 1) * record), i);
  }
  return bytes;
}

/** A zstd file of one frame with `count` blocks, each a run of 128 kB of zeros in 4 bytes; RFC 8878, section 3.1.1.2. */
function zstdRuns(head: Buffer, count: number): Buffer {
  const raw = Buffer.from([head.length << 3, head.length >> 5, 0]);
  const run = (isLast: boolean) => Buffer.from([2 | (isLast ? 1 : 0), 0, 16, 0]);
  const magic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3]);
  return Buffer.concat([magic, raw, head, repeat(run(false), count - 1), run(true)]);
}

const reader = fileURLToPath(new URL('../../../dist/src/trace/read/read.js', import.meta.url));
const script = `
  const { readCaptures } = await import(${JSON.stringify(reader)});
  const { report } = await readCaptures([process.argv[1]], { duplicates: 'keep' });
  // In kB, of the process from its start.
  console.log(JSON.stringify({ report, peak: process.resourceUsage().maxRSS * 1024 }));
`;

function read(path: string, bytes: Uint8Array) {
  writeFileSync(path, bytes);
  const args = ['--input-type=module', '-e', script, path];
  const { stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    timeout: 60_000,
    maxBuffer: 1 << 26,
  });
  expect(stderr).toBe('');
  const { report, peak } = JSON.parse(stdout) as { report: IngestReport; peak: number };
  return { peak, report, problems: report.files[0]!.problems };
}

const zeros = Buffer.alloc(1 << 20);
const interfaces = repeat(described(1), 10_000);
const links = Buffer.concat(
  Array.from({ length: 20_000 }, (_, i) => Buffer.concat([described(300 + i), enhanced(i, 1n, data)])),
);

const BOMBS: [string, string, () => Buffer | Promise<Buffer>, (found: ReturnType<typeof read>) => void][] = [
  [
    'millions of interfaces',
    'interfaces.pcapng.gz',
    () => gzipOf(section(), interfaces, 200),
    ({ problems }) =>
      expect(problems).toEqual([expect.stringMatching(/offset \d+: expected at most 65536 interfaces in a section/)]),
  ],
  [
    'interfaces in ever new sections',
    'sections.pcapng.gz',
    () => gzipOf(Buffer.alloc(0), repeat(Buffer.concat([section(), described(1)]), 10_000), 20),
    ({ problems }) => expect(problems).toEqual([]),
  ],
  [
    'thousands of link types',
    'links.pcapng',
    () => Buffer.concat([section(), links]),
    ({ problems, report }) => {
      expect(report.read).toBe(20_000);
      expect(problems).toHaveLength(11);
    },
  ],
  [
    'records of nothing',
    'zeros.pcap.gz',
    () => gzipOf(pcap([]), zeros, 100),
    ({ report }) => expect(report).toMatchObject({ kept: 0, dropped: { 'nothing captured of it': 6_553_600 } }),
  ],
  [
    'blocks that are not read',
    'skip.pcapng.gz',
    () => gzipOf(section(), block(0xbad, zeros), 300),
    ({ problems }) => expect(problems).toEqual([]),
  ],
  [
    'names by the megabyte',
    'names.pcapng.gz',
    () =>
      gzipOf(
        section(),
        block(4, repeat(Buffer.from('0100080008080808612e62000000000000'.slice(0, 32), 'hex'), 60_000)),
        100,
      ),
    ({ problems }) => expect(problems).toEqual([]),
  ],
  [
    'more packets than bytes',
    'packets.pcap.gz',
    () => gzipOf(pcap([]), frames(10_000, () => {}).subarray(24), 300),
    ({ problems, report }) => {
      expect(problems).toEqual([expect.stringMatching(/expected at most \d+ packets in \d+ packed bytes, found more/)]);
      expect(report.kept).toBeLessThan(600_000);
      expect(report.kept).toBeGreaterThan(250_000);
    },
  ],
  [
    'packets of zeros by runs of zstd',
    'runs.pcap.zst',
    () => zstdRuns(pcap([]), 1500),
    ({ report }) => expect(report.read).toBe(Math.floor((1500 * 131_072) / 16)),
  ],
  [
    'a new station in each packet',
    'stations.pcap',
    () => frames(540_000, (frame, i) => frame.writeUInt32BE(i, 8)),
    ({ problems, report }) => {
      expect(problems).toEqual([expect.stringMatching(/expected at most 524288 MAC addresses, found more/)]);
      expect(report.kept).toBeGreaterThan(500_000);
    },
  ],
  [
    'a new conversation in each packet',
    'conversations.pcap',
    () => frames(300_000, (frame, i) => frame.writeUInt32BE(0x08000000 + i, 30)),
    ({ report }) => expect(report.kept).toBe(300_000),
  ],
  [
    'a block of 4 GB',
    'block.pcapng',
    () => Buffer.concat([section(), u32(6, 0xfffffff0), Buffer.alloc(100)]),
    ({ problems }) => expect(problems).toEqual([expect.stringContaining('expected a block of at most 16777216 bytes')]),
  ],
  [
    'a block of 4 GB that is not read',
    'skip.pcapng',
    () => Buffer.concat([section(), u32(0xbad, 0xfffffff0), Buffer.alloc(100)]),
    ({ problems }) => expect(problems).toEqual([expect.stringContaining('expected a block of 4294967280 bytes')]),
  ],
  [
    'a record of 2 GB, allowed by the file header',
    'record.pcap',
    () => Buffer.concat([u32(0xa1b2c3d4, 0x40002, 0, 0, 0xffffffff, 1), u32(1, 1, 0x7fffffff, 0x7fffffff), zeros]),
    ({ problems }) => expect(problems).toEqual([expect.stringContaining('expected a record of at most 262144')]),
  ],
  [
    'an option longer than its block',
    'option.pcapng',
    () =>
      Buffer.concat([
        section(),
        block(1, u32(1, 0), Buffer.from('0900ffff', 'hex'), Buffer.alloc(8)),
        enhanced(0, 1n, data),
      ]),
    ({ report }) => expect(report.kept).toBe(1),
  ],
  [
    'millions of options',
    'options.pcapng.gz',
    () =>
      gzipSync(Buffer.concat([section(), block(1, u32(1, 0), repeat(u32(2), 4_000_000 / 4)), enhanced(0, 1n, data)])),
    ({ report }) => expect(report.kept).toBe(1),
  ],
  [
    'gzip within gzip',
    'nested.gz',
    () => gzipSync(gzipSync(pcap([{ data }]))),
    ({ problems }) => expect(problems).toEqual([expect.stringContaining('found a gzip file within another')]),
  ],
];

describe('a ceiling on memory holds for', () => {
  it.each(BOMBS)(
    '%s',
    async (_, name, make, check) => {
      const found = read(join(folder, name), await make());
      check(found);
      expect(found.peak).toBeGreaterThan(10e6);
      expect(found.peak).toBeLessThan(CEILING);
    },
    120_000,
  );
});
