import { basename, resolve } from 'node:path';
import { checked } from '../result/check.js';
import { benchRequest } from '../result/request.js';
import type { ResolvedDefense, ResolvedPlugin, Result } from '../result/result.js';
import type { DefendedTrace } from '../shaping/account.js';
import { type Cost, costOf } from '../shaping/cost.js';
import type { Training } from '../shaping/shaper.js';
import { InputError, UsageError } from '../shared/errors.js';
import { checkWritable, PRIVATE, statIfThere, writeFileAtomic } from '../shared/files.js';
import type { OnProgress } from '../shared/progress.js';
import { createRng, type Rng } from '../shared/rng.js';
import { formatLabels } from '../trace/labels/label-file.js';
import { type Coverage, type LabelledTrace, NO_LABELLED_DEVICE } from '../trace/labels/labels.js';
import { loadTrace, warningsOf } from '../trace/load.js';
import type { Duplicates } from '../trace/read/duplicates.js';
import { expandPaths } from '../trace/read/paths.js';
import { normaliseMac } from '../trace/scope.js';
import { countCover, filterPackets, type Trace } from '../trace/trace.js';
import { deviceLabels, deviceMac } from '../trace/write/device-macs.js';
import { writerOf } from '../trace/write/write.js';
import { type AppliedView, observe } from '../view/observe.js';
import { describeTool } from './environment.js';
import {
  builtIns,
  defenseOf,
  prepareAll,
  type Registry,
  resolveDefense,
  resolveView,
  tunnelsAmong,
} from './plugins/registry.js';
import { appliedView } from './setting.js';
import { checkTunnels } from './spec.js';

/** A request to apply a defense to captures and write the outcome. */
export interface DefendRequest {
  /** Capture files and folders, as taken in the home or at its gateway. */
  captures: readonly string[];
  /** Path of the output: a .pcap file, or an .arrow table, which includes the ground truth. */
  out: string;
  defense: string;
  /** As BenchRequest has it; then other devices' packets are left out. Without, each host is a device. */
  labels?: string;
  /** Whether packets that the captures hold twice are counted; dropped by default. */
  duplicates?: Duplicates;
  /** Path of a CSV file of labels to write for the output. */
  writeLabels?: string;
  /** The view of the output: lan by default, napt if the defense is a tunnel. */
  view?: string;
  /** Captures that the defense learns from. */
  learn?: readonly string[];
  /** Mbit/s of the link behind the defense. */
  capacity?: number;
  seed?: number;
}

export interface DefendResult {
  readonly schemaVersion: 1;
  readonly tool: Result['tool'];
  readonly data: {
    readonly name: string;
    readonly ingest: { readonly read: number; readonly dropped: Readonly<Record<string, number>> };
    /** Packets of the view without the defense. */
    readonly packets: number;
    readonly bytes: number;
  };
  readonly defense: ResolvedDefense;
  readonly view: ResolvedPlugin;
  readonly capacity: number | null;
  readonly seed: number;
  readonly output: {
    readonly path: string;
    readonly labels: string | null;
    readonly packets: number;
    /** Packets without user data. */
    readonly cover: number;
    /** Bytes on the wire. */
    readonly bytes: number;
    readonly fileBytes: number;
  };
  readonly cost: Cost;
  /** Notes on the file, one line each. */
  readonly notes: readonly string[];
}

/** Captures under a defense, as `defend` writes them and `replay` sends them. */
export interface DefendedCaptures {
  readonly defense: ResolvedDefense;
  readonly view: ResolvedPlugin;
  readonly seed: number;
  readonly capacity: number | null;
  readonly defended: DefendedTrace;
  /** The view's traffic without the defense. */
  readonly base: Trace;
  readonly ingest: DefendResult['data']['ingest'];
  readonly notes: readonly string[];
  /** For {@link WritePcapOptions}. */
  readonly macs: readonly string[];
  readonly outside: boolean;
  readonly rng: Rng;
}

/**
 * Applies a defense to captures and writes what an observer at the view's place would then capture. The same request gives the same bytes.
 * @throws UsageError before anything is read; InputError for captures without traffic, or a place that cannot be written.
 */
