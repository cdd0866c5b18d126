import { take } from '../shared/columns.js';
import { InputError, UsageError } from '../shared/errors.js';
import { mapSeen, pickSeen } from '../trace/seen.js';
import { Cover, Direction, type Trace } from '../trace/trace.js';
import {
  COVER,
  FEATURE_COLUMNS,
  NO_CLASS,
  type PacketFeatures,
  type RemoteEnds,
  type Sight,
  type Windows,
} from './windows.js';

/** Streams that windows are cut from: see {@link WindowOptions.mix}. */
export const MIXES = ['single', 'home', 'flow', 'remote'] as const;
export type Mix = (typeof MIXES)[number];

export interface WindowOptions {
  /** Packets per window, 1 to 65535; or seconds, above 0. */
  readonly size: number;
  /**
   * Packets from one window's start to the next one's, at least 1; or seconds, above 0. For prediction at most `size`, so that each
   * packet is in a window.
   */
  readonly stride: number;
  /** Unit of `size` and `stride`; packets by default. */
  readonly unit?: 'packets' | 'seconds';
  /**
   * 'home': one stream of all packets. 'single': a stream for each device, its own cover included; packets of no device
   * are one more stream. An observer who sees MAC addresses (the `lan` view) uses it in place of 'home'. 'flow': a stream for each
   * flow, for an observer who separates flows by address and port; a tunnel is one flow. 'remote': a stream for each address outside
   * the home, and one for what stays in it.
   */
  readonly mix: Mix;
  /** True where the capture files do not continue each other: a stream then ends with its file. */
  readonly separateFiles?: boolean;
  /**
   * 'service': the remote port in both directions. 'destination': the literal destination port, as in Dong et al.; on
   * inbound packets that is the home's own, mostly ephemeral, port.
   */
  readonly port: 'service' | 'destination';
  /** Names of the devices to tell apart. Without it the windows have no labels, as for prediction. */
  readonly classes?: readonly string[];
  /** True gives cover packets the class {@link COVER}, after the devices. Otherwise they have none. */
  readonly coverClass?: boolean;
  /** Sights that are shown beside {@link PacketFeatures}; none by default. */
  readonly sees?: readonly Sight[];
}

export interface BuiltWindows {
  readonly windows: Windows;
  /** The packet of the trace for each row of `windows.packets`. */
  readonly source: Uint32Array;
}

/**
 * Cuts a trace into streams, and those into windows at 0, `stride`, 2 `stride`, ... up to the first window that reaches
 * the stream's end; that one is shorter than `size` where packets run out. In seconds a stream's first packet is at 0, a window has the
 * packets before its end, and windows without packets are left out.
 * @throws UsageError for a size or stride out of range; InputError where the trace lacks a column of packets that is to be shown
 */
export function buildWindows(trace: Trace, options: WindowOptions): BuiltWindows {
  checkExtent(options);
  const { source, ends } = streams(trace, options);
  const begin = trace.time[0] ?? 0;
  const time = Float64Array.from(source, (row) => trace.time[row]! - begin);
  const { start, count } = options.unit === 'seconds' ? cutBySeconds(time, ends, options) : cutByPackets(ends, options);
  const { classes = [], coverClass = false, sees = [] } = options;
  const [missing] = missingSights(trace, sees);
  if (missing !== undefined) throw new InputError(`windows: expected traffic with ${missing}, found none`);
  const windows: Windows = {
    packets: features(trace, source, ends, options.port),
    start: Uint32Array.from(start),
    count: Uint32Array.from(count),
    size: options.unit === 'seconds' ? count.reduce((most, packets) => Math.max(most, packets), 1) : options.size,
    streamEnds: ends,
    time,
    classes: coverClass ? [...classes, COVER] : classes,
    label: labelPackets(trace, source, classes, coverClass),
    ...(sees.some((sight) => sight === 'remote' || sight === 'names') && { remote: remoteEnds(trace, source, sees) }),
    ...mapSeen(pickSeen(trace, sees), (column) => take(column, source)),
  };
  return { windows, source };
}

function checkExtent({ size, stride, unit }: WindowOptions): void {
  if (unit === 'seconds') {
    const [name, found] = size > 0 && Number.isFinite(size) ? ['stride', stride] : ['size', size];
    if (!(found > 0 && Number.isFinite(found))) {
      throw new UsageError(`window ${name}: expected more than 0 seconds, found ${found}`);
    }
    return;
  }
  if (!Number.isInteger(size) || size < 1 || size > 0xffff) {
    throw new UsageError(`window size: expected a whole number from 1 to 65535, found ${size}`);
  }
  if (!Number.isInteger(stride) || stride < 1) {
    throw new UsageError(`window stride: expected a whole number of at least 1, found ${stride}`);
  }
}

