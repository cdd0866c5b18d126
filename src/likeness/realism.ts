import { capturedSeconds, fitDevices } from '../home/fitted/fit.js';
import { generateFittedHome } from '../home/fitted/home.js';
import { buildWindows } from '../learning/build-windows.js';
import type { Column } from '../learning/forest/bins.js';
import { predictProbabilities, trainForest } from '../learning/forest/forest.js';
import { accuracyInterval, type BlockCounts, countBlocks, type Interval } from '../learning/interval.js';
import { packetColumns } from '../learning/packet-columns.js';
import { mostProbable, scoreIdentification } from '../learning/scores.js';
import { splitAt, splitByTime } from '../learning/split.js';
import type { PacketFeatures, Windows } from '../learning/windows.js';
import { take } from '../shared/columns.js';
import { InputError } from '../shared/errors.js';
import type { OnProgress } from '../shared/progress.js';
import { createRng, type Rng } from '../shared/rng.js';
import { filterPackets, type Trace } from '../trace/trace.js';
import type { View } from '../view/view.js';

export interface RealismOptions {
  /** Share of the packets, the earliest, that profiles are fitted to. */
  readonly trainShare: number;
  /** Homes generated, with seeds from `seed` on. */
  readonly seeds: number;
  readonly seed: number;
  /** Packets of a window that is judged as a whole. */
  readonly window: number;
  /** Devices with fewer packets on either side of the split are left out. */
  readonly minimumPackets: number;
  readonly trees: number;
  readonly threads: number;
  /** Where devices are told apart: what the view shows, all devices in one stream (by device in the `lan` view). */
  readonly view: View;
  readonly onProgress?: OnProgress;
}

/** How well a forest tells one kind of traffic from the other: 0.5 is chance. Null where there is too little to tell. */
export interface Separability {
  readonly packets: Interval | null;
  readonly windows: Interval | null;
}

interface Transfer {
  readonly accuracy: Interval;
  readonly macroF1: number;
}

/** What {@link checkRealism} finds. Everything is tested on the same real packets, the latest ones, which nothing was fitted to. */
export interface Realism {
  readonly packets: { readonly fitted: number; readonly tested: number };
  /** Generated against real traffic: by device, and all of them as one home. */
  readonly generated: { readonly home: Separability; readonly devices: Readonly<Record<string, Separability>> };
  /** Earlier real traffic against later: what a perfect memory of the fitted part would be told by. */
  readonly earlier: { readonly home: Separability; readonly devices: Readonly<Record<string, Separability>> };
  /** Names of devices, by a forest trained on the real part that profiles were fitted to, or on what they generate. */
  readonly identification: {
    readonly view: string;
    readonly devices: number;
    readonly trainedOnReal: Transfer;
    readonly trainedOnGenerated: Transfer;
    readonly majority: number;
  };
}

/**
 * Measures how real generated traffic is. Profiles are fitted to the earliest packets of `trace` alone; what they generate is held
 * against the latest: can a random forest tell the two apart (the classifier two-sample test of Lopez-Paz and Oquab, ICLR 2017),
 * and does one that is trained on the generated name the real devices ("train on synthetic, test on real", Esteban, Hyland
 * and Rätsch, arXiv 1706.02633)?
 * @throws InputError where fewer than two devices have enough packets on both sides
 */
export async function checkRealism(trace: Trace, options: RealismOptions): Promise<Realism> {
  const { seed, seeds, minimumPackets } = options;
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

/** Names of devices with so many packets in each of `parts`. */
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

type Parts = Realism['generated'];

async function separate(
  real: Trace,
  others: readonly Trace[],
  names: readonly string[],
  options: RealismOptions,
): Promise<Parts> {
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
  const runs: { packets: Scores | null; windows: Scores | null }[] = [];
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
    return scores.some((s) => s === null) ? null : areaInterval(scores as Scores[], rng.stream('interval', kind));
  };
  return { packets: summary('packets'), windows: summary('windows') };
}

/** Of the rows tested, how many had which score, by block of consecutive ones. */
interface Scores {
  readonly real: readonly Float64Array[];
  readonly other: readonly Float64Array[];
}

