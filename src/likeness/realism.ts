import { capturedSeconds } from '../home/fitted/captured-time.js';
import { fitDevices } from '../home/fitted/fit.js';
import { generateFittedHome } from '../home/fitted/home.js';
import { buildWindows } from '../learning/build-windows.js';
import type { Column } from '../learning/forest/bins.js';
import { predictProbabilities, trainForest } from '../learning/forest/forest.js';
import { accuracyInterval, type BlockCounts, countBlocks, type Interval } from '../learning/interval.js';
import { packetColumns } from '../learning/packet-columns.js';
import { mostProbable, scoreIdentification } from '../learning/scores.js';
import { splitAt, splitByTime } from '../learning/split.js';
import { take } from '../shared/columns.js';
import { InputError } from '../shared/errors.js';
import type { OnProgress } from '../shared/progress.js';
import { createRng, type Rng } from '../shared/rng.js';
import { filterPackets, type Trace } from '../trace/trace.js';
import { nothingSeen } from '../view/observe.js';
import type { View } from '../view/view.js';
import { areaInterval, joinKinds, type KindScores, scoreKinds } from './separability.js';
import { windowColumns } from './window-columns.js';

export interface RealismOptions {
  /** Share of the packets, the earliest ones, that profiles are fitted to. */
  readonly trainShare: number;
  /** Number of homes to generate, with seeds from `seed` on. */
  readonly seeds: number;
  readonly seed: number;
  /** Packets in a window that is judged as a whole. */
  readonly window: number;
  /** Packets on each side of the split that a device needs to take part. */
  readonly minimumPackets: number;
  readonly trees: number;
  readonly threads: number;
  /** View in which devices are identified: all of them in one stream, or by device where the view shows devices. */
  readonly view: View;
  readonly onProgress?: OnProgress;
}

/** Area under the ROC curve of a forest that tells one kind of traffic from the other: 0.5 is chance. Null where there is too little traffic. */
export interface Separability {
  readonly packets: Interval | null;
  readonly windows: Interval | null;
}

interface Transfer {
  readonly accuracy: Interval;
  readonly macroF1: number;
}

/** Result of {@link checkRealism}. All tests use the same real packets: the latest ones, to which nothing was fitted. */
export interface Realism {
  readonly packets: { readonly fitted: number; readonly tested: number };
  /** Generated against real traffic, by device and for the whole home. */
  readonly generated: { readonly home: Separability; readonly devices: Readonly<Record<string, Separability>> };
  /** Earlier against later real traffic: the score that a perfect copy of the fitted part would have. */
  readonly earlier: { readonly home: Separability; readonly devices: Readonly<Record<string, Separability>> };
  /** Identification of devices by a forest trained on the real part that profiles were fitted to, or on generated traffic. */
  readonly identification: {
    readonly view: string;
    readonly devices: number;
    readonly trainedOnReal: Transfer;
    readonly trainedOnGenerated: Transfer;
    readonly majority: number;
  };
}

/**
 * Measures how realistic generated traffic is. It fits profiles to the earliest packets of `trace` only, and compares the traffic that
 * they generate with the latest packets. Can a random forest tell the two apart (see {@link scoreKinds}), and does a forest trained on
 * generated traffic name the real devices ("train on synthetic, test on real", Esteban, Hyland and Rätsch, arXiv 1706.02633)?
 * @throws InputError where fewer than two devices have enough packets on both sides, or the view shows none of them
 */
export async function checkRealism(trace: Trace, options: RealismOptions): Promise<Realism> {
  const { seed, seeds, minimumPackets, view } = options;
  if (view.select(trace, createRng(seed, 'realism', 'view')).packets === 0) throw nothingSeen(trace, view);
  const whole = splitByTime(trace, options.trainShare);
  const names = enoughPackets([whole.train, whole.test], minimumPackets);
  if (names.length < 2) {
    throw new InputError(
      `expected at least two devices with ${minimumPackets} packets on both sides of the split, found ${names.length}`,
    );
  }
  const keep = (part: Trace) => filterPackets(part, (row) => names.includes(part.devices[part.device[row]!]!.name));
  const train = keep(whole.train);
  const test = keep(whole.test);
  const { devices, capturedSeconds: trainSeconds } = fitDevices(train);
  const testSeconds = capturedSeconds(test);
  const generate = (run: number, seconds: number, start: number) =>
    generateFittedHome({ devices }, { hours: seconds / 3600, seed: `${seed + run}`, start });
  const runs = Array.from({ length: seeds }, (_, run) => run);
  let done = 0;
  const step = (task: string) => options.onProgress?.({ task, done: done++, total: 2 * seeds + 2, unit: 'forests' });

  const later = runs.map((run) => generate(run, testSeconds, test.time[0]!));
  step('real or generated');
  const generated = await separate(test, later, names, options);
  step('earlier or later');
  const half = splitAt(train, train.time[Math.floor(train.packets / 2)]!).test;
  const earlier = await separate(test, [half], names, options);

  step('real devices');
  const real = await transfer([train], test, names, options);
  const homes = runs.map((run) => generate(run, trainSeconds, train.time[0]!));
  step('real devices, from generated ones');
  const synthetic = await transfer(homes, test, names, options);
  return {
    packets: { fitted: train.packets, tested: test.packets },
    generated,
    earlier,
    identification: {
      view: options.view.name,
      devices: real.devices,
      trainedOnReal: real.transfer,
      trainedOnGenerated: synthetic.transfer,
      majority: real.majority,
    },
  };
}

