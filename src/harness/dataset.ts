import { basename, resolve } from 'node:path';
import { generateFittedHome } from '../home/fitted/home.js';
import { readProfiles } from '../home/fitted/profile.js';
import { generateHome } from '../home/home.js';
import { type Split, splitAt, splitByFile, splitByPaths, splitByTime } from '../learning/split.js';
import type { DatasetSummary, ResolvedSpec } from '../result/result.js';
import { InputError } from '../shared/errors.js';
import type { OnProgress } from '../shared/progress.js';
import { createRng } from '../shared/rng.js';
import { describeClock } from '../trace/clock.js';
import { hashTrace } from '../trace/hash-trace.js';
import type { LabelledTrace } from '../trace/labels/labels.js';
import { loadTrace, warningsOf } from '../trace/load.js';
import type { ColumnName } from '../trace/seen.js';
import { filterPackets, NO_DEVICE, showOnly, type Trace } from '../trace/trace.js';
import { type AppliedView, nothingSeen } from '../view/observe.js';
import { builtIns, type Registry } from './plugins/registry.js';
import { columnsByAttack } from './setting.js';

/** Labelled traffic before any view, read or generated, with the facts that a report must state. */
interface Dataset {
  readonly name: string;
  readonly synthetic: boolean;
  readonly trace: Trace;
  readonly ingest: DatasetSummary['ingest'];
  /** The warnings that are about gaps and the clock. */
  readonly clock: readonly string[];
  readonly warnings: readonly string[];
  /** Captures with the same packets, each group under the paths of its files. */
  readonly identical: readonly (readonly string[])[];
}

/** Loads the traffic of a spec. */
export type Loader = (spec: ResolvedSpec) => Promise<Dataset>;

export interface LoaderOptions {
  readonly onProgress?: OnProgress;
  /** Plug-ins among which the attacks of the specs are looked up, which say what to read; by default those that are built in. */
  readonly plugins?: Registry;
}

/**
 * Makes a loader for `specs` in their order, which reads data only once if the next spec has the same. A dataset has the columns that the
 * attacks of its spec see, whatever those of others do.
 */
export function createLoader(
  specs: readonly ResolvedSpec[],
  { onProgress, plugins = builtIns }: LoaderOptions = {},
): Loader {
  let last: { readonly name: string; readonly show: Shown } | null = null;
  const nameOf = (spec: ResolvedSpec | undefined) => JSON.stringify(spec?.data);
  const columnsOf = (spec: ResolvedSpec) => [...new Set(Object.values(columnsByAttack(spec, plugins)).flat())];
  return async (spec) => {
    const name = nameOf(spec);
    const columns = specs.filter((one) => nameOf(one) === name).flatMap(columnsOf);
    const show = last?.name === name ? last.show : await loadDataset(spec, [...new Set(columns)], onProgress);
    // Lets go of data as soon as no later spec needs them.
    last = nameOf(specs[specs.indexOf(spec) + 1]) === name ? { name, show } : null;
    return show(columnsOf(spec));
  };
}

/** Gives a dataset with some of the columns that were read. */
type Shown = (columns: readonly ColumnName[]) => Dataset;

/** Reads the captures, or generates the home, that `spec` names. */
async function loadDataset(
  { data }: ResolvedSpec,
  columns: readonly ColumnName[],
  onProgress?: OnProgress,
): Promise<Shown> {
  if (data.kind === 'synthetic') {
    const { hours, seed, profiles } = data;
    const trace =
      profiles === undefined
        ? generateHome({ hours, seed })
        : generateFittedHome(readProfiles(profiles), { hours, seed });
    const dataset: Dataset = {
      name: `synthetic home${profiles === undefined ? '' : ` of ${basename(profiles)}`}, ${hours} h, seed ${seed}`,
      synthetic: true,
      trace,
      ingest: { read: trace.packets, kept: trace.packets, dropped: {} },
      clock: [],
      warnings: [],
      identical: [],
    };
    return () => dataset;
  }
  const loaded = await loadTrace(data.paths, data.labels, { onProgress, duplicates: data.duplicates, columns });
  const { report, identical } = loaded;
  const { read, kept, dropped } = report;
  return (shown) => ({
    name: nameOfPaths(data.paths),
    synthetic: false,
    trace: showOnly(loaded.trace, withoutMissing(shown, report)),
    ingest: { read, kept, dropped },
    clock: describeClock(report),
    warnings: warningsOf({ ...loaded, trace: showOnly(loaded.trace, shown) }),
    identical,
  });
}