/** First row and number of rows of each window. */
interface Ranges {
  readonly start: number[];
  readonly count: number[];
}

function cutByPackets(ends: Uint32Array, { size, stride }: WindowOptions): Ranges {
  const ranges: Ranges = { start: [], count: [] };
  let from = 0;
  for (const end of ends) {
    for (let first = from; first < end; first += stride) {
      const packets = Math.min(size, end - first);
      ranges.start.push(first);
      ranges.count.push(packets);
      if (first + packets === end) break;
    }
    from = end;
  }
  return ranges;
}

function cutBySeconds(time: Float64Array, ends: Uint32Array, { size, stride }: WindowOptions): Ranges {
  const ranges: Ranges = { start: [], count: [] };
  let from = 0;
  for (const end of ends) {
    const origin = time[from]!;
    let first = from;
    let after = from;
    // Windows are numbered, so that no error of rounding adds up.
    for (let k = 0; first < end && after < end; ) {
      const begin = origin + k * stride;
      while (first < end && time[first]! < begin) first++;
      after = Math.max(after, first);
      while (after < end && time[after]! < begin + size) after++;
      if (after > first) {
        ranges.start.push(first);
        ranges.count.push(after - first);
        k++;
      } else if (first < end) {
        // The next window that reaches the next packet.
        k = Math.max(k + 1, Math.ceil((time[first]! - origin - size) / stride));
      }
    }
    from = end;
  }
  return ranges;
}

/** Lists those of `sees` that the trace should have and does not. Names it may lack. */
export function missingSights({ seen = {} }: Trace, sees: readonly Sight[]): Sight[] {
  return sees.filter((sight) => sight !== 'remote' && sight !== 'names' && seen[sight] === undefined);
}

/** Frames that stay in the home have MAC or private addresses at the other end, which would tell one home from another. */
function remoteEnds({ flow, flows }: Trace, source: Uint32Array, sees: readonly Sight[]): RemoteEnds {
  const { wan, remoteAddress, addresses, name, names } = flows;
  const isNamed = sees.includes('names');
  const rows = new Map<string, number>();
  const ends: { readonly address: string; readonly name: string }[] = [];
  const endOfFlow = Uint32Array.from({ length: flows.count }, (_, row) => {
    const isOutside = wan[row] === 1;
    const address = isOutside && sees.includes('remote') ? addresses[remoteAddress[row]!]! : '';
    const end = { address, name: isOutside && isNamed && name && names ? names[name[row]!]! : '' };
    const key = `${end.address} ${end.name}`;
    const known = rows.get(key) ?? ends.push(end) - 1;
    rows.set(key, known);
    return known;
  });
  return {
    of: Uint32Array.from(source, (row) => endOfFlow[flow[row]!]!),
    addresses: ends.map((end) => end.address),
    ...(isNamed && { names: ends.map((end) => end.name) }),
  };
}

/**
 * The class of each window: the device that has most of its packets, the first of equals, however much cover there is among them, since
 * only real packets are to be named; cover where there is nothing else with a class, and {@link NO_CLASS} where there is nothing at all.
 */
export function labelWindows({ start, count, label, classes }: Windows): Uint16Array {
  const cover = classes.indexOf(COVER);
  const packets = new Uint32Array(classes.length);
  return Uint16Array.from(start, (from, window) => {
    packets.fill(0);
    for (let row = from; row < from + count[window]!; row++) if (label[row] !== NO_CLASS) packets[label[row]!]!++;
    let best = NO_CLASS;
    for (let c = 0; c < packets.length; c++) {
      if (c !== cover && packets[c]! > (packets[best] ?? 0)) best = c;
    }
    return best === NO_CLASS && cover >= 0 && packets[cover]! > 0 ? cover : best;
  });
}

/**
 * The class of each of the packets `rows`: the index of its device's name in `classes`, `classes.length` for cover where
 * `coverClass` is set, and {@link NO_CLASS} for all others. Devices are matched by name, not index, so classes learned on one
 * trace apply to another.
 * @throws InputError where a device has the name of the cover class.
 */