export async function defend(
  request: DefendRequest,
  onProgress?: OnProgress,
  registry: Registry = builtIns,
): Promise<DefendResult> {
  const { captures, out, writeLabels } = request;
  const resolved = resolveRequest(request, registry);
  const write = writerOf(out, 'OUT');
  const outputs = writeLabels === undefined ? [out] : [out, writeLabels];
  const inputs = await checkPaths(request, outputs, resolved.defense, registry);
  if (writeLabels !== undefined && !resolved.applied.view.perDevice) {
    const { name } = resolved.view;
    throw new UsageError(`--write-labels: the view ${name} shows one address for all devices, nothing to label`);
  }
  for (const path of outputs) checkWritable(path);
  const result = await apply(request, resolved, inputs, onProgress, registry);
  const { defense, view, seed, capacity, defended, base, ingest, notes, macs, outside, rng } = result;
  const written = write(defended.trace, out, { macs, outside, rng });
  if (writeLabels !== undefined)
    writeFileAtomic(writeLabels, formatLabels(deviceLabels(defended.trace, macs)), PRIVATE);
  return {
    schemaVersion: 1,
    tool: describeTool(),
    data: {
      name: captures.map((capture) => basename(resolve(capture))).join(', '),
      ingest,
      packets: base.packets,
      bytes: sum(base.length),
    },
    defense,
    view,
    capacity,
    seed,
    output: {
      path: out,
      labels: writeLabels ?? null,
      packets: defended.trace.packets,
      cover: countCover(defended.trace),
      bytes: sum(defended.trace.length),
      fileBytes: written.bytes,
    },
    cost: costOf(defended, base),
    notes,
  };
}

/**
 * The same, with nothing written.
 * @throws as {@link defend}
 */
export async function defendCaptures(
  request: Omit<DefendRequest, 'out' | 'writeLabels'>,
  onProgress?: OnProgress,
  registry: Registry = builtIns,
): Promise<DefendedCaptures> {
  const resolved = resolveRequest(request, registry);
  const inputs = await checkPaths(request, [], resolved.defense, registry);
  return apply(request, resolved, inputs, onProgress, registry);
}

/** A request whose names have been looked up and whose numbers have been checked. */
interface Resolved extends Pick<DefendedCaptures, 'defense' | 'view' | 'seed' | 'capacity' | 'notes'> {
  readonly applied: AppliedView;
}

function resolveRequest(request: Omit<DefendRequest, 'out'>, registry: Registry): Resolved {
  const defense = resolveDefense(request.defense, registry);
  const notes: string[] = [];
  const view = resolveView(request.view ?? defaultView(defense, registry, notes), registry);
  checkTunnels(view, [defense], registry);
  const seed = checked(benchRequest.shape.seed, request.seed, '--seed');
  const mbits = checked(benchRequest.shape.capacity, request.capacity, '--capacity');
  const capacity = mbits && mbits * 1e6;
  return { defense, view, seed, capacity, notes, applied: appliedView({ view }, registry) };
}

async function apply(
  { captures, learn = [], labels, duplicates }: Omit<DefendRequest, 'out'>,
  { defense, view, seed, capacity, applied, notes: known }: Resolved,
  inputs: Inputs,
  onProgress: OnProgress | undefined,
  registry: Registry,
): Promise<DefendedCaptures> {
  const rng = createRng(seed, 'defend', defense.label);
  const loaded = await loadTrace([...captures, ...learn], labels ?? null, { onProgress, duplicates });
  const { trace, training } = split(loaded.trace, inputs, (seen) => applied.view.select(seen, rng.stream('learn')));
  const defenses = await prepareAll(defense, { trace: training, rng: rng.stream('prepare') }, registry);
  const base = observe(trace, applied, [], { rng, capacity }).trace;
  const defended = observe(trace, applied, defenses, { rng, capacity });

  const ingest = ingestOf(loaded, inputs);
  const notes = [...known];
  const unlabelled = ingest.dropped[NO_LABELLED_DEVICE] ?? 0;
  if (unlabelled > 0) notes.push(`${unlabelled} packets of no labelled device are left out`);
  notes.push(...warningsOf(loaded));
  return {
    ...{ defense, view, seed, capacity, defended, base, ingest, notes },
    macs: macsOf(loaded.coverage),
    outside: !applied.view.perDevice,
    rng: rng.stream('payload'),
  };
}

