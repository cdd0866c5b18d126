import { openData } from '../harness/dataset.js';
import { describeTool } from '../harness/environment.js';
import { scoreModel } from '../harness/observer/evaluate.js';
import { builtIns, type Registry } from '../harness/plugins/registry.js';
import { appliedView, windowing } from '../harness/setting.js';
import { createWorld, UNDEFENDED } from '../harness/world.js';
import { buildWindows } from '../learning/build-windows.js';
import type { Column } from '../learning/forest/bins.js';
import { neighbourColumns } from '../learning/packet-context.js';
import { sample } from '../learning/sample.js';
import { coverSeparability } from '../likeness/cover-separability.js';
import type { LiveFigures, ResolvedDefense, ResolvedSpec, Result } from '../result/result.js';
import type { Observed } from '../shaping/account.js';
import { type Cost, costOf } from '../shaping/cost.js';
import type { OnProgress } from '../shared/progress.js';
import { createRng } from '../shared/rng.js';
import { Direction, filterPackets, Protocol, type Trace } from '../trace/trace.js';
import { cutRecording, type Plan, planOf, recordLive } from './record.js';
import { simulateLab } from './simulated.js';

/** The same, of live and of simulated traffic. */
export interface Pair<T = number | null> {
  readonly live: T;
  readonly simulated: T;
}

/** How well a model that was trained on one names the devices of the other. */
export interface Accuracy {
  readonly accuracy: number;
  readonly low: number | null;
  readonly high: number | null;
}

export interface FidelityRow {
  readonly defense: string;
  readonly figures: LiveFigures;
  /** On the wire, of the whole time. */
  readonly frames: Pair<number>;
  readonly bytes: Pair<number>;
  readonly cover: Pair<number>;
  /** Frames by what they are, as far as an observer can tell: see {@link KINDS}. */
  readonly kinds: readonly { readonly kind: string; readonly frames: Pair<number>; readonly bytes: Pair<number> }[];
  /** Half the sum of differences between the shares of each length: 0 for the same lengths as often, 1 for none in common. */
  readonly lengthDistance: number;
  /** Largest difference between the shares of gaps of at most any length (Kolmogorov and Smirnov), by direction. */
  readonly gapDistance: { readonly out: number; readonly in: number };
  /** Seconds between frames of a direction. */
  readonly gaps: { readonly out: Pair<Quantiles>; readonly in: Pair<Quantiles> };
  readonly cost: Pair<Cost>;
  /** Area under the ROC curve of a forest that is to tell live from simulated frames, of the frame and two on either side. */
  readonly told: number | null;
  /** By what an attack was trained on and tested on, under this defense. */
  readonly identification: readonly {
    readonly attack: string;
    readonly live: Accuracy;
    readonly simulated: Accuracy;
    readonly simulatedToLive: Accuracy;
    readonly liveToSimulated: Accuracy;
  }[];
  readonly majority: Pair<number>;
  /** Why the two differ, as far as the figures show that they do; one line each. */
  readonly notes: readonly string[];
}

interface Quantiles {
  readonly p50: number | null;
  readonly p95: number | null;
}

export interface Fidelity {
  readonly schemaVersion: 1;
  readonly tool: Result['tool'];
  readonly spec: ResolvedSpec;
  readonly rows: readonly FidelityRow[];
  readonly warnings: readonly string[];
}

