/**
 * The packet table: what every stop of the pipeline takes and gives. One typed array per column, sorted by time; nothing
 * per packet is an object. `device` and `cover` are the ground truth: never shown to an attack.
 */

import { type ColumnsOf, defineTable, share, take } from '../shared/columns.js';
import { mapSeen, pickSeen, type Seen } from './seen.js';

/** Bits of the `protocols` column: the seven of Dong et al., arXiv 1909.00104, section 4.1. */
export const Protocol = { IP: 1, TCP: 2, UDP: 4, TLS: 8, HTTP: 16, DNS: 32, OTHER: 64 } as const;

/** The names of the bits of `protocols`, lowest bit first. */
export const PROTOCOL_NAMES = ['IP', 'TCP', 'UDP', 'TLS', 'HTTP', 'DNS', 'other'] as const;

/** Value of the `direction` column: home to Internet, or Internet to home. */
export const Direction = { INBOUND: 0, OUTBOUND: 1 } as const;
export type Direction = (typeof Direction)[keyof typeof Direction];

/**
 * Value of the `cover` column. What is not NONE is scored by no attack. Padding that a tunnel had to put in a frame of its own is sent because
 * of a real packet, so it is no cover: who asks how well cover is told from the rest asks for MADE.
 */
export const Cover = {
  /** A frame with user data. */
  NONE: 0,
  /** A frame that a defense made, without anything of a real packet. */
  MADE: 1,
  /** A piece of a real packet's frame with nothing but padding in it. */
  PADDING: 2,
} as const;

export type DeviceCategory = 'iot' | 'non-iot';

export interface Device {
  readonly name: string;
  readonly category: DeviceCategory;
}

/** Bytes of a full Ethernet frame: header and an IP packet of 1500. Longer frames in captures were merged by the capturing host. */
export const LARGEST_FRAME = 1514;

/** `device` of a packet that belongs to none: cover traffic made for the home as a whole. */
export const NO_DEVICE = 0xffff;

/** The columns of {@link Flows}: each flow is a 5-tuple, seen from the home. */
export const FLOW_COLUMNS = defineTable({
  /** IP protocol number (6 TCP, 17 UDP, 1 ICMP, ...); 0 for frames without IP. */
  transport: Uint8Array,
  /** The home's and the other side's port; 0 where there is none. */
  localPort: Uint16Array,
  remotePort: Uint16Array,
  /** Index into `addresses`. */
  localAddress: Uint32Array,
  remoteAddress: Uint32Array,
  /** 1 where the flow crosses the gateway, 0 where it stays on the LAN (and only the `lan` view sees it). */
  wan: Uint8Array,
  /** Bytes before the IP header in each frame (14 for Ethernet): `length` less this is the length of the IP packet. */
  header: Uint8Array,
});

type FlowColumns = ColumnsOf<typeof FLOW_COLUMNS>;

/** The flows of a trace, one row per value of the `flow` column. */
export interface Flows extends FlowColumns {
  readonly count: number;
  /** IP addresses as text, MAC addresses for frames without IP; '' for none. */
  readonly addresses: readonly string[];
  /**
   * Row in `names` of the name of each flow's remote end, as the capture shows it: see name-flows.ts. Both are absent unless names were asked
   * for, and where a tunnel hides them.
   */
  readonly name?: Uint32Array;
  /** Host names in lower case; row 0 is '' for none. */
  readonly names?: readonly string[];
}

/** The columns of {@link Trace}, one row per packet. */
export const TRACE_COLUMNS = defineTable({
  /** Seconds since the Unix epoch, when the packet is on the wire at the observer. */
  time: Float64Array,
  /** Bytes of the frame on the wire, not only those captured; VLAN tags excluded. */
  length: Uint32Array,
  /** {@link Direction}. */
  direction: Uint8Array,
  /** Bit set of {@link Protocol}. */
  protocols: Uint8Array,
  /** The remote (service) port in both directions; 0 where there is none. */
  port: Uint16Array,
  /** Row of `flows`. */
  flow: Uint32Array,
  /** Index into `devices`, or {@link NO_DEVICE}. Ground truth. */
  device: Uint16Array,
  /** {@link Cover}. Ground truth. */
  cover: Uint8Array,
  /** Index of the capture file the packet came from; 0 where there is one only. Splits by file use it. */
  file: Uint16Array,
});

