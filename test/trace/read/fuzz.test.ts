import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COLUMN_NAMES } from '../../../src/trace/seen.js';
import {
  dnsQuery,
  ethernet,
  filler,
  hex,
  ipv4,
  ipv6,
  pcap,
  pcapng,
  readBytes,
  tcp,
  temporaryFolder,
  tlsRecord,
  udp,
} from '../../support/fixtures.js';
import { clientHello, dnsAnswer } from '../../support/messages.js';

const path = join(temporaryFolder(), 'test.pcap');

const packets = [
  ipv4(6, tcp(50000, 443, tlsRecord(60)), { options: Buffer.alloc(8) }),
  ipv4(6, tcp(50000, 80, Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'))),
  ipv4(17, udp(5000, 53, dnsQuery)),
  ipv4(17, filler(32), { id: 3, fragment: 7 }),
  ipv6(0, Buffer.concat([hex('2c00 000000000000 1100 0001 00000009'), udp(5353, 5353, dnsQuery)])),
  ipv6(6, Buffer.concat([tcp(50000, 443, tlsRecord(60))])),
  ipv4(6, tcp(50000, 443, clientHello('a.example'))),
  ipv4(
    17,
    udp(
      53,
      5000,
      dnsAnswer('a.example', [
        ['a.example', 'b.example'],
        ['b.example', [9, 9, 9, 9]],
      ]),
    ),
  ),
];
const radiotap = hex('0000 1100 03000000 0000000000000000 10');
const wlan = hex('8801 0000 02000000000b 02000000000a 020000000001 0000 0000 aaaa03 000000 0800');

/** A valid frame of each link type that is read. */
const FRAMES: [number, Buffer][] = [
  ...packets.map((packet): [number, Buffer] => [
    1,
    ethernet(packet[0]! >> 4 === 4 ? 0x0800 : 0x86dd, packet, { tags: [0x88a8, 0x8100] }),
  ]),
  [1, ethernet(0x8864, Buffer.concat([hex('1100 0001 008e 0021'), packets[0]!]))],
  [1, ethernet(60, Buffer.concat([hex('aaaa03 000000 0800'), packets[0]!]))],
  [0, Buffer.concat([hex('1e000000'), packets[5]!])],
  [9, Buffer.concat([hex('ff03 0021'), packets[0]!])],
  [50, Buffer.concat([hex('0f00 0800'), packets[0]!])],
  [51, Buffer.concat([hex('1100 0001 008e 0021'), packets[0]!])],
  [101, packets[4]!],
  [105, Buffer.concat([wlan, packets[0]!])],
  [113, Buffer.concat([hex('0000 0001 0006 02000000000a 0000 8100 0007 0800'), packets[0]!])],
  [119, Buffer.concat([hex('44000000 10000000 0000000000000000'), wlan, packets[0]!])],
  [127, Buffer.concat([radiotap, wlan, packets[0]!, Buffer.alloc(4)])],
  [
    127,
    Buffer.concat([radiotap, hex('8841 0000 02000000000b 02000000000a 020000000001 1000 0000'), Buffer.alloc(64, 1)]),
  ],
  [163, Buffer.concat([hex('80211001 00000010 0000000000000000'), wlan, packets[0]!])],
  [192, Buffer.concat([hex('0000 0c00 69000000 02000000'), wlan, packets[0]!])],
  [204, Buffer.concat([hex('00 ff03 0021'), packets[0]!])],
  [276, Buffer.concat([hex('86dd 0000 00000002 0001 00 06 02000000000a 0000'), packets[5]!])],
];

/** The frames in a classic file of the first one's link type. */
function classic(frames: [number, Buffer][], little: boolean): Buffer {
  return pcap(
    frames.map(([, data], seconds) => ({ data, seconds })),
    { little, link: frames[0]![0] },
  );
}

/** The frames in a pcapng file, each with an interface of its own. */
function blocks(frames: [number, Buffer][], little: boolean): Buffer {
  const make = pcapng(little);
  const parts = frames.flatMap(([link, data], i) => [
    make.interface(link, [[9, hex('09')]]),
    i % 3 === 2 ? make.obsolete(i, BigInt(i), data) : make.enhanced(i, BigInt(i) * 10n ** 9n, data),
  ]);
  return Buffer.concat([make.section(), ...parts, make.simple(frames[0]![1])]);
}

const capture = fc
  .tuple(fc.array(fc.constantFrom(...FRAMES), { minLength: 1, maxLength: 12 }), fc.boolean(), fc.boolean())
  .map(([frames, little, isClassic]) => (isClassic ? classic(frames, little) : blocks(frames, little)));

/** Bytes overwritten, taken out and put in, at places anywhere in the file. */
const damage = fc.array(
  fc.record({
    place: fc.double({ min: 0, max: 1, noNaN: true }),
    remove: fc.nat(6),
    insert: fc.uint8Array({ maxLength: 6 }),
    keepsLength: fc.boolean(),
  }),
  { maxLength: 8 },
);

function damaged(bytes: Buffer, wounds: { place: number; remove: number; insert: Uint8Array; keepsLength: boolean }[]) {
  return wounds.reduce((whole, { place, remove, insert, keepsLength }) => {
    // The first four bytes stay: without the magic number there is nothing to read.
    const at = 4 + Math.floor(place * (whole.length - 4));
    const from = at + (keepsLength ? insert.length : remove);
    return Buffer.concat([whole.subarray(0, at), insert, whole.subarray(from)]);
  }, bytes);
}

async function expectSane(bytes: Uint8Array): Promise<void> {
  const { table, file } = await readBytes(path, bytes, 'keep', COLUMN_NAMES);
  const dropped = Object.values(file.dropped).reduce((sum, count) => sum + count, 0);
  expect(file.kept + dropped).toBe(file.read);
  expect(table.packets).toBe(file.kept);
  for (let i = 0; i < table.packets; i++) {
    expect(table.time[i]! >= 0 && table.time[i]! < 2 ** 32).toBe(true);
    expect(table.conversation[i]).toBeLessThan(table.conversations.count);
    expect(table.source[i]).toBeLessThan(table.macs.length);
    expect(table.destination[i]).toBeLessThan(table.macs.length);
    expect(table.protocols[i]! & 0x47).toBeGreaterThan(0);
  }
}

describe('any bytes', () => {
  it('of undamaged captures are all read and kept', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...FRAMES), { minLength: 1 }), fc.boolean(), async (frames, little) => {
        const { file } = await readBytes(path, blocks(frames, little));
        expect(file).toMatchObject({ read: frames.length + 1, kept: frames.length + 1, dropped: {}, problems: [] });
      }),
      { numRuns: 50 },
    );
  });

  it('of damaged captures are read without a fault, and all packets accounted for', async () => {
    await fc.assert(
      fc.asyncProperty(capture, damage, fc.boolean(), async (bytes, wounds, packed) => {
        const wounded = damaged(bytes, wounds);
        await expectSane(packed ? damaged(gzipSync(wounded), wounds.slice(0, 1)) : wounded);
      }),
      { numRuns: 800 },
    );
  });

  it('cut at any length are read up to there', async () => {
    const whole = blocks(FRAMES, true);
    for (let length = 0; length < whole.length; length += 7) await expectSane(whole.subarray(0, length));
    for (const [link, data] of FRAMES) {
      const records = Array.from({ length: data.length + 1 }, (_, captured) => ({
        data: data.subarray(0, captured),
        original: data.length,
      }));
      await expectSane(pcap(records, { link }));
    }
  });

  it('with a capture’s first bytes and noise after them are read without a fault', async () => {
    const magic = fc.constantFrom('d4c3b2a1', 'a1b2c3d4', '4d3cb2a1', '34cdb2a1', '0a0d0d0a', '1f8b08');
    await fc.assert(
      fc.asyncProperty(magic, fc.uint8Array({ maxLength: 200 }), (start, noise) =>
        expectSane(Buffer.concat([hex(start), noise])),
      ),
      { numRuns: 500 },
    );
  });
});
