import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readLive } from '../../../src/live/capture/packets.js';
import { loadTrace } from '../../../src/trace/load.js';
import { readCaptures } from '../../../src/trace/read/read.js';
import {
  DEVICE,
  ethernet,
  filler,
  GATEWAY,
  hex,
  ipv4,
  ipv6,
  pcap,
  pcapng,
  readBytes,
  rowOf,
  tcp,
  temporaryFolder,
  tlsRecord,
  udp,
} from '../../support/fixtures.js';
import { needs, noShared, sharedPath } from '../../support/needs.js';

const path = join(temporaryFolder(), 'test.pcap');

/** A frame at a time in microseconds. */
type Timed = readonly [microseconds: number, frame: Uint8Array];

const records = (frames: readonly Timed[]) =>
  frames.map(([at, data]) => ({ data, seconds: 1000 + Math.floor(at / 1e6), fraction: at % 1e6 }));

/** How many of the frames are kept, and how many found to be copies. */
async function count(frames: readonly Timed[], link = 1): Promise<[kept: number, copies: number]> {
  const { file } = await readBytes(path, pcap(records(frames), { link }), 'drop');
  expect(file.kept + (file.dropped.duplicate ?? 0)).toBe(frames.length);
  return [file.kept, file.dropped.duplicate ?? 0];
}

/** Each frame of `frames`, and `copies` more of it so many microseconds later. */
const copied = (frames: readonly Timed[], copies = 1, later = 10): Timed[] =>
  frames.flatMap(([at, frame]) => Array.from({ length: 1 + copies }, (_, i) => [at + i * later, frame] as const));

/** A TCP segment with data; `id` of IPv4, 0 for a sender that does not number its packets. */
const segment = (number: number, id: number, { tags = [] as number[], hops = 64 } = {}) => {
  const body = tcp(50000, 443, tlsRecord(100 + number));
  body.writeUInt32BE(number * 1000, 4);
  const packet = ipv4(6, body, { id });
  packet[8] = hops;
  return ethernet(0x0800, packet, { tags });
};
const stream = (packets: number, id: (i: number) => number = () => 0): Timed[] =>
  Array.from({ length: packets }, (_, i) => [i * 50_000, segment(i, id(i))]);

