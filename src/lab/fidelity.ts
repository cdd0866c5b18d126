import { openData } from '../harness/dataset.js';
import { describeTool } from '../harness/environment.js';
import { scoreModel } from '../harness/observer/evaluate.js';
import { builtIns, type Registry } from '../harness/plugins/registry.js';
import { createSeedRun, UNDEFENDED } from '../harness/seed-run.js';
import { appliedView } from '../harness/setting.js';
import { countKinds, gapsOf, largestDifference, lengthDistance, tellFrames } from '../likeness/traffic.js';
import type { LiveFigures, ResolvedDefense, ResolvedSpec, Result } from '../result/result.js';
import type { Observed } from '../shaping/account.js';
import { type Cost, costOf } from '../shaping/cost.js';
import type { OnProgress } from '../shared/progress.js';
import { createRng } from '../shared/rng.js';
import { Direction, filterPackets, type Trace } from '../trace/trace.js';
import { type Plan, planOf } from './plan.js';
import { cutRecording, recordLive } from './record.js';
import { simulateLab } from './simulated.js';

/** A figure of live traffic and the same figure of simulated traffic. */
export interface Pair<T = number | null> {
  readonly live: T;
  readonly simulated: T;
}

/** Accuracy of a model, with the bounds of its 95 % interval. */
export interface Accuracy {
  readonly accuracy: number;
  readonly low: number | null;
  readonly high: number | null;
}

export interface FidelityRow {
  readonly defense: string;
  readonly figures: LiveFigures;
  /** Counts on the wire, over the whole time. */
  readonly frames: Pair<number>;
  readonly bytes: Pair<number>;
  readonly cover: Pair<number>;
  /** Frames and bytes by kind; see {@link countKinds}. */
  readonly kinds: readonly { readonly kind: string; readonly frames: Pair<number>; readonly bytes: Pair<number> }[];
  /** Distance of lengths; see {@link lengthDistance}. */
  readonly lengthDistance: number;
  /** Distance of gaps by direction; see {@link largestDifference}. */
  readonly gapDistance: { readonly out: number; readonly in: number };
  /** Seconds between consecutive frames of a direction. */
  readonly gaps: { readonly out: Pair<Quantiles>; readonly in: Pair<Quantiles> };
  readonly cost: Pair<Cost>;
  /** Area under the ROC curve of a forest that tells live from simulated frames; see {@link tellFrames}. */
  readonly told: number | null;
  /** Accuracy of each attack under this defense, by the traffic that it was trained on and tested on. */
  readonly identification: readonly {
    readonly attack: string;
    readonly live: Accuracy;
    readonly simulated: Accuracy;
    readonly simulatedToLive: Accuracy;
    readonly liveToSimulated: Accuracy;
  }[];
  readonly majority: Pair<number>;
  /** Known reasons for the differences that the figures show, one line each. */
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

/**
 * Plays a home in the lab under each defense of `spec`, simulates the same home under the same defenses, and compares the two.
 * @param spec request for live traffic, with one seed
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
        live: await createSeedRun(spec, view, parts, seed, plugins, live).fit(attack, defense, { threads, signal }),
        simulated: await createSeedRun(spec, view, parts, seed, plugins, virtual).fit(attack, defense, {
          threads,
          signal,
        }),
      };
      const score = async (trained: keyof Pair, tested: keyof Pair) => {
        const { identification: scores } = await scoreModel(models[trained], test[tested].trace, classes, seed);
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
      kinds: pairKinds(whole),
      lengthDistance: lengthDistance(whole.live, whole.simulated),
      ...compareGaps(whole),
      cost: mapPair(test, (observed, side) => costOf(observed, base[side].trace)),
      told: await tellFrames(
        { train: train.live.trace, test: test.live.trace },
        { train: train.simulated.trace, test: test.simulated.trace },
        {
          windows: { size: spec.window, mix: spec.mix, port: spec.port },
          rng: createRng(seed, 'fidelity', 'told'),
          threads,
        },
      ),
      identification,
      majority,
    };
    rows.push({ ...row, notes: explain(row, planOf(defense, spec, plugins)) });
  }
  return { schemaVersion: 1, tool: describeTool(), spec, rows, warnings };
}

/** Relative difference from which on there is something to explain. */
const NOTABLE = 0.05;
/** Seconds of delay from which on an application notices. */
const SHORT = 0.01;

/** Explains known differences between the lab and the simulation, where the figures show them. */
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

/** Frames and bytes of each kind that is there. */
function pairKinds({ live, simulated }: Pair<Parts>): FidelityRow['kinds'] {
  const others = countKinds(simulated);
  return countKinds(live)
    .map(({ kind, frames, bytes }, k) => ({
      kind,
      frames: { live: frames, simulated: others[k]!.frames },
      bytes: { live: bytes, simulated: others[k]!.bytes },
    }))
    .filter(({ frames }) => frames.live + frames.simulated > 0);
}

function compareGaps(whole: Pair<Parts>): Pick<FidelityRow, 'gaps' | 'gapDistance'> {
  const out = mapPair(whole, (parts) => gapsOf(parts, Direction.OUTBOUND));
  const inbound = mapPair(whole, (parts) => gapsOf(parts, Direction.INBOUND));
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
