/**
 * The wall time of a whole study, `homeveil bench STUDY`, beside that of the same study in scikit-learn and PyTorch
 * (Debian: python3-torch, python3-sklearn): the same models, trained on the same windows, tested on the same packets.
 *
 *     node dist/benchmarks/study.js [--study benchmarks/study.yaml] [--processes CORES] [--runs 1] [--json]
 *                                   [--peer one-by-one --peer in-parallel] [--python python3]
 *
 * Ours is the command line as it is, into an empty folder: it generates or reads the traffic, puts the defenses in place, trains, tests,
 * measures costs, presence and metrics, and writes the reports. The peer is given the traffic as the observer sees it in each setting and
 * under each defense, as arrays of packets and windows, before its time starts: it encodes, trains, tests, and computes accuracy and
 * macro-F1, no more. Both times are of a process from start to end. The peer runs in two ways, each the whole study: `one-by-one`, as such
 * scripts are usually written, one model after another with `n_jobs=-1` and as many threads as PyTorch chooses; and `in-parallel`,
 * `--processes` models at a time, one thread each. Ours has as many threads as that; by default it is as many as cores. With
 * `--runs` all take turns, and medians are shown. Start, order and dropout are each side's own chance, and scikit-learn's forest has
 * the port as a number and no bins: scores agree on average, not cell by cell.
 */
import { spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createLoader, openData, type TrainTest } from '../src/harness/dataset.js';
import { describeEnvironment } from '../src/harness/environment.js';
import { type CellItem, type Item, itemsOf, type Job, jobsOf } from '../src/harness/jobs/plan.js';
import { loadPlugins } from '../src/harness/plugins/load-plugins.js';
import { attackOf, type Registry } from '../src/harness/plugins/registry.js';
import { createSeedRun } from '../src/harness/seed-run.js';
import { appliedView, windowing } from '../src/harness/setting.js';
import { resolveSpec } from '../src/harness/spec.js';
import { readStudy } from '../src/harness/study-file.js';
import { buildWindows, rowsInWindows } from '../src/learning/build-windows.js';
import { packetColumns } from '../src/learning/packet-columns.js';
import { droppedShare } from '../src/learning/training/dropout.js';
import { NO_CLASS, type Windows } from '../src/learning/windows.js';
import type { ResolvedDefense, ResolvedSpec, StudyResult } from '../src/result/result.js';
import type { AppliedView } from '../src/view/observe.js';
import { wholeNumber } from './options.js';
import { makeFolder, requireModules, writeNpy } from './python.js';

const WAYS = ['one-by-one', 'in-parallel'] as const;
type Way = (typeof WAYS)[number];

