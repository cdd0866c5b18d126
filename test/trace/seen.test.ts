import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { packetRange } from '../../src/learning/split.js';
import { hashTrace } from '../../src/trace/hash-trace.js';
import { loadTrace, warningsOf } from '../../src/trace/load.js';
import { readCaptures } from '../../src/trace/read/read.js';
import { COLUMN_NAMES, type ColumnName, IpOption, type Seen } from '../../src/trace/seen.js';
import { filterPackets, shareTrace } from '../../src/trace/trace.js';
import {
  DEVICE,
  ethernet,
  GATEWAY,
  hex,
  ipv4,
  ipv6,
  pcap,
  pcapng,
  type Recorded,
  tcp,
  temporaryFolder,
  tlsRecord,
  udp,
} from '../support/fixtures.js';
import { needs, noProgram } from '../support/needs.js';

const folder = temporaryFolder();
const path = join(folder, 'test.pcap');
const labels = join(folder, 'labels.csv');
writeFileSync(labels, `mac,device\n${DEVICE},plug\n`);

const everyByte = Uint8Array.from({ length: 256 }, (_, i) => i);
const igmp = hex('1600 0904 e0000116');

/** Frames of known values. */
const FRAMES = [
  ethernet(0x0800, ipv4(6, tcp(50000, 443, hex('aaaaaabb')))),
  ethernet(0x0800, ipv4(17, udp(5000, 9000, everyByte), { options: hex('01010100') })),
  ethernet(0x0800, ipv4(2, igmp, { options: hex('94040000') })),
  // A router alert, and two bytes that fill the header up.
  ethernet(0x86dd, ipv6(0, Buffer.concat([hex('1100 05020000 0100'), udp(5353, 5353)]), { hops: 1 })),
  ethernet(0x0806, hex('0001 0800 06 04 0001 02000000000a 0a000002 000000000000 0a000001')),
];
const EXPECTED = {
  payloadLength: [4, 256, 0, 0, 0],
  // 3/4 log2(4/3) + 1/4 log2(4); 256 bytes that each come once.
  payloadEntropy: [0.8112781, 8, 0, 0, 0],
  tcpWindow: [0xffff, 0, 0, 0, 0],
  // Acknowledgement and push.
  tcpFlags: [0x18, 0, 0, 0, 0],
  hopLimit: [64, 64, 64, 1, 0],
  ipOptions: [0, IpOption.PADDING, IpOption.ROUTER_ALERT, IpOption.PADDING | IpOption.ROUTER_ALERT, 0],
};

/** Columns as plain numbers, entropy to seven digits. */
const plain = (seen: Seen | undefined) =>
  seen &&
  Object.fromEntries(Object.entries(seen).map(([name, column]) => [name, Array.from(column, (x) => +x.toFixed(7))]));

/** Loads frames that come a second after each other; what is captured of them is at most `captured` bytes. */
async function load(frames: readonly Uint8Array[], columns: readonly ColumnName[] = COLUMN_NAMES, captured = 65535) {
  const records = frames.map(
    (data, seconds): Recorded => ({ data: data.subarray(0, captured), seconds, original: data.length }),
  );
  writeFileSync(path, pcap(records));
  return await loadTrace([path], labels, { columns, duplicates: 'keep' });
}

