import { basename, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { countDevices, limitsOf } from '../harness/observer/identify.js';
import type { LoadedModel } from '../harness/observer/model-folder.js';
import { UNDEFENDED } from '../harness/seed-run.js';
import { windowing } from '../harness/setting.js';
import { HEADERS_SNAPLEN } from '../live/capture/headers.js';
import { createLiveObserver, createRenaming } from '../live/capture/observer.js';
import { readLive } from '../live/capture/packets.js';
import type { EngineName } from '../live/capture/rights.js';
import { openCapture } from '../live/capture/source.js';
import { InputError, UsageError } from '../shared/errors.js';
import type { OnProgress } from '../shared/progress.js';
import { createRng } from '../shared/rng.js';
import { type Label, readLabelling } from '../trace/labels/label-file.js';
import { loadTrace, warningsOf } from '../trace/load.js';
import type { PacketTable } from '../trace/packets.js';
import type { Duplicates } from '../trace/read/duplicates.js';
import { type Trace, takePackets } from '../trace/trace.js';
import { observe } from '../view/observe.js';
import {
  type Comparison,
  type ComparisonRequest,
  type ComparisonStatus,
  checkComparison,
  createComparison,
  type NoiseSwitch,
} from './comparison.js';
import { createWatcher, type Watcher, type WatchState } from './watcher.js';

export interface WatchRequest {
  /** Interface to watch; exactly one of `interface` and `pcap` is given. */
  readonly interface?: string;
  readonly pcap?: string;
  readonly engine?: EngineName;
  /** Capture filter in the syntax of libpcap. */
  readonly filter?: string;
  /** Path of a label file that gives the user's devices the names that the model knows. With it, answers are scored. */
  readonly labels?: string;
  /** Whether packets captured twice are kept; dropped by default. */
  readonly duplicates?: Duplicates;
  /** Length in seconds of the recent past that is shown; ten minutes by default. */
  readonly span?: number;
  /** Seconds to watch; by default until `signal` is aborted or the capture file ends. */
  readonly seconds?: number;
  /** Factor by which a capture file is played faster than it was recorded; by default as fast as possible. */
  readonly speed?: number;
  /** Whether to wait for `signal` after the end of a capture file. */
  readonly hold?: boolean;
  /** Periods of the comparison; only on an interface. `begin` starts it at once. */
  readonly comparison?: ComparisonRequest & { readonly begin: boolean };
  readonly noise?: NoiseSwitch;
}

/** State to be shown. */
export interface WatchView {
  readonly schemaVersion: 1;
  readonly source: { readonly kind: 'interface' | 'capture'; readonly name: string; readonly isOver: boolean };
  readonly model: {
    readonly path: string;
    readonly sha256: string;
    readonly attack: string;
    readonly view: string;
    readonly window: number;
    readonly data: string;
    readonly hasCover: boolean;
  };
  readonly isLabelled: boolean;
  /** Number of the home's hosts; null where unknown. */
  readonly hosts: number | null;
  /** Number of packets captured; the view may show few of them or none. */
  readonly captured: number;
  /** Whether packets have come on an interface for a while, none of which leaves the home. */
  readonly nothingLeaves: boolean;
  /** Packets lost by the capture engine, null where it does not say, and packets skipped because the model is too slow. */
  readonly lost: { readonly engine: number | null; readonly skipped: number };
  /** Number of connections dropped from memory after being idle for longest. */
  readonly forgotten: number;
  readonly state: WatchState;
  /** Null for a capture file. */
  readonly comparison: ComparisonStatus | null;
  readonly warnings: readonly string[];
}

/** Controls for use while watching. */
export interface WatchControls {
  readonly comparison: Comparison | null;
}

const DEFAULT_SPAN = 600;
export const DEFAULT_COMPARISON: ComparisonRequest = { seconds: 600, pairs: 2 };
/** Milliseconds between two views. */
const TICK = 1000;
/** Most packets that the model is asked about at a time. */
const CHUNK = 20_000;
/** Most packets that wait for the model. */
const MOST_WAITING = 500_000;
/** Seconds without packets, or with packets of one host only, before a warning. */
const SILENCE = 15;
/** Seconds in which a gateway shows itself: until then its packets may be attributed to a host. */
const GATEWAY_SHOWS = 5;

/**
 * Watches an interface or a capture file.
 * @param onView called once a second, and at the end
 * @param onStart called once packets are being captured or read
 * @returns the last view
 * @throws UsageError, InputError; what openCapture and loadTrace throw
 */
export async function watch(
  model: LoadedModel,
  request: WatchRequest,
  signal: AbortSignal,
  onView: (view: WatchView) => void = () => {},
  onStart: (controls: WatchControls) => void | Promise<void> = () => {},
  onProgress: OnProgress = () => {},
): Promise<WatchView> {
  if ((request.interface === undefined) === (request.pcap === undefined)) {
    throw new UsageError('expected either an interface (-i) or a capture file (--pcap)');
  }
  const { card, identifier, view } = model;
  const { labels, warnings: told } = readLabels(request.labels, model);
  const options = {
    identifier,
    classes: card.classes,
    mistaken: card.scores?.mistaken ?? card.classes.map(() => 0),
    windowing: windowing({ ...card, port: card.features.port }, view),
    span: request.span ?? DEFAULT_SPAN,
    isLabelled: labels.length > 0,
  };
  const watcher = createWatcher(options);
  const session: Session = {
    model,
    request,
    labels,
    told,
    watcher,
    signal,
    onView,
    onStart,
    onProgress,
    comparison: null,
  };
  if (request.pcap !== undefined) return watchFile(session, request.pcap);
  const { noise = null, comparison: asked = { ...DEFAULT_COMPARISON, begin: false } } = request;
  if (asked.begin) checkComparison(asked, watcher.slotSeconds);
  const comparison = createComparison(watcher, options, asked, noise);
  try {
    return await watchInterface({ ...session, comparison }, request.interface!);
  } finally {
    await noise?.stop();
  }
}

interface Session {
  readonly model: LoadedModel;
  readonly request: WatchRequest;
  readonly labels: readonly Label[];
  /** Warnings about the label file. */
  readonly told: readonly string[];
  readonly watcher: Watcher;
  readonly comparison: Comparison | null;
  readonly signal: AbortSignal;
  readonly onView: (view: WatchView) => void;
  readonly onStart: (controls: WatchControls) => void | Promise<void>;
  readonly onProgress: OnProgress;
}

function readLabels(
  path: string | undefined,
  { card }: LoadedModel,
): { labels: readonly Label[]; warnings: readonly string[] } {
  if (path === undefined) return { labels: [], warnings: [] };
  const labelling = readLabelling(path);
  if (labelling.by !== 'address') {
    throw new UsageError(`--labels: expected a file of addresses and devices, found the word ${path}`);
  }
  const names = card.classes.filter(({ category }) => category !== null).map(({ name }) => name);
  const { labels, warnings = [] } = labelling;
  if (labels.some(({ device }) => names.includes(device))) return { labels, warnings };
  throw new InputError(`${path}: expected a device that the model knows (${names.join(', ')}), found none`);
}

async function watchFile(session: Session, path: string): Promise<WatchView> {
  const { model, request, labels, watcher, signal, onView, onStart, onProgress } = session;
  const { speed } = request;
  if (speed !== undefined && !(speed > 0)) throw new UsageError(`--speed: expected a number above 0, found ${speed}`);
  const loaded = await loadTrace([path], null, { onProgress, duplicates: request.duplicates });
  // Draws the same random numbers as identify.
  const rng = createRng(1, 'identify', UNDEFENDED.label);
  const renamed = createRenaming(labels)(loaded.trace);
  const { trace } = observe(renamed, model.view, [], { rng, capacity: null });
  const about: About = {
    source: { kind: 'capture', name: basename(resolve(path)) },
    hosts: countDevices(loaded.trace),
    captured: loaded.trace.packets,
    nothingLeaves: false,
    warnings: [...warningsOf(loaded), ...limits(session, trace)],
    lost: { engine: null, skipped: 0 },
    forgotten: 0,
  };
  await onStart({ comparison: null });
  const begin = trace.time[0]!;
  const started = performance.now();
  const ends = request.seconds === undefined ? Number.POSITIVE_INFINITY : started + request.seconds * 1000;
  let shown = started;
  let at = 0;
  let clock = begin;
  while (at < trace.packets && !signal.aborted && performance.now() < ends) {
    clock = speed === undefined ? Number.POSITIVE_INFINITY : begin + ((performance.now() - started) / 1000) * speed;
    let to = at;
    while (to < trace.packets && to - at < CHUNK && trace.time[to]! <= clock) to++;
    await watcher.add(takePackets(trace, rowsBetween(at, to)));
    at = to;
    const isBehind = at < trace.packets && trace.time[at]! <= clock;
    if (performance.now() - shown >= TICK) {
      shown = performance.now();
      onView(describe(session, about, await watcher.state(isBehind || speed === undefined ? undefined : clock), false));
    }
    if (!isBehind && at < trace.packets) await pause(TICK - (performance.now() - shown), signal);
  }
  const isOver = at === trace.packets;
  const last = describe(session, about, await watcher.state(isOver || speed === undefined ? undefined : clock), isOver);
  onView(last);
  if (request.hold) while (!signal.aborted) await pause(TICK, signal);
  return last;
}

async function watchInterface(session: Session, name: string): Promise<WatchView> {
  const { model, request, labels, watcher, comparison, signal, onView, onStart } = session;
  const { engine, filter, seconds } = request;
  const source = await openCapture({ interface: name, engine, filter, snaplen: HEADERS_SNAPLEN });
  const live = readLive(source, undefined, request.duplicates);
  const observer = createLiveObserver(model.view, labels);
  const started = Date.now() / 1000;
  let waiting: PacketTable[] = [];
  let rows = 0;
  let captured = 0;
  let skipped = 0;
  let isOver = false;
  const reading = (async () => {
    for await (const batch of live.batches) {
      waiting.push(batch);
      rows += batch.packets;
      captured += batch.packets;
      // Drops the oldest packets, since the present matters most.
      for (; rows > MOST_WAITING && waiting.length > 1; skipped += waiting.shift()!.packets) {
        rows -= waiting[0]!.packets;
      }
    }
  })().finally(() => {
    isOver = true;
  });
  // Its error is handled below, where it is awaited.
  reading.catch(() => {});
  const stopAt = seconds === undefined ? Number.POSITIVE_INFINITY : started + seconds;
  let stopping = false;
  const isEnding = () => signal.aborted || Date.now() / 1000 >= stopAt;

  const look = async (): Promise<WatchView> => {
    const batches = waiting;
    waiting = [];
    rows = 0;
    for (const some of inChunks(batches)) {
      const trace = observer.take(some);
      if (trace !== null) await watcher.add(trace);
    }
    const now = Date.now() / 1000;
    await comparison?.tick(now);
    source.askCounters();
    const state = await watcher.state(now);
    const { droppedByKernel, droppedByInterface } = source.counters;
    const about: About = {
      source: { kind: 'interface', name },
      hosts: observer.hosts,
      captured,
      nothingLeaves: captured > 0 && state.all.packets === 0 && now - started >= GATEWAY_SHOWS,
      warnings: [...limits(session, { packets: Number.POSITIVE_INFINITY }), ...silence(observer.hosts, now - started)],
      lost: {
        engine:
          droppedByKernel === null && droppedByInterface === null
            ? null
            : (droppedByKernel ?? 0) + (droppedByInterface ?? 0),
        skipped,
      },
      forgotten: live.forgotten,
    };
    const view = describe(session, about, state, isOver);
    onView(view);
    return view;
  };

  try {
    await onStart({ comparison });
    if (request.comparison?.begin) await comparison?.start(Date.now() / 1000, request.comparison);
    while (!isOver) {
      if (isEnding() && !stopping) {
        stopping = true;
        setTimeout(source.stop, source.latency * 1000).unref();
      }
      const left = Math.max(0, (stopAt - Date.now() / 1000) * 1000);
      await pause(stopping ? TICK / 4 : Math.min(TICK, left), stopping ? undefined : signal);
      if (!stopping || isOver) await look();
    }
    await reading;
    const why = await source.ended;
    if (why !== '') throw new InputError(`${name}: ${source.engine} ended early: ${why}`);
    return await look();
  } finally {
    source.stop();
    source.stream.resume();
  }
}

interface About {
  readonly source: Omit<WatchView['source'], 'isOver'>;
  readonly hosts: number;
  readonly captured: number;
  readonly nothingLeaves: boolean;
  readonly warnings: readonly string[];
  readonly lost: WatchView['lost'];
  readonly forgotten: number;
}

function describe({ model, labels, comparison }: Session, about: About, state: WatchState, isOver: boolean): WatchView {
  const { path, card } = model;
  return {
    schemaVersion: 1,
    source: { ...about.source, isOver },
    model: {
      path,
      sha256: card.model.sha256,
      attack: card.attack.label,
      view: card.view.label,
      window: card.window,
      data: card.data.name,
      hasCover: card.classes.some(({ category }) => category === null),
    },
    isLabelled: labels.length > 0,
    hosts: about.hosts,
    captured: about.captured,
    nothingLeaves: about.nothingLeaves,
    lost: about.lost,
    forgotten: about.forgotten,
    state,
    comparison: comparison?.status ?? null,
    warnings: about.warnings,
  };
}

function limits({ model, labels, told }: Session, trace: Pick<Trace, 'packets'>): string[] {
  return [...told, ...limitsOf(model.card, trace, UNDEFENDED, labels.length > 0)];
}

function silence(hosts: number, seconds: number): string[] {
  if (seconds < SILENCE) return [];
  if (hosts === 0) return ['no packets from hosts in the home have been seen yet'];
  if (hosts > 1) return [];
  return [
    'all packets belong to one host: expected outside the gateway; inside the home, this interface sees only one device (a mirror port or the gateway sees all)',
  ];
}

function rowsBetween(from: number, to: number): Uint32Array {
  return Uint32Array.from({ length: to - from }, (_, i) => from + i);
}

/** Groups batches into chunks of about {@link CHUNK} packets. */
function inChunks(batches: readonly PacketTable[]): PacketTable[][] {
  const chunks: PacketTable[][] = [];
  let rows = CHUNK;
  for (const batch of batches) {
    if (rows >= CHUNK) {
      chunks.push([]);
      rows = 0;
    }
    chunks.at(-1)!.push(batch);
    rows += batch.packets;
  }
  return chunks;
}

/** Waits, or returns early once `signal` is aborted. */
async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(Math.max(0, milliseconds), undefined, { signal }).catch(() => {});
}