/** Leaves out what captures cut to their headers do not have, and what is read for them is 0 throughout. */
function withoutMissing(columns: readonly ColumnName[], { payloads }: LabelledTrace['report']): ColumnName[] {
  const isMissing = payloads !== undefined && payloads.packets > 0 && payloads.missing === payloads.packets;
  return columns.filter((column) => column !== 'payloadEntropy' || !isMissing);
}

/** Names captures as reports do. */
export function nameOfPaths(paths: readonly string[]): string {
  return paths.map((path) => basename(resolve(path))).join(', ');
}

/** A training and a test part with the same devices, as the view shows them without any defense. */
export interface TrainTest extends Split {
  /** Names of the devices that an attack has to tell apart: the classes of all windows. */
  readonly classes: readonly string[];
  readonly devices: DatasetSummary['devices'];
  readonly warnings: readonly string[];
  /** Names of the devices that are in the test part only, in an open world: see holdOut. */
  readonly unknown?: readonly string[];
}

/** Data of a spec. */
interface OpenData {
  /** Before any view. */
  readonly trace: Trace;
  readonly parts: TrainTest;
  /** Its hash leaves out the columns that attacks see beyond packets and addresses: it is the same whatever the attacks. */
  readonly summary: DatasetSummary;
  /** Gives the hash of what the view shows with those of `columns` that there are. */
  readonly hashWith: (columns: readonly ColumnName[]) => string;
  readonly warnings: readonly string[];
}

/**
 * Reads the data of `spec` and cuts what the view shows of it in two.
 * @throws UsageError, InputError
 */
export async function openData(
  spec: ResolvedSpec,
  { view }: AppliedView,
  load: Loader = createLoader([spec]),
): Promise<OpenData> {
  const dataset = await load(spec);
  // Uses a random stream of its own, so that the ports that the gateway hands out change no split.
  const seen = view.select(dataset.trace, createRng(spec.seed, 'split'));
  if (seen.packets === 0) throw nothingSeen(dataset.trace, view);
  const parts = explaining(dataset.clock, () => splitDataset(seen, spec));
  const unseen = dataset.trace.packets - seen.packets;
  const { read, kept, dropped } = dataset.ingest;
  const leaks = describeLeaks(dataset.identical, parts);
  const summary: DatasetSummary = {
    name: dataset.name,
    sha256: hashTrace(showOnly(seen, [])),
    synthetic: dataset.synthetic,
    packets: seen.packets,
    devices: parts.devices,
    ...spanOf(seen),
    ingest: {
      read,
      kept: kept - unseen,
      dropped: unseen > 0 ? { ...dropped, [`not seen in the ${spec.view.name} view`]: unseen } : dropped,
    },
  };
  const warnings = [...dataset.warnings, ...leaks, ...parts.warnings];
  const hashWith: OpenData['hashWith'] = (columns) => hashTrace(showOnly(seen, columns));
  return { trace: dataset.trace, parts, summary, hashWith, warnings };
}

/** Finds captures that are in both parts under different names: the test would then ask for what was learnt by heart. */
function describeLeaks(identical: Dataset['identical'], { train, test }: Split): string[] {
  const filesOf = ({ file, files }: Trace) => new Set([...new Set(file)].map((row) => files[row]!));
  if (identical.length === 0) return [];
  const [trained, tested] = [filesOf(train), filesOf(test)];
  return identical.flatMap((paths) => {
    const [a, b] = [
      paths.find((path) => trained.has(path)),
      paths.find((path) => tested.has(path) && !trained.has(path)),
    ];
    if (a === undefined || b === undefined) return [];
    return [
      `${a} trains and ${b} tests, but they hold the same packets: results are better than the attack is; leave one out`,
    ];
  });
}

