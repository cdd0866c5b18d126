import { readFileSync } from 'node:fs';
import {
  Dictionary,
  Float64,
  Int32,
  makeData,
  makeVector,
  Schema,
  Table,
  tableFromIPC,
  tableToIPC,
  Uint8,
  Uint16,
  Uint32,
  Utf8,
  type Vector,
  vectorFromArray,
} from 'apache-arrow';
import { z } from 'zod';
import { InputError } from '../../shared/errors.js';
import { PRIVATE, writeFileAtomic } from '../../shared/files.js';
import { FLOW_COLUMNS, type Flows, NO_DEVICE, type Trace, takePackets, timeOrder } from '../trace.js';

/** In the schema's metadata: what no column can say, as JSON. */
const METADATA_KEY = 'homeveil';
const Metadata = z.object({
  trace: z.literal(1),
  devices: z.array(z.object({ name: z.string(), category: z.enum(['iot', 'non-iot']) })),
  files: z.array(z.string()),
  flows: z.number().int().nonnegative(),
});

/** Columns of numbers, per packet; those after `cover` are of the packet's flow. */
const NUMBERS = {
  time: Float64,
  length: Uint32,
  direction: Uint8,
  protocols: Uint8,
  port: Uint16,
  flow: Uint32,
  cover: Uint8,
  transport: Uint8,
  local_port: Uint16,
  remote_port: Uint16,
  wan: Uint8,
  header: Uint8,
} as const;

type NumberColumn = keyof typeof NUMBERS;

/**
 * Writes a trace as an Arrow IPC file (Feather version 2): one row per packet, which pandas, polars and DuckDB read as it is. The
 * columns of {@link Trace}, `device`, `category` and `file` as text, and the attributes of each packet's flow. A packet of
 * no device has null there. Flows without packets are not kept, nor are names and what else was asked for.
 * @returns the size of the file
 * @throws InputError where the file cannot be written
 */
export function writeArrow(trace: Trace, path: string): { readonly bytes: number } {
  const { flows, packets, flow } = trace;
  const ofFlow = FLOW_COLUMNS.take(flows, flow);
  const categories = ['iot', 'non-iot'];
  const categoryOf = trace.devices.map((device) => categories.indexOf(device.category));
  const code = (of: (i: number) => number) => {
    const codes = new Int32Array(packets);
    for (let i = 0; i < packets; i++) codes[i] = of(i);
    return codes;
  };
  const deviceCodes = code((i) => (trace.device[i] === NO_DEVICE ? -1 : trace.device[i]!));
  const names = trace.devices.map((device) => device.name);
  const plain = new Table({
    time: makeVector(trace.time),
    length: makeVector(trace.length),
    direction: makeVector(trace.direction),
    protocols: makeVector(trace.protocols),
    port: makeVector(trace.port),
    flow: makeVector(flow),
    cover: makeVector(trace.cover),
    device: textColumn(names, deviceCodes, 0),
    category: textColumn(
      categories,
      code((i) => categoryOf[deviceCodes[i]!] ?? -1),
      1,
    ),
    file: textColumn(
      trace.files,
      code((i) => trace.file[i]!),
      2,
    ),
    transport: makeVector(ofFlow.transport),
    local_address: textColumn(
      flows.addresses,
      code((i) => ofFlow.localAddress[i]!),
      3,
    ),
    local_port: makeVector(ofFlow.localPort),
    remote_address: textColumn(
      flows.addresses,
      code((i) => ofFlow.remoteAddress[i]!),
      4,
    ),
    remote_port: makeVector(ofFlow.remotePort),
    wan: makeVector(ofFlow.wan),
    header: makeVector(ofFlow.header),
  });
  const kept: z.input<typeof Metadata> = {
    trace: 1,
    devices: [...trace.devices],
    files: [...trace.files],
    flows: flows.count,
  };
  const schema = new Schema(plain.schema.fields, new Map([[METADATA_KEY, JSON.stringify(kept)]]));
  const bytes = tableToIPC(new Table(schema, plain.batches), 'file');
  writeFileAtomic(path, bytes, PRIVATE);
  return { bytes: bytes.length };
}

/**
 * Reads back what {@link writeArrow} wrote, also after another tool has taken rows out of it or put them in another order.
 * @throws InputError where the file is no such table
 */
