import { InputError, UsageError } from '../shared/errors.js';
import { Cover, Direction, type Trace } from '../trace/trace.js';
import { COVER, FEATURE_COLUMNS, NO_CLASS, type PacketFeatures, type Windows } from './windows.js';

/** Streams that windows are cut from: see {@link WindowOptions.mix}. */
export const MIXES = ['single', 'home', 'flow'] as const;
export type Mix = (typeof MIXES)[number];

export interface WindowOptions {
  /** Packets per window, 1 to 65535. */
  readonly size: number;
  /** Packets from one window's start to the next one's, at least 1. For prediction: `size`, so that each packet is in one window. */
  readonly stride: number;
  /**
   * 'home': one stream of all packets. 'single': a stream for each device, its own cover included; packets of no device
   * are one more stream. An observer who sees MAC addresses (the `lan` view) uses it in place of 'home'. 'flow': a stream for each
   * flow, for an observer who separates flows by address and port; a tunnel is one flow.
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
}

export interface BuiltWindows {
  readonly windows: Windows;
  /** The packet of the trace for each row of `windows.packets`. */
  readonly source: Uint32Array;
}

/**
 * Cuts a trace into streams, and those into windows at 0, `stride`, 2 `stride`, ... up to the first window that reaches
 * the stream's end; that one is shorter than `size` where packets run out.
 * @throws UsageError for a size or stride out of range.
 */
export function buildWindows(trace: Trace, options: WindowOptions): BuiltWindows {
  const { size, stride } = options;
  if (!Number.isInteger(size) || size < 1 || size > 0xffff) {
    throw new UsageError(`window size: expected a whole number from 1 to 65535, found ${size}`);
  }
  if (!Number.isInteger(stride) || stride < 1) {
    throw new UsageError(`window stride: expected a whole number of at least 1, found ${stride}`);
  }
  const { source, ends } = streams(trace, options);
  const start: number[] = [];
  const count: number[] = [];
  let from = 0;
  for (const end of ends) {
    for (let first = from; first < end; first += stride) {
      const packets = Math.min(size, end - first);
      start.push(first);
      count.push(packets);
      if (first + packets === end) break;
    }
    from = end;
  }
  const { classes = [], coverClass = false } = options;
  const windows: Windows = {
    packets: features(trace, source, ends, options.port),
    start: Uint32Array.from(start),
    count: Uint16Array.from(count),
    size,
    classes: coverClass ? [...classes, COVER] : classes,
    label: labelPackets(trace, source, classes, coverClass),
  };
  return { windows, source };
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
  const start = new Uint32Array(keep);
  const count = new Uint16Array(keep);
  for (let i = 0; i < keep; i++) {
    const window = Math.floor((i * windows.start.length) / keep);
    start[i] = windows.start[window]!;
    count[i] = windows.count[window]!;
  }
  return { ...windows, start, count };
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

/** The packets of the trace, stream after stream in order of their first packets, and where each stream ends. */
function streams(
  trace: Trace,
  { mix, separateFiles = false }: WindowOptions,
): { source: Uint32Array; ends: Uint32Array } {
  const ids = new Map<number, number>();
  const stream = new Uint32Array(trace.packets);
  for (let i = 0; i < trace.packets; i++) {
    const part = mix === 'single' ? trace.device[i]! : mix === 'flow' ? trace.flow[i]! : 0;
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