export function labelPackets(
  trace: Trace,
  rows: Uint32Array,
  classes: readonly string[],
  coverClass = false,
): Uint16Array {
  if (coverClass && classes.includes(COVER)) {
    throw new InputError(`device "${COVER}": the name stands for cover traffic, expected another`);
  }
  const classOf = trace.devices.map(({ name }) => {
    const index = classes.indexOf(name);
    return index < 0 ? NO_CLASS : index;
  });
  const cover = coverClass ? classes.length : NO_CLASS;
  const label = new Uint16Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    label[i] = trace.cover[row] !== Cover.NONE ? cover : (classOf[trace.device[row]!] ?? NO_CLASS);
  }
  return label;
}

/**
 * The same packet table with fewer windows: evenly spaced ones with at most `maximum` packets in total, where shared packets count
 * once for each window. At least one window stays.
 */
export function thinWindows(windows: Windows, maximum: number): Windows {
  let packets = 0;
  for (const count of windows.count) packets += count;
  if (packets <= maximum) return windows;
  const keep = Math.max(1, Math.floor((windows.start.length * maximum) / packets));
  const kept = Uint32Array.from({ length: keep }, (_, i) => Math.floor((i * windows.start.length) / keep));
  return { ...windows, start: take(windows.start, kept), count: take(windows.count, kept) };
}

/** The rows of `windows.packets` that are in at least one window, ascending, each once. */
export function rowsInWindows({ packets, start, count }: Windows): Uint32Array {
  const rows = new Uint32Array(packets.rows);
  const seen = new Uint8Array(packets.rows);
  for (let w = 0; w < start.length; w++) seen.fill(1, start[w]!, start[w]! + count[w]!);
  let size = 0;
  for (let row = 0; row < seen.length; row++) if (seen[row] === 1) rows[size++] = row;
  return rows.subarray(0, size);
}

/** The rows of `windows.packets` that are in a window and have a class. */
export function labelledRows(windows: Windows): Uint32Array {
  return rowsInWindows(windows).filter((row) => windows.label[row] !== NO_CLASS);
}

/** The packets of the trace, stream after stream in order of their first packets, and where each stream ends. */
function streams(
  trace: Trace,
  { mix, separateFiles = false }: WindowOptions,
): { source: Uint32Array; ends: Uint32Array } {
  const ids = new Map<number, number>();
  const stream = new Uint32Array(trace.packets);
  for (let i = 0; i < trace.packets; i++) {
    const part = partOf(trace, i, mix);
    const key = part + (separateFiles ? trace.file[i]! * 2 ** 32 : 0);
    let id = ids.get(key);
    if (id === undefined) {
      id = ids.size;
      ids.set(key, id);
    }
    stream[i] = id;
  }
  // A counting sort: stable, so each stream stays in order of time.
  const ends = new Uint32Array(ids.size);
  for (const id of stream) ends[id]!++;
  for (let id = 1; id < ends.length; id++) ends[id]! += ends[id - 1]!;
  const next = Uint32Array.from(ends, (_, id) => ends[id - 1] ?? 0);
  const source = new Uint32Array(trace.packets);
  for (let i = 0; i < trace.packets; i++) source[next[stream[i]!]!++] = i;
  return { source, ends };
}

function partOf({ device, flow, flows }: Trace, packet: number, mix: Mix): number {
  if (mix === 'single') return device[packet]!;
  if (mix === 'flow') return flow[packet]!;
  if (mix === 'remote') return flows.wan[flow[packet]!] === 1 ? flows.remoteAddress[flow[packet]!]! + 1 : 0;
  return 0;
}

function features(
  trace: Trace,
  source: Uint32Array,
  ends: Uint32Array,
  portOption: WindowOptions['port'],
): PacketFeatures {
  const rows = source.length;
  const { port, protocols, direction, length, interval } = FEATURE_COLUMNS.allocate(rows);
  let row = 0;
  for (const end of ends) {
    let before = row < end ? trace.time[source[row]!]! : 0;
    for (; row < end; row++) {
      const packet = source[row]!;
      port[row] = portOf(trace, packet, portOption);
      protocols[row] = trace.protocols[packet]!;
      direction[row] = trace.direction[packet]!;
      length[row] = trace.length[packet]!;
      interval[row] = trace.time[packet]! - before;
      before = trace.time[packet]!;
    }
  }
  return { rows, port, protocols, direction, length, interval };
}

/** The feature `port` of a packet. */
export function portOf(trace: Trace, packet: number, option: WindowOptions['port']): number {
  const own = option === 'destination' && trace.direction[packet] === Direction.INBOUND;
  return own ? trace.flows.localPort[trace.flow[packet]!]! : trace.port[packet]!;
}