export function readArrow(path: string): Trace {
  let table: Table;
  try {
    table = tableFromIPC(readFileSync(path));
  } catch (cause) {
    throw new InputError(`${path}: cannot be read as an Arrow file: ${(cause as Error).message}`, { cause });
  }
  const { devices, files, flows: flowCount } = readMetadata(table, path);
  const mostFlows = Math.max(MAX_FLOWS, table.numRows);
  if (flowCount > mostFlows) throw new InputError(`${path}: expected at most ${mostFlows} flows, found ${flowCount}`);
  const numbers = <T>(name: NumberColumn): T => numberColumn(table, name, path) as T;
  const flow = numbers<Uint32Array>('flow');
  const outOfRange = flow.findIndex((row) => row >= flowCount);
  if (outOfRange >= 0) {
    throw new InputError(`${path}: row ${outOfRange}: expected a flow below ${flowCount}, found ${flow[outOfRange]}`);
  }

  const addresses: string[] = [];
  const ids = new Map<string, number>();
  const intern = (text: string | null): number => {
    const address = text ?? '';
    const id = ids.get(address) ?? addresses.push(address) - 1;
    ids.set(address, id);
    return id;
  };
  const numberIn = (known: readonly string[], column: string, none?: number) => (text: string | null) => {
    const index = text === null ? (none ?? -1) : known.indexOf(text);
    if (index >= 0) return index;
    throw new InputError(`${path}: column ${column}: expected one of ${known.join(', ')}, found ${text}`);
  };
  const names = devices.map((device) => device.name);

  /** The value of each flow, from the packets that belong to it. */
  const perFlow = <T extends Uint8Array | Uint16Array | Uint32Array>(values: ArrayLike<number>, out: T): T => {
    for (let i = 0; i < flow.length; i++) out[flow[i]!] = values[i]!;
    return out;
  };
  // A dictionary has all addresses of the trace that was written, in its order.
  for (const address of table.getChild('local_address')?.data[0]?.dictionary ?? []) intern(address);
  const localAddress = textIds(table, 'local_address', path, intern);
  const remoteAddress = textIds(table, 'remote_address', path, intern);
  const flows: Flows = {
    count: flowCount,
    transport: perFlow(numbers<Uint8Array>('transport'), new Uint8Array(flowCount)),
    localPort: perFlow(numbers<Uint16Array>('local_port'), new Uint16Array(flowCount)),
    remotePort: perFlow(numbers<Uint16Array>('remote_port'), new Uint16Array(flowCount)),
    localAddress: perFlow(localAddress, new Uint32Array(flowCount)),
    remoteAddress: perFlow(remoteAddress, new Uint32Array(flowCount)),
    wan: perFlow(numbers<Uint8Array>('wan'), new Uint8Array(flowCount)),
    header: perFlow(numbers<Uint8Array>('header'), new Uint8Array(flowCount)),
    addresses,
  };
  const trace: Trace = {
    packets: table.numRows,
    time: numbers('time'),
    length: numbers('length'),
    direction: numbers('direction'),
    protocols: numbers('protocols'),
    port: numbers('port'),
    flow,
    device: Uint16Array.from(textIds(table, 'device', path, numberIn(names, 'device', NO_DEVICE))),
    cover: numbers('cover'),
    file: Uint16Array.from(textIds(table, 'file', path, numberIn(files, 'file'))),
    files,
    devices,
    flows,
  };
  const isSorted = trace.time.every((time, i) => i === 0 || time >= trace.time[i - 1]!);
  return isSorted ? trace : takePackets(trace, timeOrder(trace.time));
}

/** Flows that a file may declare beyond its rows: packets may have been taken out of it. */
const MAX_FLOWS = 2 ** 23;

/** Room is made for as many rows as a file declares, so it has to hold them. */
function checkRows(column: Vector, name: string, path: string): void {
  for (const { length, values } of column.data) {
    if (length > values.length) {
      throw new InputError(`${path}: column ${name}: expected ${length} values, found ${values.length}`);
    }
  }
}

function readMetadata(table: Table, path: string): z.output<typeof Metadata> {
  const text = table.schema.metadata.get(METADATA_KEY);
  if (text === undefined) throw new InputError(`${path}: expected an Arrow file written by homeveil, found another`);
  try {
    return Metadata.parse(JSON.parse(text));
  } catch (cause) {
    throw new InputError(`${path}: expected the metadata of a trace, version 1, found ${text.slice(0, 80)}`, { cause });
  }
}

/** A dictionary-encoded column: text to everybody who reads it, 4 bytes a row. A negative code is null. @param id differs in a table */
export function textColumn(texts: readonly string[], codes: Int32Array, id: number): Vector {
  const nullBitmap = new Uint8Array(Math.ceil(codes.length / 8));
  const values = new Int32Array(codes.length);
  let nullCount = 0;
  for (let i = 0; i < codes.length; i++) {
    if (codes[i]! < 0) nullCount++;
    else {
      values[i] = codes[i]!;
      nullBitmap[i >> 3]! |= 1 << (i & 7);
    }
  }
  return makeVector(
    makeData({
      type: new Dictionary(new Utf8(), new Int32(), id),
      length: codes.length,
      data: values,
      dictionary: vectorFromArray([...texts], new Utf8()),
      ...(nullCount > 0 ? { nullBitmap, nullCount } : {}),
    }),
  );
}

function numberColumn(
  table: Table,
  name: NumberColumn,
  path: string,
): Float64Array | Uint32Array | Uint16Array | Uint8Array {
  const column = table.getChild(name);
  const expected = new NUMBERS[name]();
  if (!column || String(column.type) !== String(expected) || column.nullCount > 0) {
    const found = column ? `${column.type}${column.nullCount > 0 ? ' with nulls' : ''}` : 'none';
    throw new InputError(`${path}: expected a column ${name} of type ${expected}, found ${found}`);
  }
  checkRows(column, name, path);
  return column.toArray();
}

/** For each row the id that `idOf` gives to its text; asked once for each entry of a dictionary. */
function textIds(table: Table, name: string, path: string, idOf: (text: string | null) => number): Uint32Array {
  const column = table.getChild(name);
  if (!column || !(column.type instanceof Dictionary)) {
    throw new InputError(`${path}: expected a dictionary column ${name}, found ${column ? column.type : 'none'}`);
  }
  checkRows(column, name, path);
  const ids = new Uint32Array(column.length);
  let at = 0;
  for (const data of column.data) {
    const dictionary = data.dictionary as Vector;
    const known = new Map<number, number>();
    for (let i = 0; i < data.length; i++) {
      const key = data.getValid(i) ? Number(data.values[i]) : -1;
      let id = known.get(key);
      if (id === undefined) {
        id = idOf(key < 0 ? null : String(dictionary.get(key)));
        known.set(key, id);
      }
      ids[at++] = id;
    }
  }
  return ids;
}
