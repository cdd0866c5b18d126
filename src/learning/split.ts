import { InputError, UsageError } from '../shared/errors.js';
import { formatDuration } from '../shared/quantities.js';
import { mapSeen } from '../trace/seen.js';
import { filterPackets, NO_DEVICE, type Trace } from '../trace/trace.js';

/**
 * A training and a test part. Packets are split before windows are made, so no window crosses a cut and no packet is on
 * both sides (Dong et al., arXiv 1909.00104, cut windows first in some re-implementations, and
 * neighbouring windows then share most of their packets across the split).
 */
export interface Split {
  readonly train: Trace;
  readonly test: Trace;
}

/**
 * The time of the first packet after the first `fraction` of the packets.
 * @throws UsageError for a fraction outside (0, 1); InputError for a trace of fewer than two packets.
 */
export function cutTime(trace: Trace, fraction: number): number {
  checkFraction(fraction);
  if (trace.packets < 2) throw new InputError(`split by time: expected at least 2 packets, found ${trace.packets}`);
  const first = Math.min(trace.packets - 1, Math.max(1, Math.floor(trace.packets * fraction)));
  return trace.time[first]!;
}

/** Packets before `time` train, those at `time` and later test. Either may be empty. The columns are views, not copies. */
export function splitAt(trace: Trace, time: number): Split {
  let low = 0;
  let high = trace.packets;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (trace.time[middle]! < time) low = middle + 1;
    else high = middle;
  }
  return { train: packetRange(trace, 0, low), test: packetRange(trace, low, trace.packets) };
}

/**
 * The first `fraction` of the packets trains, the rest tests. All packets at the time of the cut test.
 * @param gap seconds after the last training packet whose packets are in neither part
 * @throws as {@link cutTime}; InputError where all packets before the cut have its time, or none is left after the gap.
 */
export function splitByTime(trace: Trace, fraction: number, gap = 0): Split {
  const cut = cutTime(trace, fraction);
  const { train } = splitAt(trace, cut);
  if (train.packets === 0) throw new InputError('split by time: no packet is earlier than the cut');
  const trained = train.time[train.packets - 1]!;
  const { test } = splitAt(trace, Math.max(cut, trained + gap));
  if (test.packets === 0) {
    const last = trace.time[trace.packets - 1]! - trained;
    throw new InputError(
      `split by time: expected packets ${formatDuration(gap)} after the training part, found the last one ${formatDuration(last)} after it`,
    );
  }
  return { train, test };
}

/**
 * Whole files train or test. Files with devices in common form a group (where each file has one device: the files of that device).
 * In each group files are ordered by their first packet, and the first `fraction` of them trains: at least one, and not all
 * where there are two or more. Where that leaves a device with several files on one side only, the nearest cut that leaves
 * the fewest such devices is taken instead. A device whose packets are all in one file is on one side only; callers that need
 * both sides must leave it out.
 * @throws UsageError for a fraction outside (0, 1).
 */
export function splitByFile(trace: Trace, fraction: number): Split {
  checkFraction(fraction);
  return cutGroups(trace, (group) => {
    const last = Math.max(1, group.files.length - 1);
    return fairestCut(group, Math.min(last, Math.max(1, Math.round(group.files.length * fraction))));
  });
}

/**
 * Cuts a validation part of about `fraction` off the end of a training part and returns it as `test`: the end of its time or, where
 * whole files train or test, its last files. A group of files (see {@link splitByFile}) that is too small to lose one stays whole,
 * so the validation part may lack devices, or be empty.
 * @throws UsageError for a fraction outside (0, 1).
 */
export function splitValidation(train: Trace, fraction: number, by: 'time' | 'file'): Split {
  checkFraction(fraction);
  if (by === 'file') {
    return cutGroups(train, ({ files }) => Math.max(1, files.length - Math.round(files.length * fraction)));
  }
  return train.packets < 2 ? splitAt(train, Number.POSITIVE_INFINITY) : splitAt(train, cutTime(train, 1 - fraction));
}

/**
 * Files at or below the paths `train` train, those at or below `test` test; both as written in `trace.files`.
 * @throws UsageError for a file on both sides or on none.
 */
