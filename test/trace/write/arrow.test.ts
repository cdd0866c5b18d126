import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeData, RecordBatch, Schema, type Struct, Table, tableFromIPC, tableToIPC } from 'apache-arrow';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { InputError } from '../../../src/shared/errors.js';
import { createTraceBuilder, NO_DEVICE, type Trace } from '../../../src/trace/trace.js';
import { readArrow, writeArrow } from '../../../src/trace/write/arrow.js';

const folder = mkdtempSync(join(tmpdir(), 'homeveil-arrow-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'trace.arrow');

const devices = [
  { name: 'Plug "left"', category: 'iot' },
  { name: 'Phone', category: 'non-iot' },
  { name: 'silent', category: 'iot' },
] as const;

function makeTrace(
  packets: readonly { time: number; device: number; flow: number; length: number; file: number }[],
): Trace {
  const builder = createTraceBuilder(devices, ['a.pcap', 'b.pcap']);
  const flows = [
    {
      transport: 6,
      localPort: 5000,
      remotePort: 443,
      localAddress: '10.0.0.1',
      remoteAddress: '8.8.8.8',
      wan: true,
      header: 14,
    },
    {
      transport: 17,
      localPort: 5353,
      remotePort: 5353,
      localAddress: '10.0.0.1',
      remoteAddress: '10.0.0.2',
      wan: false,
      header: 0,
    },
    { transport: 0, localPort: 0, remotePort: 0, localAddress: '', remoteAddress: '10.0.0.1', wan: false, header: 16 },
  ].map(builder.flow);
  for (const packet of packets) {
    builder.push({
      ...packet,
      flow: flows[packet.flow]!,
      direction: packet.flow % 2,
      protocols: 3,
      port: 443,
      cover: 1,
    });
  }
  return builder.build();
}

const trace = makeTrace([
  { time: 1.5, device: 0, flow: 0, length: 60, file: 0 },
  { time: 2.25, device: 1, flow: 1, length: 70000, file: 1 },
  { time: 2.25, device: NO_DEVICE, flow: 2, length: 1514, file: 1 },
]);

test('any trace comes back exactly as it was', () => {
  const packet = fc.record({
    time: fc.double({ min: 0, max: 2e9, noNaN: true }),
    device: fc.constantFrom(0, 1, NO_DEVICE),
    flow: fc.integer({ min: 0, max: 2 }),
    length: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    file: fc.integer({ min: 0, max: 1 }),
  });
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 20 }), (packets) => {
      // A packet of each flow: flows without packets are not kept.
      const complete = [0, 1, 2].map((flow) => ({ time: 0, device: 0, flow, length: 1, file: 0 }));
      const given = makeTrace([...complete, ...packets]);
      writeArrow(given, path);
      expect(readArrow(path)).toEqual(given);
    }),
    { numRuns: 50 },
  );
});

test('a trace without packets comes back', () => {
  const empty = createTraceBuilder(devices, ['a.pcap']).build();
  writeArrow(empty, path);
  expect(readArrow(path)).toEqual(empty);
});

test('other programs see one row per packet, with names as text and no device as null', () => {
  const { bytes } = writeArrow(trace, path);
  const file = readFileSync(path);
  expect(file.length).toBe(bytes);
  expect(file.subarray(0, 6).toString()).toBe('ARROW1');
  const table = tableFromIPC(file);
  const column = (name: string) => [...table.getChild(name)!];
  expect(column('device')).toEqual(['Plug "left"', 'Phone', null]);
  expect(column('category')).toEqual(['iot', 'non-iot', null]);
  expect(column('file')).toEqual(['a.pcap', 'b.pcap', 'b.pcap']);
  expect(column('local_address')).toEqual(['10.0.0.1', '10.0.0.1', '']);
  expect(column('remote_address')).toEqual(['8.8.8.8', '10.0.0.2', '10.0.0.1']);
  expect(column('wan')).toEqual([1, 0, 0]);
  expect(column('length')).toEqual([60, 70000, 1514]);
});

test('rows that another program reordered are sorted by time again', () => {
  writeArrow(trace, path);
  const table = tableFromIPC(readFileSync(path));
  const swapped = new Table(table.schema, [...table.slice(1).batches, ...table.slice(0, 1).batches]);
  writeFileSync(path, tableToIPC(swapped, 'file'));
  const back = readArrow(path);
  expect([...back.time]).toEqual([...trace.time]);
  expect([...back.device]).toEqual([...trace.device]);
  expect([...back.flow]).toEqual([...trace.flow]);
});

describe('a file that is no trace is told in one line', () => {
  const rewrite = (change: (table: Table) => Table) => {
    writeArrow(trace, path);
    writeFileSync(path, tableToIPC(change(tableFromIPC(readFileSync(path))), 'file'));
  };
  const withMetadata = (table: Table, text: string) =>
    new Table(new Schema(table.schema.fields, new Map([['homeveil', text]])), table.batches);

  test.each<[string, () => void, RegExp]>([
    ['not Arrow', () => writeFileSync(path, 'time,length\n1,2\n'), /trace.arrow: /],
    ['empty', () => writeFileSync(path, ''), /trace.arrow: /],
    [
      'another table',
      () => rewrite((table) => new Table(new Schema(table.schema.fields), table.batches)),
      /expected an Arrow file written by homeveil/,
    ],
    [
      'another version',
      () => rewrite((table) => withMetadata(table, '{"trace":2}')),
      /expected the metadata of a trace, version 1, found \{"trace":2\}/,
    ],
    [
      'a column missing',
      () => rewrite((table) => table.select(table.schema.names.filter((name) => name !== 'length'))),
      /expected a column length of type Uint32, found none/,
    ],
    [
      'a flow too many',
      () => rewrite((table) => withMetadata(table, '{"trace":1,"devices":[],"files":[],"flows":0}')),
      /row 0: expected a flow below 0, found 0/,
    ],
    [
      'flows that no room can be made for',
      () => rewrite((table) => withMetadata(table, '{"trace":1,"devices":[],"files":[],"flows":4000000000}')),
      /expected at most 8388608 flows, found 4000000000/,
    ],
    [
      'rows that it declares and does not hold',
      () =>
        rewrite((table) => {
          const length = 2e9;
          const { schema, data } = table.batches[0]!;
          const children = data.children.map((child) => child.clone(child.type, 0, length));
          return new Table(schema, new RecordBatch(schema, makeData({ type: data.type as Struct, length, children })));
        }),
      /column flow: expected 2000000000 values, found \d+/,
    ],
    [
      'a device too many',
      () => rewrite((table) => withMetadata(table, '{"trace":1,"devices":[],"files":[],"flows":3}')),
      /column device: expected one of/,
    ],
  ])('%s', (_, write, message) => {
    write();
    expect(() => readArrow(path)).toThrow(InputError);
    expect(() => readArrow(path)).toThrow(message);
  });

  test('not there', () => {
    expect(() => readArrow(join(folder, 'none.arrow'))).toThrow(/none.arrow: cannot be read as an Arrow file/);
  });
});
