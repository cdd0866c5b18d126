import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { generateHome } from '../../src/home/home.js';
import { readLive } from '../../src/live/capture/packets.js';
import { joinTables, lastRows } from '../../src/trace/join.js';
import type { PacketTable } from '../../src/trace/packets.js';
import { readCaptures } from '../../src/trace/read/read.js';
import { writePcap } from '../../src/trace/write/write-pcap.js';
import {
  ethernet,
  filler,
  ipv4,
  ipv6,
  pcap,
  rowOf,
  tcp,
  temporaryFolder,
  tlsRecord,
  udp,
} from '../support/fixtures.js';

const path = join(temporaryFolder(), 'home.pcap');
writePcap(generateHome({ hours: 0.02, seed: 3 }), path);
const bytes = readFileSync(path);

test('packets as they come are those of the file, wherever the pipe cuts it', async () => {
  const { file, files, ...expected } = (await readCaptures([path])).table;
  const cuts = fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(cuts, async (at) => {
      const places = [0, ...at.sort((a, b) => a - b), bytes.length];
      const chunks = places.slice(1).map((end, i) => bytes.subarray(places[i], end));
      const tables: PacketTable[] = [];
      for await (const batch of readLive({ stream: Readable.from(chunks) }).batches) tables.push(batch);
      const { file, files, ...joined } = joinTables(tables);
      expect(joined).toEqual(expected);
    }),
    { numRuns: 30 },
  );
});

test('a batch comes before the next bytes do', async () => {
  const stream = new Readable({ read() {} });
  const { batches } = readLive({ stream });
  const iterator = batches[Symbol.asyncIterator]();
  // Header and whole first record; the second record is cut.
  const first = 24 + 16 + bytes.readUInt32LE(24 + 8);
  stream.push(bytes.subarray(0, first + 5));
  expect((await iterator.next()).value.packets).toBe(1);
  stream.push(bytes.subarray(first + 5));
  stream.push(null);
  let packets = 0;
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) packets += next.value.packets;
  expect(packets).toBe((await readCaptures([path])).table.packets - 1);
});

test('who leaves early is let go', async () => {
  const stream = Readable.from([bytes.subarray(0, 30_000), bytes.subarray(30_000)]);
  for await (const batch of readLive({ stream }).batches) {
    expect(batch.packets).toBeGreaterThan(0);
    break;
  }
});

describe('of more conversations than are remembered', () => {
  const from = (port: number, payload: Buffer) => ethernet(0x0800, ipv4(6, tcp(port, 4444, payload)));
  const few = [
    ethernet(0x0800, ipv4(17, udp(7, 7), { from: '10.0.0.9', to: '10.0.0.9' })),
    ethernet(0x86dd, ipv6(17, udp(5, 6))),
  ];
  const [busy, silent] = [5000, 5001];
  const moments = [
    [from(busy, tlsRecord(40)), from(silent, tlsRecord(40)), ...few],
    ...Array.from({ length: 40 }, (_, i) => [
      from(busy, filler(40)),
      ...few,
      ...Array.from({ length: 10 }, (_, j) => ethernet(0x0800, ipv4(17, udp(10_000 + 10 * i + j, 9)))),
    ]),
    [from(busy, filler(40)), from(silent, filler(40))],
  ];
  const written = moments.map((frames, i) => pcap(frames.map((data) => ({ data, seconds: i }))).subarray(24));
  const stream = () => Readable.from([pcap([]), ...written]);
  const rows = (table: PacketTable) => Array.from(table.time, (_, i) => rowOf(table, i));
  async function all(most?: number) {
    const live = readLive({ stream: stream() }, most);
    const tables: PacketTable[] = [];
    for await (const batch of live.batches) tables.push(batch);
    return { rows: tables.flatMap(rows), forgotten: live.forgotten };
  }

  test('the longest silent are forgotten, and counted', async () => {
    const { rows: expected, forgotten } = await all();
    expect(forgotten).toBe(0);
    expect(expected.slice(-2).map(({ protocols }) => protocols)).toEqual(['IP TCP TLS', 'IP TCP TLS']);
    const some = await all(100);
    // Nothing tells any more what the forgotten one is; all else is as it was.
    expect(some.rows.slice(0, -1)).toEqual(expected.slice(0, -1));
    expect(some.rows.at(-1)).toEqual({ ...expected.at(-1), protocols: 'IP TCP' });
    // Ten more in each moment, 50 stay: of 104 at the tenth, then of 110 at each sixth, up to the fortieth.
    expect(some.forgotten).toBe(54 + 5 * 60);
  });

  test('one table of the packets of late knows those of their conversations alone', async () => {
    let past = joinTables([]);
    for await (const batch of readLive({ stream: stream() }, 100).batches) {
      const joined = joinTables([past, batch]);
      past = lastRows(joined, 30);
      expect(rows(past)).toEqual(rows(joined).slice(-30));
      expect(joined.conversations.count).toBeLessThanOrEqual(30 + batch.packets);
    }
    expect(past.packets).toBe(30);
  });
});