/** Steps of a score from 0 to 1: finer than what a forest of a hundred trees gives. */
const STEPS = 1000;
const BLOCKS = 20;
const FEWEST_ROWS = 40;
const MOST_ROWS = 20_000;

/** Trains a forest on the first half of both kinds of rows, as many of each, and scores the second half. */
async function discriminate(
  real: readonly Column[],
  other: readonly Column[],
  { trees, threads }: RealismOptions,
  rng: Rng,
): Promise<Scores | null> {
  const [a, b] = [real[0]?.values.length ?? 0, other[0]?.values.length ?? 0];
  if (Math.min(a, b) < FEWEST_ROWS) return null;
  const rowsOf = (length: number) => {
    const half = length >> 1;
    return [spread(0, half, MOST_ROWS), spread(half, length, MOST_ROWS)] as const;
  };
  const [realTrain, realTest] = rowsOf(a);
  const [otherTrain, otherTest] = rowsOf(b);
  const forest = await trainForest(
    real.map((column, i) => joinColumns(column, realTrain, other[i]!, otherTrain)),
    Uint16Array.from({ length: realTrain.length + otherTrain.length }, (_, i) => (i < realTrain.length ? 0 : 1)),
    {
      classes: 2,
      trees,
      threads,
      rng,
      // Leaves of single rows only remember; a few rows in each make the scores fine enough to rank by.
      minLeaf: 5,
      outOfBag: false,
      classWeight: [1 / realTrain.length, 1 / otherTrain.length].map((w) => w * (realTrain.length + otherTrain.length)),
    },
  );
  const score = async (columns: readonly Column[], rows: Uint32Array) => {
    const taken = columns.map((column) => ({ ...column, values: take(column.values as Float32Array, rows) }) as Column);
    const probabilities = await predictProbabilities(forest, taken, threads);
    const blocks = Array.from({ length: BLOCKS }, () => new Float64Array(STEPS + 1));
    for (let i = 0; i < rows.length; i++) {
      blocks[Math.floor((i * BLOCKS) / rows.length)]![Math.round(probabilities[2 * i + 1]! * STEPS)]!++;
    }
    return blocks;
  };
  return { real: await score(real, realTest), other: await score(other, otherTest) };
}

/** At most `most` whole numbers from `from` to before `to`, evenly spread. */
function spread(from: number, to: number, most: number): Uint32Array {
  const n = Math.min(most, to - from);
  return Uint32Array.from({ length: n }, (_, i) => from + Math.floor((i * (to - from)) / n));
}

function joinColumns(a: Column, aRows: Uint32Array, b: Column, bRows: Uint32Array): Column {
  const values = new (a.values.constructor as Float32ArrayConstructor)(aRows.length + bRows.length);
  values.set(take(a.values as Float32Array, aRows));
  values.set(take(b.values as Float32Array, bRows), aRows.length);
  return { ...a, values } as Column;
}

const RESAMPLES = 500;

/** Mean area under the ROC curve over runs, with a 95 % interval by the bootstrap over blocks of time and over runs. */
function areaInterval(runs: readonly Scores[], rng: Rng): Interval {
  const every = Array.from({ length: BLOCKS }, (_, k) => k);
  const tables = runs.map(winsOfBlocks);
  const mean = tables.reduce((sum, table) => sum + area(table, every, every), 0) / runs.length;
  const areas = Float64Array.from({ length: RESAMPLES }, () => {
    const blocks = () => every.map(() => rng.integer(0, BLOCKS - 1));
    const [real, other] = [blocks(), blocks()];
    let sum = 0;
    for (let i = 0; i < runs.length; i++) sum += area(tables[rng.integer(0, runs.length - 1)]!, real, other);
    return sum / runs.length;
  }).sort();
  const tail = Math.round(0.025 * RESAMPLES);
  return { mean, low: areas[tail]!, high: areas[RESAMPLES - 1 - tail]! };
}

/** By pair of blocks, real times {@link BLOCKS} and other: how often a row of the other scores higher, and pairs of rows. */
interface Wins {
  readonly wins: Float64Array;
  readonly pairs: Float64Array;
}