/** Chooses lan, which keeps addresses, so that the labels fit the output too; for a tunnel napt, since it begins at the gateway. */
function defaultView({ parts }: ResolvedDefense, registry: Registry, notes: string[]): string {
  const [tunnel] = tunnelsAmong(parts, registry);
  if (!tunnel) return 'lan';
  notes.push(`${tunnel.name} is a tunnel from the gateway: written as seen outside it, in the view napt`);
  return 'napt';
}

/** The files behind the paths of a request. */
interface Inputs {
  readonly captures: ReadonlySet<string>;
  readonly learn: ReadonlySet<string>;
}

/** Makes sure that no file that is read is written over or read twice. */
async function checkPaths(
  { captures, learn = [], labels }: Omit<DefendRequest, 'out'>,
  outputs: readonly string[],
  defense: ResolvedDefense,
  registry: Registry,
): Promise<Inputs> {
  if (learn.length > 0 && !defense.parts.some((part) => defenseOf(part, registry).prepare)) {
    throw new UsageError(`--learn: defense ${defense.label} learns from no traffic`);
  }
  const inputs = { captures: new Set(await expandPaths(captures)), learn: new Set(await expandPaths(learn)) };
  const captured = new Set([...inputs.captures].map(identityOf));
  for (const path of inputs.learn) {
    if (captured.has(identityOf(path)))
      throw new UsageError(`${path}: expected other captures to learn from than to defend`);
  }
  const read = [...inputs.captures, ...inputs.learn, ...(labels === undefined ? [] : [labels])];
  for (const path of outputs) {
    const identity = identityOf(path);
    if (read.some((input) => identityOf(input) === identity)) {
      throw new UsageError(`${path}: is read, and would be written over; expected another name`);
    }
    if (statIfThere(path)?.isDirectory()) {
      throw new UsageError(`${path}: expected the name of a file to write, found a folder`);
    }
  }
  if (outputs.length > 1 && identityOf(outputs[0]!) === identityOf(outputs[1]!)) {
    throw new UsageError(`${outputs[0]}: expected another name for the labels than for the capture`);
  }
  return inputs;
}

/** Identifies a file whatever its name, links included; a file that does not exist, by its absolute path. */
function identityOf(path: string): string {
  const stat = statIfThere(path);
  return stat ? `${stat.dev} ${stat.ino}` : resolve(path);
}

/** Reads the packets to defend together with those to learn from, so that devices and flows are the same in both. */
function split(
  trace: Trace,
  { captures, learn }: Inputs,
  select: (trace: Trace) => Trace,
): { trace: Trace; training: Training['trace'] } {
  if (learn.size === 0) return { trace, training: null };
  const part = (files: ReadonlySet<string>) => {
    const isIn = trace.files.map((file) => files.has(file));
    return filterPackets(trace, (row) => isIn[trace.file[row]!]!);
  };
  const training = select(part(learn));
  if (training.packets === 0) {
    throw new InputError('--learn: expected packets of the devices to defend, found none that the view shows');
  }
  return { trace: part(captures), training };
}

/** Reports what was read of the captures to defend, and what was left out. */
function ingestOf({ report }: LabelledTrace, { captures }: Inputs): DefendResult['data']['ingest'] {
  const dropped: Record<string, number> = {};
  let read = 0;
  for (const file of report.files) {
    if (!captures.has(file.path)) continue;
    read += file.read;
    for (const [reason, count] of Object.entries(file.dropped)) dropped[reason] = (dropped[reason] ?? 0) + count;
  }
  return { read, dropped };
}

/** Takes the devices' own MAC addresses from labels or captures, so that the same labels fit, and makes up the others. */
function macsOf({ devices }: Coverage): string[] {
  const known = devices.map(({ addresses }) => {
    for (const { address } of addresses) {
      const mac = normaliseMac(address);
      if (mac !== null) return mac;
    }
    return null;
  });
  const taken = new Set(known);
  let next = 0;
  return known.map((mac) => {
    if (mac !== null) return mac;
    while (taken.has(deviceMac(next))) next++;
    return deviceMac(next++);
  });
}

function sum(column: Uint32Array): number {
  let total = 0;
  for (const value of column) total += value;
  return total;
}