type TraceColumns = ColumnsOf<typeof TRACE_COLUMNS>;

/** A table of packets, all columns of length `packets`, sorted by `time` (ties keep their order of arrival). */
export interface Trace extends TraceColumns {
  readonly packets: number;
  readonly files: readonly string[];
  readonly devices: readonly Device[];
  readonly flows: Flows;
  /** Times in which nothing was captured, of any host, in order; none where left out. See clock.ts. */
  readonly gaps?: readonly Gap[];
  /** Other things that packets show, a row each; absent unless asked for, and where a tunnel hides it. */
  readonly seen?: Seen;
}

/** A time in which nothing was captured, between two packets. */
export interface Gap {
  /** Seconds since the Unix epoch: the last packet before it, and the first after it. */
  readonly from: number;
  readonly to: number;
  /** Packets of the capture up to its beginning. */
  readonly before: number;
}

/** A value for each column of one packet; `cover` and `file` are 0 where left out. */
export type PacketRow = Record<Exclude<keyof TraceColumns, 'cover' | 'file'>, number> & {
  cover?: number;
  file?: number;
};

/** A value for each column of one flow. */
export type FlowRow = Record<Exclude<keyof FlowColumns, 'localAddress' | 'remoteAddress' | 'wan'>, number> & {
  localAddress: string;
  remoteAddress: string;
  wan: boolean;
};

/** Collects packets and flows in any order and makes a {@link Trace} of them. Grows as needed. */
export interface TraceBuilder {
  readonly packets: number;
  push(row: PacketRow): void;
  /** Adds a flow and returns its row. Does not look for an equal one. */
  flow(row: FlowRow): number;
  /**
   * Sorts by time (stably, only if needed) and hands over the columns; the builder must not be used afterwards.
   * @param seen its columns for the packets, in the order in which they were pushed
   */
  build(seen?: Seen): Trace;
}

export function createTraceBuilder(
  devices: readonly Device[],
  files: readonly string[] = [''],
  capacity = 1024,
): TraceBuilder {
  let size = 0;
  let flows = 0;
  let sorted = true;
  let columns = TRACE_COLUMNS.allocate(capacity);
  let table = FLOW_COLUMNS.allocate(64);
  const addresses: string[] = [];
  const addressIds = new Map<string, number>();
  const intern = (address: string): number => {
    let id = addressIds.get(address);
    if (id === undefined) {
      id = addresses.push(address) - 1;
      addressIds.set(address, id);
    }
    return id;
  };
  return {
    get packets() {
      return size;
    },
    push(row) {
      if (size === columns.time.length) columns = TRACE_COLUMNS.grow(columns);
      if (size > 0 && row.time < columns.time[size - 1]!) sorted = false;
      columns.time[size] = row.time;
      columns.length[size] = row.length;
      columns.direction[size] = row.direction;
      columns.protocols[size] = row.protocols;
      columns.port[size] = row.port;
      columns.flow[size] = row.flow;
      columns.device[size] = row.device;
      columns.cover[size] = row.cover ?? 0;
      columns.file[size] = row.file ?? 0;
      size++;
    },
    flow(row) {
      if (flows === table.transport.length) table = FLOW_COLUMNS.grow(table);
      table.transport[flows] = row.transport;
      table.localPort[flows] = row.localPort;
      table.remotePort[flows] = row.remotePort;
      table.localAddress[flows] = intern(row.localAddress);
      table.remoteAddress[flows] = intern(row.remoteAddress);
      table.wan[flows] = row.wan ? 1 : 0;
      table.header[flows] = row.header;
      return flows++;
    },
    build(seen) {
      const trace: Trace = {
        packets: size,
        ...TRACE_COLUMNS.trim(columns, size),
        files,
        devices,
        flows: { count: flows, ...FLOW_COLUMNS.trim(table, flows), addresses },
        ...(seen && { seen }),
      };
      return sorted ? trace : takePackets(trace, timeOrder(trace.time));
    },
  };
}

