import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { generateHome } from '../../src/home/home.js';
import { readLive } from '../../src/live/capture/packets.js';
import { readCaptures } from '../../src/trace/read.js';
import { writePcap } from '../../src/trace/write-pcap.js';
import { temporaryFolder } from '../trace/fixtures.js';

const path = join(temporaryFolder(), 'home.pcap');
writePcap(generateHome({ hours: 0.02, seed: 3 }), path);
const bytes = readFileSync(path);

test('packets as they come are those of the file, wherever the pipe cuts it', async () => {
  const { table } = await readCaptures([path]);
  const cuts = fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(cuts, async (at) => {
      const places = [0, ...at.sort((a, b) => a - b), bytes.length];
      const chunks = places.slice(1).map((end, i) => bytes.subarray(places[i], end));
      const { batches, names } = readLive({ stream: Readable.from(chunks) });
      const [time, length, conversation, source]: number[][] = [[], [], [], []];
      for await (const batch of batches) {
        time!.push(...batch.time);
        length!.push(...batch.length);
        conversation!.push(...batch.conversation);
        source!.push(...batch.source);
      }
      expect([time, length, conversation, source]).toEqual(
        [table.time, table.length, table.conversation, table.source].map((column) => [...column]),
      );
      expect(names.macs).toEqual(table.macs);
      expect(names.conversations()).toEqual(table.conversations);
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
  expect((await iterator.next()).value.time).toHaveLength(1);
  stream.push(bytes.subarray(first + 5));
  stream.push(null);
  let packets = 0;
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) packets += next.value.time.length;
  expect(packets).toBe((await readCaptures([path])).table.packets - 1);
});

test('who leaves early is let go', async () => {
  const stream = Readable.from([bytes.subarray(0, 30_000), bytes.subarray(30_000)]);
  for await (const batch of readLive({ stream }).batches) {
    expect(batch.time.length).toBeGreaterThan(0);
    break;
  }
});