export interface FidelityOptions {
  readonly plugins?: Registry;
  readonly threads: number;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

const { IP, TCP, UDP, TLS, HTTP, DNS } = Protocol;

/** Headers of a segment with timestamps, and no more. */
const LONGEST_BARE = 66;
/** A SYN, with what it asks for. */
const LONGEST_SYN = 78;

/** What a frame is, from its protocols and length alone. */
export const KINDS: readonly { readonly kind: string; has(protocols: number, length: number): boolean }[] = [
  { kind: 'DNS', has: (bits) => (bits & DNS) !== 0 },
  { kind: 'TLS', has: (bits) => (bits & TLS) !== 0 },
  { kind: 'HTTP', has: (bits) => (bits & HTTP) !== 0 },
  { kind: 'TCP, nothing but headers', has: (bits, length) => bits === (IP | TCP) && length <= LONGEST_BARE },
  { kind: 'TCP, opening', has: (bits, length) => bits === (IP | TCP) && length <= LONGEST_SYN },
  { kind: 'TCP, other data', has: (bits) => bits === (IP | TCP) },
  { kind: 'UDP', has: (bits) => (bits & UDP) !== 0 },
  { kind: 'other', has: () => true },
];

/** Frames of each that are looked at. */
const TOLD_FRAMES = 5000;
const REACH = 2;

/**
 * Plays a home in the lab under each defense of `spec`, simulates the same home under the same, and holds the two side by side.
 * @param spec of live traffic, with one seed
 * @throws UsageError, InputError
 */
export async function measureFidelity(spec: ResolvedSpec, options: FidelityOptions): Promise<Fidelity> {
  const { plugins = builtIns, threads, onProgress, signal } = options;
  const view = appliedView(spec, plugins);
  const { trace, parts, warnings } = await openData(spec, view);
  const { classes } = parts;
  const { seed } = spec;
  const live = await recordLive({ spec, trace, parts, classes, plugins, onProgress, signal });

  const home = view.view.select(ofDevices(trace, classes), createRng(seed, 'fidelity'));
  const simulated = new Map<string, Promise<Observed>>();
  const simulate = (defense: ResolvedDefense): Promise<Observed> => {
    const rng = createRng(seed, 'fidelity', defense.label);
    const made =
      simulated.get(defense.label) ?? simulateLab(home, planOf(defense, spec, plugins), parts.train, plugins, rng);
    simulated.set(defense.label, made);
    return made;
  };
  const noFigures = {} as LiveFigures;
  const virtual = cutRecording(
    async (_, defense) => ({ recorded: await simulate(defense), figures: noFigures }),
    spec.split.train!,
  );

  const rows: FidelityRow[] = [];
  for (const defense of spec.defenses) {
    const of = async (part: 'train' | 'test') => ({
      live: await live.observe(seed, defense, part),
      simulated: await virtual.observe(seed, defense, part),
    });
    const train = await of('train');
    const test = await of('test');
    const base = {
      live: await live.observe(seed, UNDEFENDED, 'test'),
      simulated: await virtual.observe(seed, UNDEFENDED, 'test'),
    };
    const whole = mapPair(train, (part, side) => [part.trace, test[side].trace] as const);
    const identification: FidelityRow['identification'][number][] = [];
    let majority: Pair<number> = { live: 0, simulated: 0 };
    for (const attack of spec.attacks) {
      signal?.throwIfAborted();
      onProgress?.({
        task: 'identify',
        detail: `${attack.label}, ${defense.label}`,
        done: identification.length,
        total: spec.attacks.length,
        unit: 'attacks',
      });
      const models = {
        live: await createWorld(spec, view, parts, seed, plugins, live).fit(attack, defense, { threads, signal }),
        simulated: await createWorld(spec, view, parts, seed, plugins, virtual).fit(attack, defense, {
          threads,
          signal,
        }),
      };
      const score = async (trained: keyof Pair, tested: keyof Pair) => {
        const { identification: scores } = await scoreModel(
          models[trained],
          test[tested].trace,
          classes,
          windowing(spec, view),
          seed,
        );
        return scores;
      };
      const [own, virtually] = [await score('live', 'live'), await score('simulated', 'simulated')];
      majority = { live: own.majority, simulated: virtually.majority };
      identification.push({
        attack: attack.label,
        live: accuracyOf(own),
        simulated: accuracyOf(virtually),
        simulatedToLive: accuracyOf(await score('simulated', 'live')),
        liveToSimulated: accuracyOf(await score('live', 'simulated')),
      });
    }
    const row: Omit<FidelityRow, 'notes'> = {
      defense: defense.label,
      figures: live.figures(seed, defense),
      frames: mapPair(whole, (some) => total(some, () => 1)),
      bytes: mapPair(whole, (some) => total(some, ({ length }, i) => length[i]!)),
      cover: mapPair(whole, (some) => total(some, ({ cover }, i) => Number(cover[i] !== 0))),
      kinds: countKinds(whole),
      lengthDistance: distanceOfLengths(whole),
      ...compareGaps(whole),
      cost: mapPair(test, (observed, side) => costOf(observed, base[side].trace)),
      told: await tell(train, test, spec, threads),
      identification,
      majority,
    };
    rows.push({ ...row, notes: explain(row, planOf(defense, spec, plugins)) });
  }
  return { schemaVersion: 1, tool: describeTool(), spec, rows, warnings };
}

/** Shares of difference from which on there is something to explain. */
const NOTABLE = 0.05;
/** Seconds: what no application notices, and what one waits for. */
const SHORT = 0.01;

/** What is known to differ between the lab and the simulation, where the figures show it. */
function explain({ frames, kinds, gapDistance, cost, figures }: Omit<FidelityRow, 'notes'>, plan: Plan): string[] {
  const notes: string[] = [];
  const differs = ({ live, simulated }: Pair<number>) =>
    Math.abs(live - simulated) > NOTABLE * Math.max(live, simulated);
  const kind = (name: string) => kinds.find((one) => one.kind === name)?.frames;
  const bare = kind('TCP, nothing but headers');
  if (bare && differs(bare)) {
    notes.push(
      'acknowledgements: the kernel waits for up to 40 ms of its own clock and merges them, the simulation has one for every second segment',
    );
  }
  if (plan.vpn && !plan.shaping && differs(frames)) {
    notes.push("frames: the lab's kernel waits with acknowledgements, and merges them");
  }
  const dns = kind('DNS');
  if (plan.noise && dns && differs(dns))
    notes.push('DNS: the names that noise looks up are others, and answers for IPv6 are empty');
  if (plan.noise && differs(frames)) {
    notes.push(
      'noise: pages follow a walk over another web, over connections that are kept for a visit; without a bound on bandwidth, and without round trips',
    );
  }
  if (Math.max(gapDistance.out, gapDistance.in) > NOTABLE) {
    const late = (figures.tunnel?.late ?? figures.late).p95;
    notes.push(
      `gaps: the lab has no round-trip times, and ${figures.speed === 1 ? '' : `a millisecond of its processes is ${figures.speed} of the home's; `}what it sends was up to ${late === null ? 'an unknown time' : `${Math.round(late * 1000)} ms`} late (p95)`,
    );
  }
  const [live, simulated] = [cost.live.addedDelay.p95 ?? 0, cost.simulated.addedDelay.p95 ?? 0];
  if (simulated > 2 * live && simulated - live > SHORT) {
    notes.push(
      'delay: in the lab TCP waits for what was not acknowledged, so that less is held back at a time; in the simulation all arrives when it was recorded',
    );
  } else if (live > 2 * simulated && live - simulated > SHORT) {
    notes.push('delay: the processes of the lab, two VPN ends among them, take their time; the simulation takes none');
  }
  return notes;
}

function ofDevices(trace: Trace, names: readonly string[]): Trace {
  const takesPart = trace.devices.map(({ name }) => names.includes(name));
  return filterPackets(trace, (row) => takesPart[trace.device[row]!]!);
}

const accuracyOf = (scores: {
  accuracy: number;
  accuracyLow: number | null;
  accuracyHigh: number | null;
}): Accuracy => ({ accuracy: scores.accuracy, low: scores.accuracyLow, high: scores.accuracyHigh });

function mapPair<T, U>({ live, simulated }: Pair<T>, of: (value: T, side: keyof Pair) => U): Pair<U> {
  return { live: of(live, 'live'), simulated: of(simulated, 'simulated') };
}

type Parts = readonly [train: Trace, test: Trace];

function total(parts: readonly Trace[], of: (trace: Trace, row: number) => number): number {
  let sum = 0;
  for (const trace of parts) for (let i = 0; i < trace.packets; i++) sum += of(trace, i);
  return sum;
}

function countKinds(whole: Pair<Parts>): FidelityRow['kinds'] {
  const counts = mapPair(whole, (parts) => {
    const own = KINDS.map(() => ({ frames: 0, bytes: 0 }));
    for (const { packets, protocols, length } of parts) {
      for (let i = 0; i < packets; i++) {
        const count = own[KINDS.findIndex(({ has }) => has(protocols[i]!, length[i]!))]!;
        count.frames++;
        count.bytes += length[i]!;
      }
    }
    return own;
  });
  return KINDS.map(({ kind }, k) => ({
    kind,
    frames: mapPair(counts, (own) => own[k]!.frames),
    bytes: mapPair(counts, (own) => own[k]!.bytes),
  })).filter(({ frames }) => frames.live + frames.simulated > 0);
}

function distanceOfLengths(whole: Pair<Parts>): number {
  const shares = mapPair(whole, (parts) => {
    const counts = new Map<number, number>();
    for (const { length } of parts) for (const bytes of length) counts.set(bytes, (counts.get(bytes) ?? 0) + 1);
    const all = total(parts, () => 1);
    return { of: (bytes: number) => (counts.get(bytes) ?? 0) / all, lengths: [...counts.keys()] };
  });
  const lengths = new Set([...shares.live.lengths, ...shares.simulated.lengths]);
  let sum = 0;
  for (const bytes of lengths) sum += Math.abs(shares.live.of(bytes) - shares.simulated.of(bytes));
  return sum / 2;
}

function compareGaps(whole: Pair<Parts>): Pick<FidelityRow, 'gaps' | 'gapDistance'> {
  const gapsOf = (wanted: Direction) =>
    mapPair(whole, (parts) => {
      const gaps: number[] = [];
      let last = Number.NaN;
      for (const { packets, direction, time } of parts) {
        for (let i = 0; i < packets; i++) {
          if (direction[i] !== wanted) continue;
          if (!Number.isNaN(last)) gaps.push(time[i]! - last);
          last = time[i]!;
        }
      }
      return Float64Array.from(gaps).sort();
    });
  const [out, inbound] = [gapsOf(Direction.OUTBOUND), gapsOf(Direction.INBOUND)];
  const quantiles = (sorted: Float64Array): Quantiles => {
    const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? null;
    return { p50: at(0.5), p95: at(0.95) };
  };
  return {
    gapDistance: {
      out: largestDifference(out.live, out.simulated),
      in: largestDifference(inbound.live, inbound.simulated),
    },
    gaps: { out: mapPair(out, quantiles), in: mapPair(inbound, quantiles) },
  };
}

/** The two-sample statistic of Kolmogorov and Smirnov; 0 where one of them is empty. */
export function largestDifference(a: Float64Array, b: Float64Array): number {
  if (a.length === 0 || b.length === 0) return 0;
  let most = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const value = Math.min(a[i]!, b[j]!);
    while (i < a.length && a[i]! === value) i++;
    while (j < b.length && b[j]! === value) j++;
    most = Math.max(most, Math.abs(i / a.length - j / b.length));
  }
  return most;
}

