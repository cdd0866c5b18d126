import { basename, resolve } from 'node:path';
import { NO_CLASS } from '../../learning/windows.js';
import type { ModelCard } from '../../result/model-card.js';
import type { Cell, Mix, ResolvedDefense, ResolvedPlugin, Result } from '../../result/result.js';
import { InputError, UsageError } from '../../shared/errors.js';
import { formatRequest } from '../../shared/parameters.js';
import type { OnProgress } from '../../shared/progress.js';
import { createRng } from '../../shared/rng.js';
import { hashTrace } from '../../trace/hash-trace.js';
import { loadTrace, warningsOf } from '../../trace/load.js';
import type { Duplicates } from '../../trace/read/duplicates.js';
import { NO_DEVICE, type Trace } from '../../trace/trace.js';
import { observe } from '../../view/observe.js';
import { spanOf } from '../dataset.js';
import { describeTool } from '../environment.js';
import { builtIns, prepareAll, type Registry, resolveDefense, resolveView } from '../plugins/registry.js';
import { UNDEFENDED } from '../seed-run.js';
import { windowing } from '../setting.js';
import {
  attribute,
  concludeDevices,
  concludePresence,
  type DeviceConclusion,
  FEWEST,
  MARGIN,
  type Presence,
  SURE,
} from './conclude.js';
import { score, truthOf } from './evaluate.js';
import type { LoadedModel } from './model-folder.js';
import { predictTrace } from './predict.js';

/** A request to identify the devices of captures with a model. */
export interface IdentifyRequest {
  /** Capture files and folders, as taken in the home or at its gateway. */
  captures: readonly string[];
  /** Labels to score against, as in BenchRequest. Packets of other devices are then left out. */
  labels?: string;
  /** Whether packets that the captures hold twice are counted; dropped by default. */
  duplicates?: Duplicates;
  /** The view, and the attack and defense below, that the model must have been made for; any other model is refused. */
  view?: string;
  mix?: string;
  port?: string;
  /** Defense to apply to the captures first; none by default. */
  defense?: string;
  /** Length of the periods for which presence is concluded. */
  overTime?: number;
  /** Seed of the chance in view and defense. */
  seed?: number;
}

/** The observer's conclusions, as conclude.ts defines them. */
export interface IdentifyResult {
  readonly schemaVersion: 1;
  readonly tool: Result['tool'];
  readonly model: {
    readonly path: string;
    readonly sha256: string;
    readonly attack: string;
    readonly view: string;
    readonly mix: Mix;
    readonly window: number;
    readonly defense: string;
    readonly data: string;
    readonly synthetic: boolean;
  };
  readonly data: {
    readonly name: string;
    /** Hash of the trace in the view. */
    readonly sha256: string;
    /** In the view, under the defense. */
    readonly packets: number;
    readonly bytes: number;
    readonly from: number | null;
    readonly to: number | null;
    readonly defense: string;
    /** Hosts that were found in the traffic; null with labels. */
    readonly hosts: number | null;
    readonly ingest: { readonly read: number; readonly dropped: Readonly<Record<string, number>> };
  };
  readonly rules: { readonly sure: number; readonly fewest: number; readonly margin: number };
  /** In the order of the model's classes. */
  readonly devices: readonly DeviceConclusion[];
  /** Packets attributed to none. */
  readonly unsure: { readonly packets: number; readonly bytes: number };
  readonly presence: readonly Presence[] | null;
  /** Scores against the labels of every packet's most probable class, however sure, as in bench. Null without labels. */
  readonly identification: Cell['identification'] | null;
  /** Labelled devices that the model does not know, and their packets, which are not scored; null without labels. */
  readonly unknown: Readonly<Record<string, number>> | null;
  readonly warnings: readonly string[];
}

/**
 * Concludes from captures what an observer who has `model` would.
 * @throws UsageError for a request that the model does not fit; InputError for captures without traffic to go by.
 */