const { values } = parseArgs({
  options: {
    study: { type: 'string', default: 'benchmarks/study.yaml' },
    python: { type: 'string', default: 'python3' },
    processes: { type: 'string', default: String(availableParallelism()) },
    peer: { type: 'string', multiple: true, default: [...WAYS] },
    runs: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});
const processes = wholeNumber('--processes', values.processes, 256);
const runs = wholeNumber('--runs', values.runs, 100);
const ways = WAYS.filter((way) => values.peer.includes(way));
const unknown = values.peer.find((name) => !(WAYS as readonly string[]).includes(name));
if (unknown !== undefined) throw new RangeError(`--peer: expected ${WAYS.join(' or ')}, found ${unknown}`);

/** A model to train and what to test it on, as study.py reads it. Parts of the traffic go by name; see {@link writePart}. */
interface Model {
  readonly attack: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly seed: number;
  /** Devices, and classes to learn: the devices, and cover where there is any. */
  readonly devices: number;
  readonly classes: number;
  readonly window: number;
  readonly train: string;
  readonly validation: string;
  readonly tests: readonly string[];
}

/** The cells that a model gives. */
interface Trained {
  readonly model: Model;
  /** As it is written in the study. */
  readonly attack: string;
  /** Index of the setting. */
  readonly setting: number;
  readonly cells: readonly CellItem[];
  /** For each cell, which of the model's tests it is: against no defense, the two adversaries are one. */
  readonly testOf: readonly number[];
}

interface Scores {
  readonly accuracy: number;
  readonly macroF1: number;
}

/** One run of one side. */
interface Run {
  readonly seconds: number;
  /** Scores of each of `trained`. */
  readonly outcomes: readonly Outcome[];
}

interface Outcome {
  /** Training, and the predictions on all that it is tested on. */
  readonly fit: number;
  readonly predict: number;
  /** For each of the model's cells. */
  readonly scores: readonly Scores[];
}

interface Program {
  readonly name: string;
  readonly run: () => Promise<Run>;
  readonly runs: Run[];
}

requireModules(values.python, ['joblib', 'sklearn', 'torch']);
const load = loadavg()[0]!;
const folder = makeFolder('homeveil-study-');
const { study, requests, plugins: named } = readStudy(values.study);
const plugins = await loadPlugins(named);
const specs = requests.map((request) => resolveSpec(request, plugins));
for (const spec of specs) checkSetting(spec);
const { trained, packets } = await exportStudy();
let versions: Readonly<Record<string, string>> = {};

const ours: Program = { name: 'homeveil', run: ownRun, runs: [] };
const peers = ways.map((way): Program => ({ name: `Python, ${way}`, run: () => peerRun(way), runs: [] }));
for (let turn = 0; turn < runs; turn++) {
  for (const program of [ours, ...peers]) {
    const run = await program.run();
    program.runs.push(run);
    // The whole may take an hour.
    console.error(`${program.name}: ${run.seconds.toFixed(1)} s`);
  }
}
if (values.json) console.log(JSON.stringify(summarize(), null, 2));
else print();

/** Leaves in `folder` what the peer works on: models.json and the parts of the traffic. */
async function exportStudy(): Promise<{ trained: Trained[]; packets: number }> {
  const all: Trained[] = [];
  const loader = createLoader(specs);
  let packets = 0;
  for (const [setting, spec] of specs.entries()) {
    const view = appliedView(spec);
    const { parts, summary } = await openData(spec, view, loader);
    packets += summary.packets;
    const jobs = jobsOf(itemsOf(spec).filter(isCellItem));
    for (let seed = spec.seed; seed < spec.seed + spec.seeds; seed++) {
      const ofSeed = jobs.filter((job) => job.seed === seed);
      const { trainings, tests } = await exportTraffic(`${setting}-${seed}`, { spec, view, parts, seed }, ofSeed);
      for (const { model, items } of ofSeed) {
        const { attack } = model!;
        const cells = items.filter(isCellItem);
        const tested = [...new Set(cells.map(({ defense }) => defense.label))];
        all.push({
          model: {
            attack: attack.name,
            parameters: parametersOf(attack.parameters),
            seed,
            devices: parts.classes.length,
            window: spec.window,
            ...trainings.get(keyOf(model!))!,
            tests: tested.map((label) => tests.get(label)!),
          },
          attack: attack.label,
          setting,
          cells,
          testOf: cells.map(({ defense }) => tested.indexOf(defense.label)),
        });
      }
    }
  }
  writeFileSync(join(folder, 'models.json'), JSON.stringify(all.map(({ model }) => model)));
  return { trained: all, packets };
}

interface Place {
  readonly spec: ResolvedSpec;
  readonly view: AppliedView;
  readonly parts: TrainTest;
  readonly seed: number;
}

/** Writes all that `jobs` of one seed train and test on; gives the names: by {@link keyOf} a model, and by the label of a defense. */
async function exportTraffic(name: string, { spec, view, parts, seed }: Place, jobs: readonly Job[]) {
  const { registry, taken } = createTap();
  const seedRun = createSeedRun(spec, view, parts, seed, registry);
  const tests = new Map<string, string>();
  const trainings = new Map<string, Training>();
  // Defense by defense: a world keeps the traffic of the last one only.
  for (const defense of defensesOf(jobs)) {
    const place = `${name}-${tests.size}`;
    const { trace } = (await seedRun.defend(defense, 'test')).defended;
    const options = { ...windowing(spec, view), stride: spec.window, classes: parts.classes };
    writePart(`${place}-test`, buildWindows(trace, options).windows);
    tests.set(defense.label, `${place}-test`);
    for (const { model } of jobs) {
      const key = keyOf(model!);
      if (model!.trainedOn.label !== defense.label || trainings.has(key)) continue;
      await seedRun.fit(model!.attack, defense, { threads: 1 });
      trainings.set(key, exportTraining(`${place}-${model!.attack.name}`, taken()));
    }
  }
  return { trainings, tests };
}

/** The training part of a model: attacks that stop early get a smaller one, the same for all of them. */
function keyOf({ attack, trainedOn }: NonNullable<Job['model']>): string {
  return `${trainedOn.label}\n${attackOf(attack, plugins).validates ?? false}`;
}

/** @throws Error for an attack or an adversary that study.py does not know */
function checkSetting({ transfer, attacks }: ResolvedSpec): void {
  const known = ['random-forest', 'lstm', 'blstm'];
  const foreign = attacks.find(({ name }) => !known.includes(name));
  if (foreign) throw new Error(`${values.study}: expected the attacks ${known.join(', ')}, found ${foreign.label}`);
  if (transfer) throw new Error(`${values.study}: expected the adversaries static and adaptive, found transfer`);
}

type Training = Pick<Model, 'classes' | 'train' | 'validation'>;

function exportTraining(name: string, { train, validation }: Given): Training {
  writePart(`${name}-train`, train);
  writePart(`${name}-validation`, validation);
  return { classes: train.classes.length, train: `${name}-train`, validation: `${name}-validation` };
}

interface Given {
  readonly train: Windows;
  readonly validation: Windows;
}

/** Attacks that learn nothing, and the windows that the harness would have had the last one learn from. */
function createTap(): { registry: Registry; taken: () => Given } {
  let last: Given | undefined;
  const attacks = plugins.attacks.map((attack) => ({
    ...attack,
    async fit(train: Windows, validation: Windows) {
      last = { train, validation };
      return { predict: () => Promise.reject(new Error('nothing was learnt')) };
    },
  }));
  return { registry: { ...plugins, attacks }, taken: () => last! };
}

function isCellItem(item: Item): item is CellItem {
  return item.kind === 'cell';
}

/** All that is trained or tested on, each once. */
function defensesOf(jobs: readonly Job[]): ResolvedDefense[] {
  const all = jobs.flatMap(({ model, items }) => [model!.trainedOn, ...items.map(({ defense }) => defense)]);
  return [...new Map(all.map((defense) => [defense.label, defense])).values()];
}

function parametersOf(parameters: Readonly<Record<string, unknown>>): Model['parameters'] {
  const { dropout } = parameters;
  return typeof dropout === 'number' ? { ...parameters, dropout: droppedShare(dropout) } : parameters;
}

/**
 * Windows and the packets in them: NAME-packets (float32, the columns of {@link packetColumns}), -label (int32, -1 for no class),
 * -start and -count of each window (int32).
 */
function writePart(name: string, windows: Windows): void {
  const rows = rowsInWindows(windows);
  const columns = packetColumns(windows.packets, rows);
  const table = new Float32Array(rows.length * columns.length);
  for (const [i, { values: column }] of columns.entries()) {
    for (let row = 0; row < rows.length; row++) table[row * columns.length + i] = column[row]!;
  }
  const label = Int32Array.from(rows, (row) => (windows.label[row] === NO_CLASS ? -1 : windows.label[row]!));
  // All packets of a window are among the rows, so they stay neighbours.
  const place = new Int32Array(windows.packets.rows);
  for (const [at, row] of rows.entries()) place[row] = at;
  const start = Int32Array.from(windows.start, (row) => place[row]!);
  writeNpy(join(folder, `${name}-packets.npy`), table, [rows.length, columns.length]);
  writeNpy(join(folder, `${name}-label.npy`), label, [rows.length]);
  writeNpy(join(folder, `${name}-start.npy`), start, [start.length]);
  writeNpy(join(folder, `${name}-count.npy`), Int32Array.from(windows.count), [start.length]);
}

/** Runs a program, which is stopped should this one be; gives what it printed and how long it took. */
async function time(command: string, parameters: readonly string[]): Promise<{ seconds: number; stdout: string }> {
  const started = performance.now();
  const child = spawn(command, parameters, { stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = () => child.kill();
  process.on('exit', stop);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const status = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  const seconds = (performance.now() - started) / 1000;
  process.off('exit', stop);
  if (status !== 0) throw new Error(`${command} ${parameters.join(' ')}: ${stderr.trim().split('\n').at(-1)}`);
  return { seconds, stdout };
}

async function ownRun(): Promise<Run> {
  const out = join(folder, 'out');
  const main = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
  const { seconds } = await time(process.execPath, [
    ...[main, 'bench', values.study, '--out', out],
    ...['--threads', String(processes)],
  ]);
  const result: StudyResult = JSON.parse(readFileSync(join(out, 'result.json'), 'utf8'));
  rmSync(out, { recursive: true });
  const nameOf = (...name: readonly (string | number)[]) => name.join('\n');
  const byName = new Map(
    result.runs.flatMap(({ cells }, setting) =>
      cells.map((cell) => [nameOf(setting, cell.attack, cell.defense, cell.adversary, cell.seed), cell] as const),
    ),
  );
  const outcomes = trained.map(({ setting, attack, cells }): Outcome => {
    const found = cells.map(
      (cell) => byName.get(nameOf(setting, attack, cell.defense.label, cell.adversary, cell.seed))!,
    );
    return {
      fit: found[0]!.seconds.fit,
      predict: sum(found.map(({ seconds: { predict } }) => predict)),
      scores: found.map(({ identification: { accuracy, macroF1 } }) => ({ accuracy, macroF1 })),
    };
  });
  return { seconds, outcomes };
}

/** Runs study.py, which lies beside this file's source. */
async function peerRun(way: Way): Promise<Run> {
  const script = fileURLToPath(new URL('../../benchmarks/study.py', import.meta.url));
  const atOnce = way === 'in-parallel' ? processes : 0;
  const { seconds, stdout } = await time(values.python, [script, folder, String(atOnce)]);
  const found = JSON.parse(stdout) as { versions: typeof versions; outcomes: Outcome[] };
  versions = found.versions;
  const outcomes = found.outcomes.map(({ scores, ...rest }, i): Outcome => {
    return { ...rest, scores: trained[i]!.testOf.map((test) => scores[test]!) };
  });
  return { seconds, outcomes };
}

/** Results of the runs of a program. */
function summarizeProgram({ name, runs: own }: Program) {
  const seconds = median(own.map((run) => run.seconds));
  const labels = [...new Set(trained.map(({ attack }) => attack))];
  const attacks = labels.map((attack) => {
    const outcomes = own.flatMap((run) => run.outcomes.filter((_, i) => trained[i]!.attack === attack));
    const scores = outcomes.flatMap((outcome) => outcome.scores);
    return {
      attack,
      models: outcomes.length / own.length,
      cells: scores.length / own.length,
      accuracy: mean(scores.map(({ accuracy }) => accuracy)),
      macroF1: mean(scores.map(({ macroF1 }) => macroF1)),
      fit: sum(outcomes.map(({ fit }) => fit)) / own.length,
      predict: sum(outcomes.map(({ predict }) => predict)) / own.length,
    };
  });
  return { name, seconds, runs: own.map((run) => run.seconds), attacks };
}

function summarize() {
  const programs = [ours, ...peers].map(summarizeProgram);
  return {
    study: study.name,
    settings: specs.length,
    models: trained.length,
    cells: sum(trained.map(({ cells }) => cells.length)),
    packets,
    processes,
    machine: { ...describeEnvironment(), load, versions },
    programs: programs.map((one) => ({ ...one, ratio: one.seconds / programs[0]!.seconds })),
  };
}

function print(): void {
  const { settings, models, cells, machine, programs } = summarize();
  const { cpu, cores, os, node } = machine;
  console.log(
    `${values.study}: ${settings} settings, ${packets} packets before any defense, ${models} models, ${cells} cells\n` +
      `${cores} cores (${cpu}), ${os}, load ${load.toFixed(1)} before; Node ${node}, Python ${versions.python ?? '-'}, ` +
      `scikit-learn ${versions.sklearn ?? '-'}, PyTorch ${versions.torch ?? '-'}; ${processes} at a time\n`,
  );
  const width = Math.max(...programs.map(({ name }) => name.length));
  for (const { name, seconds, ratio } of programs) {
    const beside = name === ours.name ? '' : `   homeveil is ${ratio.toFixed(1)} times as fast`;
    console.log(`${name.padEnd(width)}  ${seconds.toFixed(1).padStart(8)} s${beside}`);
  }
  console.log('\nmeans over cells; seconds of all models together, whether one after another or at a time');
  for (const [i, { attack, models: count, cells: scored }] of programs[0]!.attacks.entries()) {
    console.log(`${attack}, ${count} models, ${scored} cells`);
    for (const { name, attacks } of programs) {
      const { accuracy, macroF1, fit, predict } = attacks[i]!;
      console.log(
        `  ${name.padEnd(width)}  accuracy ${accuracy.toFixed(4)}, macro-F1 ${macroF1.toFixed(4)}, ` +
          `fit ${fit.toFixed(1)} s, predict ${predict.toFixed(1)} s`,
      );
    }
  }
}

function sum(samples: readonly number[]): number {
  return samples.reduce((total, x) => total + x, 0);
}

function mean(samples: readonly number[]): number {
  return sum(samples) / samples.length;
}

function median(samples: readonly number[]): number {
  return [...samples].sort((a, b) => a - b)[samples.length >> 1]!;
}
