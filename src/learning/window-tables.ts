import { makeVector, Table, tableToIPC, type Vector } from 'apache-arrow';
import { textColumn } from '../trace/write/arrow.js';
import { labelWindows } from './build-windows.js';
import { PACKET_COLUMNS } from './model-input.js';
import { summarizeWindows } from './window-summary.js';
import { NO_CLASS, type Windows } from './windows.js';

/** A column of a table as its reader needs to know it. */
export interface DescribedColumn {
  readonly name: string;
  readonly unit: string;
}

const TIME = 'seconds since the part of the traffic began';
const CLASS = 'name of the class; null for none';

/** Columns of {@link packetTable}. */
export const packetTableColumns = ({ remote }: Pick<Windows, 'remote'>): DescribedColumn[] => [
  ...PACKET_COLUMNS,
  { name: 'time', unit: TIME },
  { name: 'stream', unit: 'number of the stream: of a device, a flow, a remote host, or the home' },
  ...(remote ? [{ name: 'remote', unit: 'address outside the home; empty for what stays in it' }] : []),
  { name: 'label', unit: CLASS },
];

/** Columns of {@link windowTable}. */
export const windowTableColumns = (summary: readonly { readonly name: string }[]): DescribedColumn[] => [
  { name: 'start', unit: 'row of the first packet in the packets' },
  { name: 'count', unit: 'packets' },
  ...summary.map(({ name }) => ({ name, unit: unitOf(name) })),
  { name: 'label', unit: CLASS },
];

function unitOf(name: string): string {
  if (name.includes('interval') || name === 'duration') return 'seconds';
  if (name.includes('share')) return 'share of the packets';
  if (name.includes('length')) return /^length/.test(name) ? 'bytes, negative if inbound, 0 for no packet' : 'bytes';
  return name === 'commonest port' ? 'port' : 'number';
}

/** The packets of windows as an Arrow IPC file: one row for each, in the order of {@link Windows.packets}. */
export function packetTable(windows: Windows): Uint8Array {
  const { packets, streamEnds, time, label, classes, remote } = windows;
  const bits = PACKET_COLUMNS.length - 4;
  const stream = new Int32Array(packets.rows);
  for (const [i, end] of streamEnds.entries()) stream.fill(i, streamEnds[i - 1] ?? 0, end);
  const protocols = PACKET_COLUMNS.slice(1, 1 + bits).map(
    ({ name }, bit) => [name, makeVector(packets.protocols.map((one) => (one >> bit) & 1))] as const,
  );
  return toFile({
    port: makeVector(packets.port),
    ...Object.fromEntries(protocols),
    direction: makeVector(packets.direction),
    length: makeVector(packets.length),
    interval: makeVector(packets.interval),
    time: makeVector(time),
    stream: makeVector(stream),
    ...(remote && { remote: textColumn(remote.addresses, Int32Array.from(remote.of), 1) }),
    label: classColumn(label, classes),
  });
}

/** Windows as an Arrow IPC file: one row for each, with its range of packets, its statistics and its label. */
export function windowTable(windows: Windows): Uint8Array {
  const { start, count, classes } = windows;
  const summary = summarizeWindows(windows).map(({ name, values }) => [name, makeVector(values)] as const);
  return toFile({
    start: makeVector(Int32Array.from(start)),
    count: makeVector(Int32Array.from(count)),
    ...Object.fromEntries(summary),
    label: classColumn(labelWindows(windows), classes),
  });
}

const classColumn = (label: Uint16Array, classes: readonly string[]) =>
  textColumn(
    classes,
    Int32Array.from(label, (one) => (one === NO_CLASS ? -1 : one)),
    0,
  );

const toFile = (columns: Record<string, Vector>): Uint8Array => tableToIPC(new Table(columns), 'file');