/**
 * Indices that put `time` in order; equal times keep their order. Radix sort: the bits of numbers that are not negative, read as
 * one integer, are in the order of the numbers.
 */
export function timeOrder(time: Float64Array): Uint32Array {
  let from = new Uint32Array(time.length);
  let isSorted = true;
  let isNegative = false;
  for (let i = 0; i < from.length; i++) {
    from[i] = i;
    if (i > 0 && time[i]! < time[i - 1]!) isSorted = false;
    if (time[i]! <= 0) isNegative ||= time[i]! < 0 || Object.is(time[i], -0);
  }
  if (isSorted) return from;
  if (isNegative) return from.sort((a, b) => time[a]! - time[b]! || a - b);
  const digits = new Uint16Array(time.buffer, time.byteOffset, time.length * 4);
  let to = new Uint32Array(time.length);
  const place = new Uint32Array(1 << 16);
  for (const digit of LOWEST_FIRST) {
    place.fill(0);
    for (let i = digit; i < digits.length; i += 4) place[digits[i]!]!++;
    // Times of one capture mostly share their highest digits.
    if (place[digits[digit]!] === time.length) continue;
    let sum = 0;
    for (let d = 0; d < place.length; d++) {
      const count = place[d]!;
      place[d] = sum;
      sum += count;
    }
    for (let i = 0; i < from.length; i++) {
      const row = from[i]!;
      to[place[digits[row * 4 + digit]!]!++] = row;
    }
    [from, to] = [to, from];
  }
  return from;
}

/** Positions of the 16-bit digits of a double in memory, lowest digit first. */
const LOWEST_FIRST = new Uint16Array(Float64Array.of(1).buffer)[3] === 0x3ff0 ? [0, 1, 2, 3] : [3, 2, 1, 0];

/** The packets `rows` of `trace`, in that order; devices, files and flows stay as they are. */
export function takePackets(trace: Trace, rows: Uint32Array): Trace {
  const seen = mapSeen(trace, (column) => take(column, rows));
  return { ...trace, packets: rows.length, ...TRACE_COLUMNS.take(trace, rows), ...seen };
}

/** The flows `rows` of `flows`, in that order; addresses and names stay as they are. */
export function takeFlows(flows: Flows, rows: Uint32Array): Flows {
  const { name } = flows;
  return { ...flows, count: rows.length, ...FLOW_COLUMNS.take(flows, rows), ...(name && { name: take(name, rows) }) };
}

/** The trace with no other columns beside its own than those of `columns`, as if no others had been asked for. */
export function showOnly({ seen, ...trace }: Trace, columns: readonly string[]): Trace {
  const { name: _name, names: _names, ...flows } = trace.flows;
  return { ...trace, flows: columns.includes('names') ? trace.flows : flows, ...pickSeen({ seen }, columns) };
}

/** A copy of `trace` in memory that threads share. */
export function shareTrace(trace: Trace): Trace {
  const { flows } = trace;
  const name = flows.name && { name: share(flows.name) };
  const seen = mapSeen(trace, share);
  return {
    ...trace,
    ...TRACE_COLUMNS.share(trace),
    ...seen,
    flows: { ...flows, ...FLOW_COLUMNS.share(flows), ...name },
  };
}

/** Frames of `trace` that a defense made. */
export function countCover({ cover }: Trace): number {
  let sum = 0;
  for (const value of cover) if (value === Cover.MADE) sum++;
  return sum;
}

/** Whether there are frames without user data. */
export function hasCover({ cover }: Trace): boolean {
  return cover.some((value) => value !== Cover.NONE);
}

/** The packets of `trace` for which `keep(row)` holds. */
export function filterPackets(trace: Trace, keep: (row: number) => boolean): Trace {
  const rows = new Uint32Array(trace.packets);
  let size = 0;
  for (let i = 0; i < trace.packets; i++) if (keep(i)) rows[size++] = i;
  return size === trace.packets ? trace : takePackets(trace, rows.subarray(0, size));
}
