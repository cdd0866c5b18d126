import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ENCRYPTED } from '../../../src/trace/packets.js';
import type { Duplicates } from '../../../src/trace/read/duplicates.js';
import { ethernet, hex, ipv4, pcap, pcapng, readBytes, rowOf, tcp, temporaryFolder } from '../../support/fixtures.js';
import { needs, noProgram, noShared, sharedPath } from '../../support/needs.js';
import { ACCESS_POINT, CAMERA, down, EVERYBODY, PLUG, ROUTER, up, wlanFrame } from '../../support/wlan-frames.js';

const path = join(temporaryFolder(), 'test.pcap');

interface Sent {
  readonly data: Uint8Array;
  readonly seconds?: number;
  readonly fraction?: number;
  readonly original?: number;
}

/** Reads frames of one link type, a millisecond apart where no time is given. */
async function read(frames: readonly (Uint8Array | Sent)[], duplicates: Duplicates = 'drop', link = 105) {
  const records = frames.map((frame, i) => ('data' in frame ? frame : { data: frame, fraction: i * 1000 }));
  const { table, file } = await readBytes(path, pcap(records, { link }), duplicates);
  const rows = Array.from({ length: table.packets }, (_, i) => rowOf(table, i));
  return { rows, table, file };
}

const dropped = async (...frames: readonly Uint8Array[]) => (await read(frames)).file.dropped;

describe('encrypted 802.11 frames', () => {
  it('give the station and the access point, whichever way they go, the length, and nothing of IP', async () => {
    const { rows, table } = await read([
      up(CAMERA),
      down(CAMERA, { sequence: 9 }),
      up(CAMERA, { control: '08', sequence: 2 }),
      down(EVERYBODY, { sequence: 10 }),
      wlanFrame({ flags: 0x40, addresses: [PLUG, CAMERA, ACCESS_POINT] }),
    ]);
    // 24 bytes of header and 2 of QoS; CCMP's header, LLC and SNAP, and MIC of 8 each are around the packet.
    const qos = { length: 82, protocols: 'other', ends: ':0 > :0', transport: 0, header: 50 };
    expect(rows).toEqual([
      { ...qos, macs: `${CAMERA} > ${ACCESS_POINT}` },
      { ...qos, macs: `${ACCESS_POINT} > ${CAMERA}` },
      { ...qos, macs: `${CAMERA} > ${ACCESS_POINT}`, length: 80 },
      { ...qos, macs: `${ACCESS_POINT} > ${EVERYBODY}` },
      { ...qos, macs: `${CAMERA} > ${PLUG}` },
    ]);
    expect([...table.conversation]).toEqual([0, 0, 0, 1, 2]);
    const { ACCESS_POINT_A, ACCESS_POINT_B, DIRECT } = ENCRYPTED;
    expect([...table.conversations.encrypted]).toEqual([ACCESS_POINT_B, ACCESS_POINT_A, DIRECT]);
  });

  it('are conversations apart from those of the same stations in the clear', async () => {
    const key = wlanFrame({ flags: 0x01, addresses: [ACCESS_POINT, CAMERA, ACCESS_POINT], body: 0 });
    const plain = Buffer.concat([key, hex('aaaa03 000000 888e'), Buffer.alloc(100)]);
    const { rows, table } = await read([plain, up(CAMERA)]);
    expect(rows.map(({ macs }) => macs)).toEqual(Array(2).fill(`${CAMERA} > ${ACCESS_POINT}`));
    expect([...table.conversations.header]).toEqual([34, 50]);
    expect([...table.conversations.encrypted]).toEqual([ENCRYPTED.NOT, ENCRYPTED.ACCESS_POINT_B]);
  });

  it('are measured without radiotap, the padding that it announces and the frame check sequence', async () => {
    const frame = up(CAMERA, { control: '88' });
    const padded = up(CAMERA, { control: '88', more: '0000 0000' });
    const checked = Buffer.concat([frame, Buffer.alloc(4)]);
    const cases: [string, Buffer][] = [
      ['0000 0800 00000000', frame],
      ['0000 0900 02000000 10', checked],
      ['0000 0900 02000000 20', padded],
    ];
    for (const [radiotap, data] of cases) {
      const { rows } = await read([Buffer.concat([hex(radiotap), data])], 'drop', 127);
      expect(rows).toMatchObject([{ length: 82, header: 50 }]);
    }
  });

  it('count with their length on the air where the capture cut them, down to the header', async () => {
    const frame = up(CAMERA, { body: 1000 });
    const { rows } = await read([{ data: frame.subarray(0, 26), original: frame.length }]);
    expect(rows).toMatchObject([{ length: 1026, macs: `${CAMERA} > ${ACCESS_POINT}` }]);
    const { file } = await read([{ data: frame.subarray(0, 25), original: frame.length }]);
    expect(file.dropped).toEqual({ 'cut inside the link header': 1 });
  });

  it('are one packet each where they hold several, or a part of one', async () => {
    const aggregate = up(CAMERA, { more: '8000', body: 3000 });
    const fragment = up(CAMERA, { flags: 0x45, sequence: 2 });
    const { rows } = await read([aggregate, fragment]);
    expect(rows.map(({ length }) => length)).toEqual([3026, 82]);
  });

  it('are left out, each with its reason, where they say nothing of a device', async () => {
    const station = [ACCESS_POINT, CAMERA, ROUTER];
    expect(await dropped(wlanFrame({ control: '48', flags: 0x41, addresses: station }))).toEqual({
      '802.11 frame without data': 1,
    });
    expect(await dropped(wlanFrame({ control: 'c8', flags: 0x41, addresses: station, more: '0000' }))).toEqual({
      '802.11 frame without data': 1,
    });
    expect(await dropped(wlanFrame({ flags: 0x43, addresses: [ACCESS_POINT, PLUG, ROUTER, CAMERA] }))).toEqual({
      '802.11 frame encrypted, with four addresses': 1,
    });
    // Encrypted management frames (IEEE 802.11w) are management frames all the same.
    expect(await dropped(wlanFrame({ control: 'c0', flags: 0x40, addresses: station }))).toEqual({
      '802.11 management frame': 1,
    });
    expect(await dropped(up(CAMERA, { body: 7 }))).toEqual({ 'malformed link header': 1 });
  });
});