describe('copies are left out', () => {
  it('from a mirror port, of packets with a number and without, twice and three times', async () => {
    expect(await count(copied(stream(30, (i) => i + 1)))).toEqual([30, 30]);
    expect(await count(copied(stream(30)))).toEqual([30, 30]);
    expect(await count(copied(stream(30), 2))).toEqual([30, 60]);
  });

  it('from a mirror port that has one direction twice', async () => {
    const back = Array.from({ length: 60 }, (_, i): Timed => {
      const packet = ipv4(6, tcp(443, 50000, tlsRecord(200 + i)), { id: 0, from: '93.184.216.34', to: '10.0.0.2' });
      return [i * 20_000 + 7, ethernet(0x0800, packet, { from: GATEWAY, to: DEVICE })];
    });
    const both = [...copied(stream(30)), ...back].sort((a, b) => a[0] - b[0]);
    expect(await count(both)).toEqual([90, 30]);
  });

  it('from a mirror port, of a connection that always says the same', async () => {
    const polls = Array.from({ length: 20 }, (_, i): Timed => [i * 2_000_000, segment(1, 0)]);
    expect(await count(copied(polls))).toEqual([20, 20]);
  });

  it('with a VLAN tag and without, padded or not, cut at another place', async () => {
    const tagged = stream(3).flatMap(([at, frame], i): Timed[] => [
      [at, frame],
      [at + 30, segment(i, 0, { tags: [0x8100] })],
    ]);
    expect(await count(tagged)).toEqual([3, 3]);
    const request = hex('0001 0800 06 04 0001 02000000000a 0a000002 000000000000 0a000001');
    const arp = ethernet(0x0806, request);
    const padded = ethernet(0x0806, Buffer.concat([request, Buffer.alloc(18)]), { tags: [0x8100] });
    const short = ethernet(0x0800, ipv4(17, udp(5, 6, hex('01'))));
    const shortPadded = ethernet(0x0800, Buffer.concat([ipv4(17, udp(5, 6, hex('01'))), Buffer.alloc(17)]), {
      tags: [0x8100],
    });
    expect(
      await count([
        [0, arp],
        [10, padded],
        [20, short],
        [30, shortPadded],
      ]),
    ).toEqual([2, 2]);
    const cut = pcap([
      { data: segment(1, 0).subarray(0, 96), original: segment(1, 0).length },
      { data: segment(1, 0, { tags: [0x8100] }).subarray(0, 96), original: segment(1, 0).length + 4 },
    ]);
    expect((await readBytes(path, cut, 'drop')).file.dropped).toEqual({ duplicate: 1 });
  });

  it('of tcpdump -i any: by interface, and by direction', async () => {
    const packet = ipv4(17, udp(5353, 5353, filler(40)), { id: 0 });
    const v2 = (interfaceNumber: number) =>
      Buffer.concat([hex(`0800 0000 0000000${interfaceNumber} 0001 00 06 02000000000a 0000`), packet]);
    expect(
      await count(
        [
          [0, v2(5)],
          [10, v2(9)],
          [20, v2(3)],
        ],
        276,
      ),
    ).toEqual([1, 2]);
    const v1 = (type: string) => Buffer.concat([hex(`000${type} 0001 0006 02000000000a 0000 0800`), packet]);
    expect(
      await count(
        [
          [0, v1('3')],
          [10, v1('4')],
        ],
        113,
      ),
    ).toEqual([1, 1]);
  });

  it('of several interfaces in one pcapng file, out of order too', async () => {
    const { section, interface: describe, enhanced } = pcapng();
    const blocks = [section(), describe(1), describe(113), describe(1)];
    const frame = segment(1, 0);
    const cooked = Buffer.concat([hex('0000 0001 0006 02000000000a 0000 0800'), frame.subarray(14)]);
    blocks.push(enhanced(0, 1_000_000n, frame), enhanced(1, 1_000_020n, cooked), enhanced(2, 999_990n, frame));
    const { file, table } = await readBytes(path, Buffer.concat(blocks), 'drop');
    expect(file).toMatchObject({ read: 3, kept: 1, dropped: { duplicate: 2 }, links: { ethernet: 2, 'linux-sll': 1 } });
    expect(table.time[0]).toBe(1);
  });

  it('that a router forwarded to another interface: with the sender’s address and the receiver’s', async () => {
    const { section, interface: describe, enhanced } = pcapng();
    const provider = '02:00:00:00:00:99';
    const body = tcp(50000, 443, tlsRecord(80));
    const out = (hops: number, from: string, to: string) => ethernet(0x86dd, ipv6(6, body, { hops }), { from, to });
    const reply = tcp(443, 50000, tlsRecord(90));
    const [home, world] = ['20010db8 00000000 00000000 00000002', '20010db8 00000000 00000000 00000003'];
    const back = (hops: number, from: string, to: string) =>
      ethernet(0x86dd, ipv6(6, reply, { hops, from: world, to: home }), { from, to });
    const blocks = [section(), describe(1), describe(1)];
    blocks.push(enhanced(0, 100n, out(64, DEVICE, GATEWAY)), enhanced(1, 150n, out(63, GATEWAY, provider)));
    // The frame behind the router is written first: another thread was faster.
    blocks.push(enhanced(0, 9080n, back(54, GATEWAY, DEVICE)), enhanced(1, 9050n, back(55, provider, GATEWAY)));
    const { file, table } = await readBytes(path, Buffer.concat(blocks), 'drop');
    expect(file).toMatchObject({ kept: 2, dropped: { duplicate: 2 } });
    expect(rowOf(table, 0).macs).toBe(`${DEVICE} > ${provider}`);
    expect(rowOf(table, 1).macs).toBe(`${provider} > ${DEVICE}`);
  });

  it('but for what the option keeps', async () => {
    const bytes = pcap(records(copied(stream(10))));
    expect((await readBytes(path, bytes, 'keep')).file).toMatchObject({ kept: 20, dropped: {} });
    writeFileSync(path, bytes);
    expect((await readCaptures([path])).report).toMatchObject({ kept: 10, dropped: { duplicate: 10 } });
  });

  it('within one file, not across files', async () => {
    const other = join(path, '..', 'other.pcap');
    for (const file of [path, other]) writeFileSync(file, pcap(records(stream(10, (i) => i + 1))));
    expect((await readCaptures([path, other])).report).toMatchObject({ kept: 20, dropped: {} });
  });

  it('and what is left is as without copies, whatever the traffic', async () => {
    const packet = fc.record({
      kind: fc.nat(3),
      size: fc.nat(300),
      id: fc.nat(3),
      gap: fc.integer({ min: 15, max: 30_000 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(packet, { minLength: 10, maxLength: 60 }),
        fc.integer({ min: 1, max: 3 }),
        async (packets, copies) => {
          let at = 0;
          const frames = packets.map(({ kind, size, id, gap }, i): Timed => {
            at += gap;
            // Nothing is sent twice, so that all that comes again is a copy.
            const payload = Buffer.concat([Buffer.from([i, kind]), filler(size)]);
            if (kind === 0) return [at, ethernet(0x0806, payload)];
            if (kind === 1) return [at, ethernet(0x86dd, ipv6(17, udp(i, 443, payload)))];
            return [
              at,
              ethernet(
                0x0800,
                ipv4(kind === 2 ? 17 : 6, kind === 2 ? udp(i, 53, payload) : tcp(i, 443, payload), { id: id && i + 1 }),
              ),
            ];
          });
          const tagged = (frame: Uint8Array, tag: number) =>
            Buffer.concat([frame.subarray(0, 12), hex('8100'), Buffer.from([0, tag]), frame.subarray(12)]);
          const all = frames.flatMap(([time, frame]) =>
            Array.from({ length: copies + 1 }, (_, i): Timed => [time + i, i === 0 ? frame : tagged(frame, i)]),
          );
          const plain = await readBytes(path, pcap(records(frames)), 'drop');
          const doubled = await readBytes(path, pcap(records(all)), 'drop');
          expect(plain.file.dropped).toEqual({});
          expect(doubled.file.dropped).toEqual({ duplicate: frames.length * copies });
          for (const column of ['time', 'length', 'protocols', 'source', 'destination', 'conversation'] as const) {
            expect([...doubled.table[column]]).toEqual([...plain.table[column]]);
          }
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('what a sender repeats is kept', () => {
  it('later than copies come: retransmissions, keep-alives, announcements', async () => {
    const again = stream(20).flatMap(([at, frame]): Timed[] => [
      [at, frame],
      [at + 11_000, frame],
    ]);
    expect(await count(again)).toEqual([40, 0]);
  });

  it('at once, without a number, among other traffic', async () => {
    const search = ethernet(0x0800, ipv4(17, udp(50000, 1900, Buffer.from('M-SEARCH * HTTP/1.1\r\n')), { id: 0 }), {
      to: '01:00:5e:7f:ff:fa',
    });
    const answer = ethernet(0x0800, ipv4(17, udp(1900, 50000, filler(90)), { id: 0 }));
    const announcement = ethernet(0x86dd, ipv6(17, udp(5353, 5353, filler(60))), { to: '33:33:00:00:00:fb' });
    const arp = ethernet(0x0806, filler(28), { to: 'ff:ff:ff:ff:ff:ff' });
    const bursts = [search, answer, announcement, arp].flatMap((frame, i) =>
      [0, 20, 40].map((later): Timed => [i * 100_000 + later, frame]),
    );
    const all = [...stream(40), ...bursts].sort((a, b) => a[0] - b[0]);
    expect(await count(all)).toEqual([52, 0]);
  });

  it('as a stream of equal packets, in a capture of nothing else', async () => {
    // A timer of 10 ms that is early and late in turn, and the same in bursts.
    const packet = ethernet(0x0800, ipv4(17, udp(5000, 5000, filler(100)), { id: 0 }));
    const generated = ethernet(0x0800, ipv4(17, udp(5000, 5000, filler(100)), { id: 1 }));
    const timer = Array.from({ length: 300 }, (_, i): Timed => [i * 10_000 + (i % 3) * 700, packet]);
    expect(await count(timer)).toEqual([300, 0]);
    // A generator that gives all its packets one number is known after a few.
    const [kept] = await count(Array.from({ length: 300 }, (_, i): Timed => [i * 9000, generated]));
    expect(kept).toBeGreaterThan(290);
    const bursts = Array.from({ length: 300 }, (_, i): Timed => [Math.floor(i / 5) * 100_000 + (i % 5) * 30, packet]);
    expect(await count(bursts)).toEqual([300, 0]);
  });

  it('to a group, in a capture of nothing else', async () => {
    const search = ethernet(0x0800, ipv4(17, udp(50000, 1900, filler(90)), { id: 0 }), { to: '01:00:5e:7f:ff:fa' });
    expect(await count(Array.from({ length: 30 }, (_, i): Timed => [i * 100, search]))).toEqual([30, 0]);
  });

  it('as resets and acknowledgements of a burst, however many', async () => {
    const answers = Array.from(
      { length: 200 },
      (_, i): Timed => [i * 100, ethernet(0x0800, ipv4(6, tcp(50000, 443), { id: 0 }))],
    );
    expect(await count(answers)).toEqual([200, 0]);
  });

  it('on each interface as often as it was sent', async () => {
    const packet = ipv4(17, udp(5000, 5000, filler(40)), { id: 0 });
    const on = (number: number) =>
      Buffer.concat([hex(`0800 0000 0000000${number} 0001 00 06 02000000000a 0000`), packet]);
    // Three times at once, each seen on the port and on the bridge, in whatever order.
    const orders = [
      [5, 9, 5, 9, 5, 9],
      [5, 5, 5, 9, 9, 9],
      [9, 5, 5, 9, 9, 5],
    ];
    for (const order of orders) {
      expect(
        await count(
          order.map((number, i): Timed => [i * 20, on(number)]),
          276,
        ),
      ).toEqual([3, 3]);
    }
  });

  it('and what differs in one byte, a port, a number, or the hops left', async () => {
    const frame = segment(1, 0);
    const other = (at: number) => {
      const bytes = Buffer.from(frame);
      bytes[at]! ^= 1;
      return bytes;
    };
    // Length, identification, addresses, ports, sequence number, checksum, first and last byte of the payload.
    const changed = [18, 19, 26, 30, 35, 38, 50, 54, frame.length - 1].map((at, i): Timed => [i, other(at)]);
    expect(await count([[0, frame], ...changed])).toEqual([10, 0]);
    expect(
      await count([
        [0, frame],
        [10, segment(1, 0, { hops: 63 })],
      ]),
    ).toEqual([2, 0]);
  });

  it('after translation of addresses: another packet', async () => {
    const { section, interface: describe, enhanced } = pcapng();
    const inside = ethernet(0x0800, ipv4(6, tcp(50000, 443), { id: 7, from: '192.168.1.2' }));
    const outside = ethernet(0x0800, ipv4(6, tcp(50000, 443), { id: 7, from: '198.51.100.2' }), {
      from: GATEWAY,
      to: '02:00:00:00:00:99',
    });
    const bytes = Buffer.concat([
      section(),
      describe(1),
      describe(1),
      enhanced(0, 10n, inside),
      enhanced(1, 20n, outside),
    ]);
    expect((await readBytes(path, bytes, 'drop')).file).toMatchObject({ kept: 2, dropped: {} });
  });

  it('where bytes are as equal as an attacker likes, in time that grows with their number alone', async () => {
    const frame = ethernet(0x0800, ipv4(17, udp(5000, 5000, filler(40)), { id: 0 }), { to: '01:00:5e:00:00:01' });
    const [kept] = await count(Array.from({ length: 50_000 }, (): Timed => [0, frame]));
    expect(kept).toBe(50_000);
  });
});

describe('read as they come', () => {
  it('copies on other interfaces never show, repetitions at once do until they are too many', async () => {
    const packet = (i: number) => ipv4(17, udp(5000, 5000, Buffer.concat([Buffer.from([i]), filler(40)])), { id: 0 });
    const on = (number: number, i: number) =>
      Buffer.concat([hex(`0800 0000 0000000${number} 0001 00 06 02000000000a 0000`), packet(i)]);
    const frames = Array.from({ length: 40 }, (_, i): Timed[] => [
      [i * 20_000, on(5, i)],
      [i * 20_000 + 10, on(9, i)],
    ]).flat();
    const read = async (bytes: Buffer, duplicates?: 'keep') => {
      const chunks = Array.from({ length: Math.ceil(bytes.length / 500) }, (_, i) =>
        bytes.subarray(i * 500, (i + 1) * 500),
      );
      let packets = 0;
      for await (const batch of readLive({ stream: Readable.from(chunks) }, undefined, duplicates).batches)
        packets += batch.packets;
      return packets;
    };
    const bytes = pcap(records(frames), { link: 276 });
    expect(await read(bytes)).toBe(40);
    expect(await read(bytes, 'keep')).toBe(80);
    const mirrored = await read(pcap(records(copied(stream(200)))));
    expect(mirrored).toBeGreaterThanOrEqual(200);
    expect(mirrored).toBeLessThan(220);
  });
});

describe('captures that people had', () => {
  needs(noShared('cases/09-any-interface-duplicates')).test('tcpdump -i any on a router', async () => {
    const folder = sharedPath('cases/09-any-interface-duplicates');
    const { coverage, report } = await loadTrace([`${folder}/any.pcap`], `${folder}/labels.csv`);
    expect(coverage.devices.map(({ name, outbound, inbound }) => `${name} ${outbound}/${inbound}`)).toEqual([
      'Camera 30/30',
      'Plug 30/30',
    ]);
    expect(report.dropped).toEqual({ duplicate: 120 });
  });

  needs(noShared('data/corpus')).test(
    'the copies of a mirror port, as editcap -w 0.01 finds them, and nothing of homes that were captured once',
    async () => {
      const copiesOf = async (name: string) =>
        (await readCaptures([sharedPath(`data/${name}`)])).report.dropped.duplicate ?? 0;
      expect(await copiesOf('corpus/ndpi/wow.pcap')).toBe(33);
      expect(await copiesOf('corpus/ndpi/kafka.pcapng')).toBe(2);
      // 271 resets that answer a burst, each like the other: no copies.
      expect(await copiesOf('corpus/ndpi/ethereum.pcap')).toBe(0);
      for (const home of ['tjoconnor', 'madea-may', 'iot-sentinel'])
        expect([home, await copiesOf(home)]).toEqual([home, 0]);
    },
  );
});