/** Names of the devices with `minimum` packets or more in each of `parts`. */
function enoughPackets(parts: readonly Trace[], minimum: number): string[] {
  const counts = parts.map((part) => {
    const byName = new Map<string, number>();
    for (const device of part.device) {
      const name = part.devices[device]?.name;
      if (name !== undefined) byName.set(name, (byName.get(name) ?? 0) + 1);
    }
    return byName;
  });
  const names = parts[0]!.devices.map(({ name }) => name);
  return names.filter((name) => counts.every((byName) => (byName.get(name) ?? 0) >= minimum));
}

async function separate(
  real: Trace,
  others: readonly Trace[],
  names: readonly string[],
  options: RealismOptions,
): Promise<Realism['generated']> {
  const devices: Record<string, Separability> = {};
  for (const name of names) {
    devices[name] = await separability(
      only(real, name),
      others.map((other) => only(other, name)),
      options,
      name,
    );
  }
  return { home: await separability(real, others, options, ''), devices };
}

function only(trace: Trace, name: string): Trace {
  const device = trace.devices.findIndex((candidate) => candidate.name === name);
  return filterPackets(trace, (row) => trace.device[row] === device);
}

async function separability(
  real: Trace,
  others: readonly Trace[],
  options: RealismOptions,
  name: string,
): Promise<Separability> {
  const rng = createRng(options.seed, 'realism', name);
  const runs: { packets: KindScores | null; windows: KindScores | null }[] = [];
  for (const [run, other] of others.entries()) {
    const parts = [real, other].map((trace) => {
      const { windows } = buildWindows(trace, {
        size: options.window,
        stride: options.window,
        mix: 'home',
        port: 'service',
      });
      return { packets: packetColumns(windows.packets), windows: windowColumns(windows) };
    });
    const told = async (kind: 'packets' | 'windows') =>
      discriminate(parts[0]![kind], parts[1]![kind], options, rng.stream(kind, run));
    runs.push({ packets: await told('packets'), windows: await told('windows') });
  }
  const summary = (kind: 'packets' | 'windows'): Interval | null => {
    const scores = runs.map((run) => run[kind]);
    return scores.some((s) => s === null) ? null : areaInterval(scores as KindScores[], rng.stream('interval', kind));
  };
  return { packets: summary('packets'), windows: summary('windows') };
}

const FEWEST_ROWS = 40;
const MOST_ROWS = 20_000;

/** Trains a forest on the first half of both kinds of rows, which weigh the same, and scores the second half. */
async function discriminate(
  real: readonly Column[],
  other: readonly Column[],
  { trees, threads }: RealismOptions,
  rng: Rng,
): Promise<KindScores | null> {
  const [a, b] = [real[0]?.values.length ?? 0, other[0]?.values.length ?? 0];
  if (Math.min(a, b) < FEWEST_ROWS) return null;
  const some = (columns: readonly Column[], from: number, to: number): Column[] => {
    const rows = spread(from, to, MOST_ROWS);
    return columns.map((column) => ({ ...column, values: take(column.values as Float32Array, rows) }) as Column);
  };
  const train = joinKinds(some(real, 0, a >> 1), some(other, 0, b >> 1));
  const test = joinKinds(some(real, a >> 1, a), some(other, b >> 1, b));
  // Leaves of single rows only remember; a few rows in each make the scores fine enough to rank by.
  const scores = (await scoreKinds(train, test, { trees, threads, rng, minLeaf: 5, isBalanced: true }))!;
  const first = test.isB.indexOf(1);
  return { a: scores.subarray(0, first), b: scores.subarray(first) };
}

/** At most `most` whole numbers from `from` to before `to`, evenly spread. */
function spread(from: number, to: number, most: number): Uint32Array {
  const n = Math.min(most, to - from);
  return Uint32Array.from({ length: n }, (_, i) => from + Math.floor((i * (to - from)) / n));
}

async function transfer(
  homes: readonly Trace[],
  real: Trace,
  names: readonly string[],
  { view, trees, threads, seed }: RealismOptions,
): Promise<{ transfer: Transfer; majority: number; devices: number }> {
  const table = (trace: Trace, classes: readonly string[], run: string) => {
    const seen = view.select(trace, createRng(seed, 'realism', 'view', run));
    const mix = view.perDevice ? 'single' : 'home';
    return buildWindows(seen, { size: 100, stride: 100, mix, port: 'service', classes }).windows;
  };
  const test = table(real, names, 'test');
  const trains = homes.map((home, run) => table(home, names, `train ${run}`));
  const blocks: BlockCounts[] = [];
  let macroF1 = 0;
  let majority = 0;
  let devices = 0;
  for (const [run, { packets, label }] of trains.entries()) {
    const forest = await trainForest(packetColumns(packets), label, {
      classes: names.length,
      trees,
      threads,
      categories: 50,
      outOfBag: false,
      rng: createRng(seed, 'realism', 'devices', run),
    });
    const probabilities = await predictProbabilities(forest, packetColumns(test.packets), threads);
    const predicted = mostProbable(probabilities, names.length);
    const score = scoreIdentification({ devices: names, classes: names, truth: test.label, predicted });
    blocks.push(countBlocks(test.label, predicted));
    macroF1 += score.macroF1 / trains.length;
    majority = score.majority;
    devices = new Set(test.label).size;
  }
  const accuracy = accuracyInterval(blocks, createRng(seed, 'realism', 'accuracy'));
  return { transfer: { accuracy, macroF1 }, majority, devices };
}