export async function identify(
  { path, card, identifier, view }: LoadedModel,
  request: IdentifyRequest,
  onProgress?: OnProgress,
  plugins: Registry = builtIns,
): Promise<IdentifyResult> {
  checkFit(path, card, request, plugins);
  const { captures, labels, duplicates, overTime, seed = 1 } = request;
  if (overTime !== undefined && !(overTime > 0 && Number.isFinite(overTime))) {
    throw new UsageError(`--over-time: expected minutes, more than 0, found ${overTime}`);
  }
  const defense = request.defense === undefined ? UNDEFENDED : resolveDefense(request.defense, plugins);
  const loaded = await loadTrace(captures, labels ?? null, { onProgress, duplicates });
  const rng = createRng(seed, 'identify', defense.label);
  const applied = await prepareAll(defense, { trace: null, rng: rng.stream('prepare') }, plugins);
  const { trace } = observe(loaded.trace, view, applied, { rng, capacity: null });

  const names = card.classes.map(({ name }) => name);
  const predictions = await predictTrace(
    { identifier, classes: names, windowing: windowing({ ...card, port: card.features.port }, view) },
    trace,
  );
  const classes = { classes: card.classes, mistaken: card.scores?.mistaken ?? names.map(() => 0) };
  const attributed = attribute(predictions);
  const unsure = { packets: 0, bytes: 0 };
  let bytes = 0;
  for (let row = 0; row < trace.packets; row++) {
    bytes += trace.length[row]!;
    if (attributed[row] !== NO_CLASS) continue;
    unsure.packets++;
    unsure.bytes += trace.length[row]!;
  }

  const warnings = warningsOf(loaded);
  warnings.push(...limitsOf(card, trace, defense, labels !== undefined));
  return {
    schemaVersion: 1,
    tool: describeTool(),
    model: {
      path,
      sha256: card.model.sha256,
      attack: card.attack.label,
      view: card.view.label,
      mix: card.mix,
      window: card.window,
      defense: card.defense.label,
      data: card.data.name,
      synthetic: card.data.synthetic,
    },
    data: {
      name: captures.map((capture) => basename(resolve(capture))).join(', '),
      sha256: hashTrace(trace),
      packets: trace.packets,
      bytes,
      ...spanOf(trace),
      defense: defense.label,
      hosts: labels === undefined ? countDevices(loaded.trace) : null,
      ingest: { read: loaded.report.read, dropped: loaded.report.dropped },
    },
    rules: { sure: SURE, fewest: FEWEST, margin: MARGIN },
    devices: concludeDevices(trace, predictions, classes),
    unsure,
    presence: overTime === undefined ? null : concludePresence(trace, predictions, classes, overTime),
    ...(labels === undefined
      ? { identification: null, unknown: null }
      : compare(card, trace, predictions.device, seed)),
    warnings,
  };
}

/** Scores the predictions against the labels. Packets of devices for which the model has no class are counted apart. */
function compare(
  card: ModelCard,
  trace: Trace,
  answers: Uint16Array,
  seed: number,
): Pick<IdentifyResult, 'identification' | 'unknown'> {
  const devices = card.classes.filter(({ category }) => category !== null).map(({ name }) => name);
  const packets = new Uint32Array(NO_DEVICE + 1);
  for (const device of trace.device) packets[device]!++;
  const unknown = trace.devices
    .map(({ name }, device): [string, number] => [name, packets[device]!])
    .filter(([name, count]) => count > 0 && !devices.includes(name));
  const truth = truthOf(trace, devices);
  if (truth.every((c) => c === NO_CLASS)) {
    throw new InputError(
      `expected labels of a device that the model knows (${devices.join(', ')}), found only ${unknown.map(([name]) => name).join(', ')}`,
    );
  }
  const { identification } = score(truth, answers, devices, seed);
  return { identification, unknown: Object.fromEntries(unknown) };
}

/** Refuses a setting other than the one in which the model was trained. */
function checkFit(path: string, card: ModelCard, request: IdentifyRequest, plugins: Registry): void {
  const refuse = (what: string, is: string, wanted: string): never => {
    throw new UsageError(`${path}: expected a model of ${what} ${wanted}, found one of ${what} ${is}: train another`);
  };
  if (request.view !== undefined) {
    const wanted = resolveView(request.view, plugins);
    if (!isSame(wanted, card.view)) refuse('view', describe(card.view), describe(wanted));
  }
  if (request.mix !== undefined && request.mix !== card.mix) refuse('mix', card.mix, request.mix);
  if (request.port !== undefined && request.port !== card.features.port) {
    refuse('port', card.features.port, request.port);
  }
}

const describe = ({ name, parameters }: ResolvedPlugin): string => formatRequest(name, parameters);
const isSame = (a: ResolvedPlugin, b: ResolvedPlugin) => describe(a) === describe(b);

/** Lists the limits of the conclusions, one line each. */
export function limitsOf(
  card: ModelCard,
  trace: Pick<Trace, 'packets'>,
  defense: ResolvedDefense,
  isLabelled: boolean,
): string[] {
  const limits: string[] = [];
  if (card.data.synthetic) {
    limits.push(
      'the model was trained on the synthetic home: it knows invented devices only, and says nothing of real ones',
    );
  }
  if (trace.packets < card.window) {
    limits.push(
      `there are ${trace.packets} packets, fewer than one window of ${card.window}: the model has less to go by than it was trained on`,
    );
  }
  if (card.defense.label !== defense.label) {
    limits.push(
      `the model was trained on traffic under ${card.defense.label}, the captures are taken ${defense.parts.length === 0 ? 'as they are' : `under ${defense.label}`} (--defense ${card.defense.label})`,
    );
  }
  if (!isLabelled && card.mix === 'single') {
    limits.push(
      'the model takes windows of a single device: packets are told apart by the host that they are of, as an observer in the home can',
    );
  }
  if (card.scores === null) limits.push('the model was never tested: how often it is wrong is not known');
  return limits;
}

/** Lists the devices that have packets. */
export function countDevices({ device }: Trace): number {
  return new Set(device).size;
}