describe('802.11 retransmissions', () => {
  const again = { flags: 0x49 };

  it('are left out where the first of them was seen, and counted where it is asked for', async () => {
    const frames = [up(CAMERA), up(CAMERA, again), up(CAMERA, again), up(CAMERA, { ...again, sequence: 2 })];
    const { file, table } = await read(frames);
    expect(file).toMatchObject({ read: 4, kept: 2, dropped: { '802.11 retransmission': 2 } });
    expect([...table.time]).toEqual([1000, 1000.003]);
    expect((await read(frames, 'keep')).file).toMatchObject({ kept: 4, dropped: {} });
  });

  it('are told by sender, receiver, traffic class, sequence number and retry bit', async () => {
    const { file } = await read([
      up(CAMERA),
      up(PLUG, again),
      up(CAMERA, { ...again, sequence: 2 }),
      up(CAMERA, { ...again, more: '0500' }),
      up(CAMERA, { ...again, control: '08' }),
      wlanFrame({ flags: 0x48, addresses: [PLUG, CAMERA, ACCESS_POINT] }),
    ]);
    expect(file).toMatchObject({ kept: 6, dropped: {} });
  });

  it('come soon: later, the sequence number is another frame’s', async () => {
    const at = (seconds: number, frame: Buffer) => ({ data: frame, seconds });
    const soon = await read([at(1000, up(CAMERA)), at(1001, up(CAMERA, again))]);
    const late = await read([at(1000, up(CAMERA)), at(1002, up(CAMERA, { ...again, packetNumber: 4097 }))]);
    expect([soon.file.kept, late.file.kept]).toEqual([1, 2]);
  });

  it('of one file are none of another', async () => {
    const other = join(temporaryFolder(), 'other.pcap');
    const { file } = await readBytes(other, pcap([{ data: up(CAMERA, again) }], { link: 105 }), 'drop');
    expect(file.kept).toBe(1);
    const both = await readBytes(
      other,
      pcap([{ data: up(CAMERA) }, { data: up(CAMERA, again) }], { link: 105 }),
      'drop',
    );
    expect(both.file.dropped).toEqual({ '802.11 retransmission': 1 });
  });

  it('to two stations are none, even where the capture holds nothing but their headers', async () => {
    const cut = (frame: Buffer) => ({ data: frame.subarray(0, 26), original: frame.length });
    const { file } = await read([down(CAMERA), down(PLUG), down(PLUG, { flags: 0x4a })].map(cut));
    expect(file).toMatchObject({ kept: 2, dropped: { '802.11 retransmission': 1 } });
  });

  it('are not confused with copies: of two cards in one capture, each frame counts once', async () => {
    const make = pcapng();
    const frames = [up(CAMERA), up(CAMERA, { sequence: 2 }), down(CAMERA, { sequence: 7 })];
    const blocks = frames.flatMap((frame, i) =>
      [0, 1].map((card) => make.enhanced(card, BigInt(1_000_000_000 + i * 50_000 + card * 100), frame)),
    );
    const bytes = Buffer.concat([make.section(), make.interface(105), make.interface(105), ...blocks]);
    const { file } = await readBytes(path, bytes, 'drop');
    expect(file).toMatchObject({ read: 6, kept: 3, dropped: { duplicate: 3 } });
  });
});