/** Trained and tested as the attacks are: on the earlier part of both, on the later. */
function tell(
  train: Pair<Observed>,
  test: Pair<Observed>,
  spec: ResolvedSpec,
  threads: number,
): Promise<number | null> {
  const rng = createRng(spec.seed, 'fidelity', 'told');
  const part = (both: Pair<Observed>, name: string) => {
    const sides = mapPair(both, ({ trace }, side) => {
      const options = {
        size: spec.window,
        stride: spec.window,
        mix: spec.mix,
        port: spec.port,
        classes: [],
        coverClass: false,
      };
      const { windows } = buildWindows(trace, options);
      const rows = sample(
        Uint32Array.from({ length: windows.packets.rows }, (_, row) => row),
        TOLD_FRAMES,
        rng.stream(name, side),
      );
      return neighbourColumns(windows, rows, REACH);
    });
    const columns = sides.live.map(
      (column, i) => ({ ...column, values: joined(column.values, sides.simulated[i]!.values) }) as Column,
    );
    const isLive = sides.live[0]!.values.length;
    return { columns, cover: Uint8Array.from(columns[0]!.values, (_, row) => Number(row < isLive)) };
  };
  return coverSeparability(part(train, 'train'), part(test, 'test'), { rng: rng.stream('forest'), threads });
}

function joined<T extends ArrayLike<number>>(a: T, b: T): T {
  const both = new (a.constructor as new (size: number) => T & { set(values: T, at: number): void })(
    a.length + b.length,
  );
  both.set(a, 0);
  both.set(b, a.length);
  return both;
}