export function splitByPaths(trace: Trace, train: readonly string[], test: readonly string[]): Split {
  const below = (file: string, paths: readonly string[]) =>
    paths.some((path) => file === path || file.startsWith(path.endsWith('/') ? path : `${path}/`));
  const inTrain = trace.files.map((file) => {
    const trains = below(file, train);
    if (trains === below(file, test)) {
      throw new UsageError(
        `${file}: expected in the training or in the test paths, found in ${trains ? 'both' : 'none'}`,
      );
    }
    return trains;
  });
  return splitFiles(trace, (file) => inTrain[file]!);
}

/** Files with devices in common, in order of their first packets. */
interface FileGroup {
  readonly files: readonly number[];
  /** The first and the last place of each device in `files`. */
  readonly devices: readonly { readonly first: number; readonly last: number }[];
}

/** Splits after the first `cut(group)` files of each group. */
function cutGroups(trace: Trace, cut: (group: FileGroup) => number): Split {
  const inTrain = new Set<number>();
  for (const group of fileGroups(trace)) for (const file of group.files.slice(0, cut(group))) inTrain.add(file);
  return splitFiles(trace, (file) => inTrain.has(file));
}

function fileGroups(trace: Trace): FileGroup[] {
  // Sets keep the order of insertion, and packets are in order of time.
  const devicesOf = new Map<number, Set<number>>();
  for (let i = 0; i < trace.packets; i++) {
    const devices = devicesOf.get(trace.file[i]!);
    if (devices) devices.add(trace.device[i]!);
    else devicesOf.set(trace.file[i]!, new Set([trace.device[i]!]));
  }
  for (const devices of devicesOf.values()) devices.delete(NO_DEVICE);
  const groups: FileGroup[] = [];
  const left = new Set(devicesOf.keys());
  for (const seed of left) {
    const files = new Set<number>();
    const devices = new Set<number>();
    const waiting = [seed];
    for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
      files.add(file);
      left.delete(file);
      for (const device of devicesOf.get(file)!) {
        if (devices.has(device)) continue;
        devices.add(device);
        for (const other of left) if (devicesOf.get(other)!.has(device)) waiting.push(other);
      }
    }
    const ordered = [...devicesOf.keys()].filter((file) => files.has(file));
    const places = [...devices].map((device) => {
      const has = (file: number) => devicesOf.get(file)!.has(device);
      return { first: ordered.findIndex(has), last: ordered.findLastIndex(has) };
    });
    groups.push({ files: ordered, devices: places });
  }
  return groups;
}

/** The cut nearest to `wanted` among those that leave the fewest devices of several files on one side only. */
function fairestCut({ files, devices }: FileGroup, wanted: number): number {
  let best = wanted;
  let fewest = Number.POSITIVE_INFINITY;
  for (let distance = 0; distance < files.length; distance++) {
    for (const cut of [wanted - distance, wanted + distance]) {
      if (cut < 1 || cut >= files.length) continue;
      const unfair = devices.filter(({ first, last }) => first < last && (cut <= first || cut > last)).length;
      if (unfair < fewest) {
        best = cut;
        fewest = unfair;
      }
    }
  }
  return best;
}

function splitFiles(trace: Trace, trains: (file: number) => boolean): Split {
  return {
    train: filterPackets(trace, (row) => trains(trace.file[row]!)),
    test: filterPackets(trace, (row) => !trains(trace.file[row]!)),
  };
}

/** Packets from row `from` up to but not including row `to`. The columns are views, not copies. */
export function packetRange(trace: Trace, from: number, to: number): Trace {
  return {
    ...trace,
    packets: to - from,
    time: trace.time.subarray(from, to),
    length: trace.length.subarray(from, to),
    direction: trace.direction.subarray(from, to),
    protocols: trace.protocols.subarray(from, to),
    port: trace.port.subarray(from, to),
    flow: trace.flow.subarray(from, to),
    device: trace.device.subarray(from, to),
    cover: trace.cover.subarray(from, to),
    file: trace.file.subarray(from, to),
    ...mapSeen(trace, (column) => column.subarray(from, to)),
  };
}

function checkFraction(fraction: number): void {
  if (!(fraction > 0 && fraction < 1))
    throw new UsageError(`split: expected a fraction between 0 and 1, found ${fraction}`);
}