describe('a capture that is decrypted in part', () => {
  it('keeps both, frames in the clear as they would be alone', async () => {
    const clear = Buffer.concat([
      wlanFrame({ flags: 0x01, addresses: [ACCESS_POINT, CAMERA, ROUTER], body: 0 }),
      hex('aaaa03 000000 0800'),
      ipv4(6, tcp(50000, 443)),
    ]);
    const { rows } = await read([up(CAMERA), clear, down(CAMERA)]);
    const [alone] = (await read([clear])).rows;
    expect(rows[1]).toEqual(alone);
    expect(rows.map(({ protocols }) => protocols)).toEqual(['other', 'IP TCP', 'other']);
    const wired = await readBytes(path, pcap([{ data: ethernet(0x0800, ipv4(6, tcp(50000, 443))) }]));
    expect(rowOf(wired.table, 0).ends).toBe(rows[1]!.ends);
  });
});

describe('any bytes as 802.11', () => {
  const address = fc.constantFrom(ACCESS_POINT, CAMERA, PLUG, ROUTER, EVERYBODY, '00:00:00:00:00:00');
  /** A whole data frame, encrypted or not. */
  const frame = fc
    .record({
      control: fc.constantFrom('88', '08', '48', 'c8', '80', 'd4'),
      flags: fc.nat(255),
      addresses: fc.array(address, { minLength: 3, maxLength: 4 }),
      sequence: fc.nat(4095),
      body: fc.nat(80),
    })
    .map(wlanFrame);
  const links = fc.constantFrom(
    [105, ''] as const,
    [127, '0000 0900 02000000 10'] as const,
    [163, '80211001 00000010 0000000000000000'] as const,
    [192, '0000 0800 69000000'] as const,
  );

  it('are read without a fault and all accounted for, whole, cut or made up', async () => {
    const bytes = fc.oneof(frame, fc.uint8Array({ maxLength: 60 }).map(Buffer.from));
    await fc.assert(
      fc.asyncProperty(
        links,
        fc.array(fc.tuple(bytes, fc.double({ min: 0, max: 1, noNaN: true })), { minLength: 1, maxLength: 8 }),
        fc.constantFrom<Duplicates>('drop', 'keep'),
        async ([link, metadata], parts, duplicates) => {
          const frames = parts.map(([body, share]) => {
            const whole = Buffer.concat([hex(metadata), body]);
            return { data: whole.subarray(0, Math.ceil(whole.length * share)), original: whole.length };
          });
          const { table, file } = await read(frames, duplicates, link);
          const left = Object.values(file.dropped).reduce((sum, count) => sum + count, 0);
          expect([file.read, file.kept + left]).toEqual([frames.length, frames.length]);
          for (let i = 0; i < table.packets; i++) {
            if (table.conversations.encrypted[table.conversation[i]!] === ENCRYPTED.NOT) continue;
            expect(table.protocols[i]).toBe(64);
            // 24 bytes of header, 8 of body.
            expect(table.length[i]).toBeGreaterThanOrEqual(32);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

const FIELDS = [
  ...['frame.time_epoch', 'frame.len', 'radiotap.length', 'radiotap.flags.fcs', 'wlan.fc.type', 'wlan.fc.subtype'],
  ...['wlan.fc.protected', 'wlan.fc.ds', 'wlan.ta', 'wlan.ra'],
];

/** The encrypted data frames of a capture, as tshark has them: time, length on the air, transmitter and receiver. */
function tsharkFrames(capture: string) {
  const fields = FIELDS.flatMap((field) => ['-e', field]);
  const { stdout } = spawnSync('tshark', ['-n', '-r', capture, '-T', 'fields', ...fields], { encoding: 'utf8' });
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => Object.fromEntries(line.split('\t').map((value, i) => [FIELDS[i]!, value])))
    .filter((row) => row['wlan.fc.type'] === '2' && /^(1|True)$/.test(row['wlan.fc.protected']!))
    .filter((row) => (Number(row['wlan.fc.subtype']) & 4) === 0 && Number(row['wlan.fc.ds']) !== 3)
    .map((row) => {
      const checkSequence = /^(1|True)$/.test(row['radiotap.flags.fcs']!) ? 4 : 0;
      return {
        time: Number(row['frame.time_epoch']).toFixed(6),
        length: Number(row['frame.len']) - Number(row['radiotap.length']) - checkSequence,
        macs: `${row['wlan.ta']} > ${row['wlan.ra']}`,
      };
    });
}

needs(noProgram('tshark')).describe('encrypted frames as tshark reads them', () => {
  const ours = async (capture: string) => {
    const { table, file } = await readBytes(path, readFileSync(capture));
    const rows = Array.from({ length: table.packets }, (_, i) => {
      const { length, macs } = rowOf(table, i);
      return { time: table.time[i]!.toFixed(6), length, macs };
    });
    return { rows, file };
  };

  it('have the same ends, lengths and times, and as many are left out', async () => {
    const plain = hex('0000 0800 00000000');
    const checked = hex('0000 0900 02000000 10');
    const station = [ACCESS_POINT, CAMERA, ROUTER];
    const frames = [
      up(CAMERA, { body: 300 }),
      down(CAMERA, { body: 100, more: '8500' }),
      up(PLUG, { flags: 0xc1, more: '0000 00000000', body: 64 }),
      up(PLUG, { control: '08', body: 1500 }),
      down(EVERYBODY, { control: '08' }),
      wlanFrame({ flags: 0x40, addresses: [PLUG, CAMERA, ACCESS_POINT] }),
      wlanFrame({ flags: 0x43, addresses: [ACCESS_POINT, PLUG, ROUTER, CAMERA] }),
      wlanFrame({ control: 'c8', flags: 0x41, addresses: station, more: '0000' }),
      wlanFrame({ control: '80', flags: 0x00, addresses: station }),
      hex('d400 0000').fill(0, 2),
    ];
    const records = frames.map((frame, i) => ({
      data: i % 2 === 0 ? Buffer.concat([plain, frame]) : Buffer.concat([checked, frame, Buffer.alloc(4)]),
      seconds: 1_767_600_000 + i,
      fraction: i * 1111,
    }));
    const capture = join(temporaryFolder(), 'air.pcap');
    await readBytes(capture, pcap(records, { link: 127 }));
    const { rows, file } = await ours(capture);
    expect(rows).toEqual(tsharkFrames(capture));
    expect({ kept: file.kept, read: file.read }).toEqual({ kept: 6, read: 10 });
  });

  needs(noShared('cases/15-wifi-encrypted-frames')).test('in the case of two devices at an access point', async () => {
    const capture = sharedPath('cases/15-wifi-encrypted-frames/air.pcap');
    const { rows, file } = await ours(capture);
    expect(rows).toEqual(tsharkFrames(capture));
    expect(file).toMatchObject({ read: 120, kept: 120, dropped: {} });
  });
});