/** Ties count half (Mann and Whitney, 1947). */
function winsOfBlocks({ real, other }: Scores): Wins {
  const wins = new Float64Array(BLOCKS * BLOCKS);
  const pairs = new Float64Array(BLOCKS * BLOCKS);
  for (let a = 0; a < BLOCKS; a++) {
    for (let b = 0; b < BLOCKS; b++) {
      let [below, won, all] = [0, 0, 0];
      for (let s = 0; s <= STEPS; s++) {
        won += other[b]![s]! * (below + real[a]![s]! / 2);
        below += real[a]![s]!;
        all += other[b]![s]!;
      }
      wins[a * BLOCKS + b] = won;
      pairs[a * BLOCKS + b] = below * all;
    }
  }
  return { wins, pairs };
}

function area({ wins, pairs }: Wins, real: readonly number[], other: readonly number[]): number {
  let [won, all] = [0, 0];
  for (const a of real) {
    for (const b of other) {
      won += wins[a * BLOCKS + b]!;
      all += pairs[a * BLOCKS + b]!;
    }
  }
  return won / all;
}

/** What a window looks like as a whole: shares, means and spreads, and how often what follows what. */
function windowColumns({ packets, start, count, size }: Windows): Column[] {
  // A window that is short of packets at the end of its stream would be told by that alone.
  const full = [...start].filter((_, w) => count[w] === size);
  const columns = new Map<string, Float32Array>();
  const put = (name: string, w: number, value: number) => {
    let column = columns.get(name);
    if (!column) {
      column = new Float32Array(full.length);
      columns.set(name, column);
    }
    column[w] = value;
  };
  for (const [w, first] of full.entries())
    describeWindow(packets, first, first + size, (name, value) => put(name, w, value));
  return [...columns].map(([name, values]) => ({ kind: 'numeric', name, values }));
}

function describeWindow(
  { port, protocols, direction, length, interval }: PacketFeatures,
  from: number,
  to: number,
  put: (name: string, value: number) => void,
): void {
  const size = to - from;
  const sides = [0, 1].map((side) => [...length.subarray(from, to)].filter((_, i) => direction[from + i] === side));
  put('outbound', sides[1]!.length / size);
  for (const [side, lengths] of sides.entries()) {
    const name = side === 1 ? 'out' : 'in';
    const mean = lengths.reduce((sum, x) => sum + x, 0) / Math.max(1, lengths.length);
    put(`${name} length mean`, mean);
    put(
      `${name} length deviation`,
      Math.sqrt(lengths.reduce((s, x) => s + (x - mean) ** 2, 0) / Math.max(1, lengths.length)),
    );
    put(`${name} lengths`, new Set(lengths).size);
    put(`${name} length largest`, Math.max(0, ...lengths));
  }
  // The first interval of a stream is none; elsewhere it leads from the window before, and is left out as well.
  const gaps = Array.from(interval.subarray(from + 1, to), (x) => Math.log10(Math.max(x, 1e-6))).sort((a, b) => a - b);
  for (const q of [0.1, 0.25, 0.5, 0.75, 0.9, 1]) put(`gap ${q}`, gaps[Math.round(q * (gaps.length - 1))] ?? 0);
  put('gap mean', gaps.reduce((sum, x) => sum + x, 0) / Math.max(1, gaps.length));
  put(
    'seconds',
    interval.subarray(from + 1, to).reduce((sum, x) => sum + x, 0),
  );
  put('ports', new Set(port.subarray(from, to)).size);
  for (const [bit, name] of ['tcp', 'udp', 'tls', 'http', 'dns', 'other'].entries()) {
    let n = 0;
    for (let i = from; i < to; i++) if ((protocols[i]! & (2 << bit)) !== 0) n++;
    put(name, n / size);
  }
  let turns = 0;
  let repeats = 0;
  let longest = 0;
  let run = 0;
  for (let i = from + 1; i < to; i++) {
    if (direction[i] !== direction[i - 1]) turns++;
    run = direction[i] === direction[i - 1] && length[i] === length[i - 1] ? run + 1 : 0;
    if (run > 0) repeats++;
    longest = Math.max(longest, run);
  }
  put('turns', turns / size);
  put('repeats', repeats / size);
  put('longest repeat', longest);
  put('kinds', new Set(Array.from({ length: size }, (_, i) => length[from + i]! * 2 + direction[from + i]!)).size);
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