describe('what packets show', () => {
  test('is read into a column each, with 0 where a packet has no such thing', async () => {
    expect(plain((await load(FRAMES)).trace.seen)).toEqual(EXPECTED);
  });

  test('is absent unless asked for, and so are other columns', async () => {
    const { trace, report } = await load(FRAMES, []);
    expect(Object.hasOwn(trace, 'seen') || Object.hasOwn(report, 'payloads')).toBe(false);
    const { tcpFlags, hopLimit } = EXPECTED;
    expect(plain((await load(FRAMES, ['hopLimit', 'tcpFlags'])).trace.seen)).toEqual({ tcpFlags, hopLimit });
    expect((await load(FRAMES, ['names'])).trace.seen).toBe(undefined);
  });

  test('is of the payload on the wire, and of the part of it that was captured', async () => {
    const { trace, report } = await load(FRAMES.slice(0, 2), ['payloadLength', 'payloadEntropy'], 14 + 20 + 20 + 3);
    // The rest of the second payload behind its options: 11 bytes of one kind each.
    expect(plain(trace.seen)).toEqual({ payloadLength: [4, 256], payloadEntropy: [0, +Math.log2(11).toFixed(7)] });
    expect(report.payloads).toEqual({ packets: 2, cut: 2, missing: 0 });
  });

  test('belongs to its packet when others are left out, and the rest sorted', async () => {
    const make = pcapng();
    const other = (hops: number, from = DEVICE) =>
      ethernet(0x86dd, ipv6(17, udp(1, 2, Uint8Array.of(hops)), { hops }), { from, to: '02:00:00:00:00:0b' });
    const capture = Buffer.concat([
      make.section(),
      make.interface(1),
      make.interface(1),
      make.enhanced(0, 3_000_000n, other(3)),
      make.enhanced(1, 3_000_001n, other(3)),
      make.enhanced(0, 4_000_000n, other(4, GATEWAY)),
      make.enhanced(0, 1_000_000n, other(1)),
      make.enhanced(0, 5_000_000n, other(5)),
    ]);
    const file = join(folder, 'several.pcapng');
    writeFileSync(file, capture);
    const { trace, report } = await loadTrace([file], labels, { columns: ['hopLimit'] });
    expect(report.dropped).toEqual({ duplicate: 1, 'no labelled device': 1 });
    expect(plain(trace.seen)).toEqual({ hopLimit: [1, 3, 5] });
  });

  test('belongs to its packet where a mirror repeats all, and copies are only found at the end of a file', async () => {
    // Without an identification, only the share of repetitions tells that these are copies.
    const frames = Array.from({ length: 20 }, (_, i) =>
      ethernet(0x0800, ipv4(6, tcp(50000, 443, tlsRecord(30 + i)), { id: 0 })),
    );
    const records = frames.flatMap((data, seconds) => [
      { data, seconds },
      { data, seconds, fraction: 10 },
    ]);
    const first = join(folder, 'mirror.pcap');
    writeFileSync(first, pcap(records));
    writeFileSync(path, pcap([{ data: FRAMES[1]!, seconds: 100 }]));
    const { table, report } = await readCaptures([first, path], { columns: ['payloadLength'] });
    expect(report.dropped).toEqual({ duplicate: 20 });
    expect(plain(table.seen)).toEqual({ payloadLength: [...frames.keys()].map((i) => 30 + i).concat(256) });
  });

  test('never has an entropy outside 0 to 8, which one kind of byte and all kinds have', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 400 }), { minLength: 1 }),
        async (payloads) => {
          const frames = payloads.map((payload) => ethernet(0x0800, ipv4(17, udp(1, 2, payload))));
          const { trace } = await load(frames, ['payloadEntropy']);
          for (const [i, value] of trace.seen!.payloadEntropy!.entries()) {
            const kinds = new Set(payloads[i]).size;
            expect(value).toBeGreaterThanOrEqual(kinds === 1 ? 0 : 1e-6);
            expect(value).toBeLessThanOrEqual(Math.log2(kinds) + 1e-6);
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('columns that were asked for', () => {
  test('stay with their packets when these are taken out, cut in two or shared', async () => {
    const { trace } = await load(FRAMES, ['hopLimit', 'payloadLength']);
    expect(plain(filterPackets(trace, (row) => row !== 1).seen)).toEqual({
      payloadLength: [4, 0, 0, 0],
      hopLimit: [64, 64, 1, 0],
    });
    expect(plain(packetRange(trace, 1, 4).seen)).toEqual({ payloadLength: [256, 0, 0], hopLimit: [64, 64, 1] });
    const shared = shareTrace(trace).seen!;
    expect(plain(shared)).toEqual(plain(trace.seen));
    expect(shared.hopLimit!.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  test('are hashed, and only they', async () => {
    const hashOf = async (columns: readonly ColumnName[]) => hashTrace((await load(FRAMES, columns)).trace);
    const { trace } = await load(FRAMES, ['hopLimit']);
    const { seen, ...without } = trace;
    expect(hashTrace(without)).toBe(await hashOf([]));
    expect(await hashOf(['hopLimit', 'tcpFlags'])).toBe(await hashOf(['tcpFlags', 'hopLimit']));
    const other = { hopLimit: seen!.hopLimit!.map((hops) => hops ^ 1) };
    const hashes = [hashTrace(without), hashTrace(trace), hashTrace({ ...without, seen: other })];
    expect(new Set(hashes).size).toBe(3);
  });
});

describe('a warning says what the captures lack', () => {
  test.each([
    [['payloadEntropy', 'names'], 54, 'no payload in the captures: payload entropy and names are missing'],
    [['payloadEntropy'], 54, 'no payload in the captures: payload entropy is missing'],
    [['names'], 57, '0 of 2 payloads are not in the captures, and 2 only in part: names are of what there is'],
    [['hopLimit', 'tcpWindow', 'payloadLength'], 54, undefined],
    [['payloadEntropy', 'names'], 65535, undefined],
  ] as const)('%j of %i bytes captured: %s', async (columns, captured, expected) => {
    const frames = [FRAMES[0]!, ethernet(0x0800, ipv4(6, tcp(50000, 443, everyByte)))];
    const warnings = warningsOf(await load(frames, columns, captured));
    expect(warnings.find((line) => line.includes('payload'))).toBe(expected);
  });
});

needs(noProgram('tshark')).test('values are those that tshark reads', async () => {
  const { trace } = await load(FRAMES);
  const fields = ['tcp.len', 'udp.length', 'tcp.window_size_value', 'tcp.flags', 'ip.ttl', 'ipv6.hlim'];
  const options = ['ip.opt.type', 'ipv6.opt.type'];
  const asked = [...fields, ...options].flatMap((name) => ['-e', name]);
  const { stdout } = spawnSync('tshark', ['-n', '-r', path, '-T', 'fields', '-E', 'aggregator=|', ...asked], {
    encoding: 'utf8',
  });
  const rows = stdout
    .split('\n')
    .slice(0, FRAMES.length)
    .map((line) => line.split('\t'));
  const number = (text: string | undefined) => Number(text || 0);
  const typesOf = (text: string | undefined) => (text ? text.split('|').map(Number) : []);
  const { payloadEntropy: _, ...read } = plain(trace.seen)!;
  expect(read).toEqual({
    payloadLength: rows.map(([tcpLength, udpLength]) => number(tcpLength) + Math.max(0, number(udpLength) - 8)),
    tcpWindow: rows.map((row) => number(row[2])),
    tcpFlags: rows.map((row) => number(row[3])),
    hopLimit: rows.map((row) => number(row[4]) + number(row[5])),
    ipOptions: rows.map((row) => {
      const [inIpv4, inIpv6] = [typesOf(row[6]), typesOf(row[7])];
      const pads = [...inIpv4, ...inIpv6].some((type) => type <= 1);
      const alerts = inIpv4.includes(148) || inIpv6.includes(5);
      return (pads ? IpOption.PADDING : 0) | (alerts ? IpOption.ROUTER_ALERT : 0);
    }),
  });
});
