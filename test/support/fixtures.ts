import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { FileReport, PacketTable } from '../../src/trace/packets.js';
import type { Duplicates } from '../../src/trace/read/duplicates.js';
import { readCaptures } from '../../src/trace/read/read.js';
import type { ColumnName } from '../../src/trace/seen.js';
import { PROTOCOL_NAMES } from '../../src/trace/trace.js';

/** A folder for the test file that calls this, removed when its tests are done. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'homeveil-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes `bytes` to `path` and reads them as a capture. Frames made by hand are often equal: by default, each counts. */
export async function readBytes(
  path: string,
  bytes: Uint8Array,
  duplicates: Duplicates = 'keep',
  columns: readonly ColumnName[] = [],
): Promise<{ table: PacketTable; file: FileReport }> {
  writeFileSync(path, bytes);
  const { table, report } = await readCaptures([path], { duplicates, columns });
  return { table, file: report.files[0]! };
}

/** Bytes from hexadecimal digits; spaces are for the eye. */
export const hex = (digits: string): Buffer => Buffer.from(digits.replaceAll(' ', ''), 'hex');

/** `count` bytes that no application begins with. */
export const filler = (count: number): Buffer => Buffer.alloc(count, 0xee);

const word = (size: 2 | 4, value: number, little: boolean): Buffer => {
  const bytes = Buffer.alloc(size);
  if (size === 2) (little ? bytes.writeUInt16LE : bytes.writeUInt16BE).call(bytes, value);
  else (little ? bytes.writeUInt32LE : bytes.writeUInt32BE).call(bytes, value >>> 0);
  return bytes;
};

export interface Recorded {
  readonly data: Uint8Array;
  /** Seconds, and units of the file's resolution. */
  readonly seconds?: number;
  readonly fraction?: number;
  readonly original?: number;
}

/** A classic capture file. */
export function pcap(
  records: readonly Recorded[],
  { little = true, magic = 0xa1b2c3d4, link = 1, minor = 4, extra = 0 } = {},
): Buffer {
  const u16 = (value: number) => word(2, value, little);
  const u32 = (value: number) => word(4, value, little);
  const header = [u32(magic), u16(2), u16(minor), u32(0), u32(0), u32(65535), u32(link)];
  const bodies = records.flatMap(({ data, seconds = 1000, fraction = 0, original = data.length }) => [
    u32(seconds),
    u32(fraction),
    u32(data.length),
    u32(original),
    Buffer.alloc(extra),
    data,
  ]);
  return Buffer.concat([...header, ...bodies]);
}

/** Blocks of a pcapng file in one byte order. */
export function pcapng(little = true) {
  const u16 = (value: number) => word(2, value, little);
  const u32 = (value: number) => word(4, value, little);
  const padded = (data: Uint8Array) => Buffer.concat([data, Buffer.alloc(-data.length & 3)]);
  const block = (type: number, ...body: Uint8Array[]): Buffer => {
    const content = padded(Buffer.concat(body));
    const length = u32(content.length + 12);
    return Buffer.concat([u32(type), length, content, length]);
  };
  const ticks = (time: bigint) => Buffer.concat([u32(Number(time >> 32n)), u32(Number(time & 0xffffffffn))]);
  return {
    block,
    section: () => block(0x0a0d0d0a, u32(0x1a2b3c4d), u16(1), u16(0), u32(0xffffffff), u32(0xffffffff)),
    /** Options as pairs of code and value. */
    interface: (link: number, options: readonly (readonly [number, Uint8Array])[] = [], snapLength = 0) =>
      block(
        1,
        u16(link),
        u16(0),
        u32(snapLength),
        ...options.flatMap(([code, value]) => [u16(code), u16(value.length), padded(value)]),
        options.length > 0 ? u32(0) : Buffer.alloc(0),
      ),
    enhanced: (number: number, time: bigint, data: Uint8Array, original = data.length) =>
      block(6, u32(number), ticks(time), u32(data.length), u32(original), data),
    simple: (data: Uint8Array, original = data.length) => block(3, u32(original), data),
    obsolete: (number: number, time: bigint, data: Uint8Array, original = data.length) =>
      block(2, u16(number), u16(0), ticks(time), u32(data.length), u32(original), data),
  };
}

const be16 = (value: number) => word(2, value, false);
const be32 = (value: number) => word(4, value, false);

/** Device and gateway of the frames below. */
export const DEVICE = '02:00:00:00:00:0a';
export const GATEWAY = '02:00:00:00:00:01';
const mac = (text: string) => hex(text.replaceAll(':', ''));

export function ethernet(
  type: number,
  payload: Uint8Array,
  { tags = [] as number[], from = DEVICE, to = GATEWAY } = {},
) {
  const tagged = tags.flatMap((tag) => [be16(tag), be16(7)]);
  return Buffer.concat([mac(to), mac(from), ...tagged, be16(type), payload]);
}

export function ipv4(
  protocol: number,
  payload: Uint8Array,
  { from = '10.0.0.2', to = '93.184.216.34', id = 1, fragment = 0, options = Buffer.alloc(0) as Uint8Array } = {},
) {
  const address = (text: string) => Buffer.from(text.split('.').map(Number));
  const length = 20 + options.length;
  return Buffer.concat([
    Buffer.from([0x40 | (length / 4), 0]),
    be16(length + payload.length),
    be16(id),
    be16(fragment),
    Buffer.from([64, protocol, 0, 0]),
    address(from),
    address(to),
    options,
    payload,
  ]);
}

/** By default from 2001:db8::2 to 2001:db8::3; addresses are of 32 hexadecimal digits, as spaces may part them. */
export function ipv6(
  next: number,
  payload: Uint8Array,
  { from = '20010db8 00000000 00000000 00000002', to = '20010db8 00000000 00000000 00000003', hops = 64 } = {},
) {
  const fixed = [hex('60000000'), be16(payload.length), Buffer.from([next, hops])];
  return Buffer.concat([...fixed, hex(from), hex(to), payload]);
}

export function tcp(from: number, to: number, payload: Uint8Array = Buffer.alloc(0)) {
  return Buffer.concat([be16(from), be16(to), be32(1), be32(1), hex('5018 ffff 0000 0000'), payload]);
}

export function udp(from: number, to: number, payload: Uint8Array = Buffer.alloc(0)) {
  return Buffer.concat([be16(from), be16(to), be16(8 + payload.length), be16(0), payload]);
}

/** A TLS record of application data, `length` bytes in all. */
export const tlsRecord = (length: number) => Buffer.concat([hex('170303'), be16(length - 5), filler(length - 5)]);

/** A query for example.com, type A. */
export const dnsQuery = hex('1234 0100 0001 0000 0000 0000 07 6578616d706c65 03 636f6d 00 0001 0001');

/** Describes a row, so that a test can be read. */
export function rowOf(table: PacketTable, i: number) {
  const { conversations } = table;
  const row = table.conversation[i]!;
  const a = `${conversations.addresses[conversations.addressA[row]!]}:${conversations.portA[row]}`;
  const b = `${conversations.addresses[conversations.addressB[row]!]}:${conversations.portB[row]}`;
  const isReverse = table.reverse[i] === 1;
  return {
    length: table.length[i],
    protocols: PROTOCOL_NAMES.filter((_, bit) => (table.protocols[i]! >> bit) & 1).join(' '),
    macs: `${table.macs[table.source[i]!]} > ${table.macs[table.destination[i]!]}`,
    ends: isReverse ? `${b} > ${a}` : `${a} > ${b}`,
    transport: conversations.transport[row],
    header: conversations.header[row],
  };
}