/** Runs `what`. If the data are at fault, adds the notes on them to the error, since they may be the reason. */
function explaining<T>(notes: readonly string[], what: () => T): T {
  try {
    return what();
  } catch (error) {
    if (!(error instanceof InputError) || notes.length === 0) throw error;
    throw new InputError(`${error.message} (${notes.join('; ')})`, { cause: error });
  }
}

/** Finds the times of the first and the last packet. */
export function spanOf({ packets, time }: Trace): { from: number | null; to: number | null } {
  return { from: packets > 0 ? time[0]! : null, to: packets > 0 ? time[packets - 1]! : null };
}

/**
 * Cuts what the view shows in two, and leaves out devices that have too few packets on either side. There is no test part where
 * the spec trains on all.
 * @throws InputError where fewer than two devices remain: there is nothing to tell apart; where one that was to be held out has too
 * few packets to test on.
 */
function splitDataset(seen: Trace, spec: ResolvedSpec): TrainTest {
  const { split, data } = spec;
  const isWhole = split.train === 1;
  const whole = isWhole
    ? splitAt(seen, Number.POSITIVE_INFINITY)
    : split.by === 'paths' && data.kind === 'captures'
      ? splitByPaths(seen, data.train!, data.test!)
      : split.by === 'file'
        ? splitByFile(seen, split.train!)
        : splitByTime(seen, split.train!, (split.gap ?? 0) * 3600);
  const train = countByDevice(whole.train);
  const test = countByDevice(whole.test);
  const all = countByDevice(seen);
  const warnings: string[] = [];
  const kept = new Uint8Array(NO_DEVICE + 1);
  const devices = seen.devices.map(({ name, category }, i) => {
    const counts = { packets: all[i]!, train: train[i]!, test: test[i]! };
    // A held-out device needs no packets to train on.
    const isUnknown = typeof spec.unknown !== 'number' && spec.unknown?.includes(name);
    const trains = isUnknown || counts.train >= spec.minimumPackets;
    if (trains && (isWhole || counts.test >= spec.minimumPackets)) {
      kept[i] = 1;
      return { name, category, ...counts };
    }
    if (isUnknown) {
      throw new InputError(
        `--unknown ${name}: expected at least ${spec.minimumPackets} packets to test on, found ${counts.test}`,
      );
    }
    warnings.push(
      counts.packets === 0
        ? `${name} is left out: the ${spec.view.label} view shows no packet of it`
        : isWhole
          ? `${name} is left out: ${counts.train} packets to train on, at least ${spec.minimumPackets} are needed`
          : `${name} is left out: ${counts.train} packets to train on and ${counts.test} to test on, at least ${spec.minimumPackets} of each are needed`,
    );
    return { name, category, packets: counts.packets, train: 0, test: 0 };
  });
  const classes = seen.devices.filter((_, i) => kept[i] === 1).map((device) => device.name);
  if (classes.length < 2) {
    throw new InputError(
      `expected at least two devices with ${spec.minimumPackets} packets or more${isWhole ? '' : ' on both sides of the split'}, found ${classes.length} of ${seen.devices.length}`,
    );
  }
  const keep = (trace: Trace) => filterPackets(trace, (row) => kept[trace.device[row]!] === 1);
  const parts = { train: keep(whole.train), test: keep(whole.test) };
  if (spec.mix === 'home' && !devicesOverlap(isWhole ? parts.train : parts.test)) {
    warnings.push(
      'no two devices of the test part are captured at the same time: windows hold the packets of one device, as with --mix single',
    );
  }
  return { ...parts, classes, devices, warnings };
}

/** Counts the packets of each device, in the order of `trace.devices`. */
function countByDevice(trace: Trace): Uint32Array {
  const counts = new Uint32Array(NO_DEVICE + 1);
  for (const device of trace.device) counts[device]!++;
  return counts;
}

/** Tells whether packets of devices alternate. If each capture is of one device, the device changes at most once a file. */
function devicesOverlap({ device, file }: Trace): boolean {
  let changes = 0;
  for (let i = 1; i < device.length; i++) if (device[i] !== device[i - 1]) changes++;
  return changes > new Set(file).size;
}
