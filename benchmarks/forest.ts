/**
 * Training a random forest, side by side with scikit-learn: the same rows, trees and threads, in turns.
 *
 *     node dist/benchmarks/forest.js [--rows 160000] [--trees 100] [--threads 2] [--ports 50] [--runs 3] [--seed 1]
 *                                    [--data PATH --labels FILE|file|folder] [--python /usr/bin/python3]
 *
 * Without `--data` the rows are made here. Of captures the first 60 % of the packets train, as seen behind NAPT, all
 * devices in one stream. scikit-learn has the port as a number and, as in Dong et al., one-hot; and, to tell what the bins
 * do from what the trees do, the same bins that our trees use.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildWindows } from '../src/learning/build-windows.js';
import { applyBins, learnBins, MAX_BINS } from '../src/learning/forest/bins.js';
import { predictProbabilities, trainForest } from '../src/learning/forest/forest.js';
import { packetColumns } from '../src/learning/packet-columns.js';
import { mostProbable, scoreIdentification } from '../src/learning/scores.js';
import { splitByTime } from '../src/learning/split.js';
import type { PacketFeatures } from '../src/learning/windows.js';
import { createRng, type Rng } from '../src/shared/rng.js';
import { loadTrace } from '../src/trace/load.js';
import { Protocol, type Trace } from '../src/trace/trace.js';
import napt from '../views/napt.js';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '160000' },
    trees: { type: 'string', default: '100' },
    threads: { type: 'string', default: '2' },
    ports: { type: 'string', default: '50' },
    runs: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
    data: { type: 'string', multiple: true },
    labels: { type: 'string', default: 'folder' },
    python: { type: 'string', default: '/usr/bin/python3' },
  },
});
const trees = Number(values.trees);
const threads = Number(values.threads);
const ports = Number(values.ports);
const seed = Number(values.seed);

interface Table {
  readonly packets: PacketFeatures;
  readonly label: Uint16Array;
}

interface Run {
  readonly fit: number;
  readonly predict: number;
  readonly accuracy: number;
  readonly macroF1: number;
}

const { train, test, classes } = values.data
  ? await readTables(values.data, values.labels)
  : makeTables(Number(values.rows), createRng(seed, 'benchmark', 'forest'));
console.log(
  `${train.label.length} rows to train on, ${test.label.length} to test, ${classes.length} classes, ${trees} trees, ` +
    `${threads} threads (${availableParallelism()} x ${cpus()[0]?.model ?? 'unknown processor'}), Node ${process.version}`,
);

const folder = mkdtempSync(join(tmpdir(), 'homeveil-forest-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
for (const [part, { packets, label }] of Object.entries({ train, test })) {
  const { port, protocols, direction, length, interval } = packets;
  for (const [name, column] of Object.entries({ port, protocols, direction, length, interval, label })) {
    writeFileSync(join(folder, `${part}-${name}.bin`), column);
  }
}

const limits = { numeric: MAX_BINS - 1, categories: ports };
const bins = packetColumns(train.packets).map((column) => learnBins(column, train.label, classes.length, limits));
for (const [part, { packets, label }] of Object.entries({ train, test })) {
  const table = new Uint8Array(label.length * bins.length);
  for (const [i, column] of packetColumns(packets).entries()) applyBins(bins[i]!, column, table, i, bins.length);
  writeFileSync(join(folder, `${part}-bins.bin`), table);
}

const programs: { name: string; run: () => Run | string | Promise<Run>; runs: Run[]; fault: string }[] = [
  { name: 'homeveil', run: ownRun, runs: [], fault: '' },
  { name: 'scikit-learn, port as number', run: () => sklearnRun('raw'), runs: [], fault: '' },
  { name: 'scikit-learn, port one-hot', run: () => sklearnRun('one-hot'), runs: [], fault: '' },
  { name: 'scikit-learn, our bins', run: () => sklearnRun('bins'), runs: [], fault: '' },
];
for (let turn = 0; turn < Number(values.runs); turn++) {
  for (const program of programs) {
    if (program.fault !== '') continue;
    const result = await program.run();
    if (typeof result === 'string') program.fault = result;
    else program.runs.push(result);
  }
}

console.log(`${''.padEnd(30)}    fit s  predict s   accuracy   macro-F1`);
const own = programs[0]!.runs;
for (const { name, runs, fault } of programs) {
  if (fault !== '') {
    console.log(`${name.padEnd(30)} ${fault}`);
    continue;
  }
  const figures = [median(runs, 'fit').toFixed(2), median(runs, 'predict').toFixed(2)];
  figures.push(median(runs, 'accuracy').toFixed(4), median(runs, 'macroF1').toFixed(4));
  const ratio = (key: 'fit' | 'predict') => (median(runs, key) / median(own, key)).toFixed(1);
  const times = runs === own ? '' : `   homeveil fits ${ratio('fit')} times as fast, predicts ${ratio('predict')}`;
  console.log(`${name.padEnd(30)} ${figures.map((figure) => figure.padStart(8)).join('   ')}${times}`);
}

function median(runs: readonly Run[], key: keyof Run): number {
  return runs.map((run) => run[key]).sort((a, b) => a - b)[runs.length >> 1]!;
}

async function ownRun(): Promise<Run> {
  const started = performance.now();
  const forest = await trainForest(packetColumns(train.packets), train.label, {
    classes: classes.length,
    trees,
    bins: limits.numeric,
    categories: limits.categories,
    threads,
    rng: createRng(seed, 'forest'),
    // scikit-learn does not compute it by default either.
    outOfBag: false,
  });
  const fitted = performance.now();
  const probabilities = await predictProbabilities(forest, packetColumns(test.packets), threads);
  const predicted = mostProbable(probabilities, classes.length);
  const finished = performance.now();
  const { accuracy, macroF1 } = scoreIdentification({ devices: classes, classes, truth: test.label, predicted });
  return { fit: (fitted - started) / 1000, predict: (finished - fitted) / 1000, accuracy, macroF1 };
}

/** Runs forest.py, which lies beside this file's source; says why where that cannot be. */
function sklearnRun(encoding: 'raw' | 'one-hot' | 'bins'): Run | string {
  const script = fileURLToPath(new URL('../../benchmarks/forest.py', import.meta.url));
  const options = [folder, encoding, values.trees, values.threads, values.seed, values.ports];
  const { error, status, stdout, stderr } = spawnSync(values.python, [script, ...options], { encoding: 'utf8' });
  if (error) return `${values.python}: ${error.message}`;
  if (status !== 0) return stderr.trim().split('\n').at(-1) ?? `ended with code ${status}`;
  return JSON.parse(stdout) as Run;
}

async function readTables(paths: readonly string[], labels: string) {
  const { trace } = await loadTrace(paths, labels);
  const parts = splitByTime(napt.select(trace, createRng(seed, 'view')), 0.6);
  const names = trace.devices.map(({ name }) => name);
  const table = (part: Trace): Table => {
    const { packets, label } = buildWindows(part, {
      size: 100,
      stride: 100,
      mix: 'home',
      port: 'service',
      classes: names,
    }).windows;
    return { packets, label };
  };
  return { train: table(parts.train), test: table(parts.test), classes: names };
}

/** A message that a device repeats, such as a heartbeat or telemetry. */
interface Message {
  readonly port: number;
  readonly protocols: number;
  readonly direction: number;
  readonly length: number;
  /** Lengths up to this much above `length`, evenly; 0 for a message of one length. */
  readonly spread: number;
  /** Mean and deviation of the logarithm of the interval before it, in seconds. */
  readonly pace: number;
  readonly unrest: number;
}

/**
 * Ten devices that each send a dozen kinds of message, some far more often than others. The last three are of one model:
 * they differ only in the frequencies of their messages, as in real homes. A fifth more rows are for testing.
 */
function makeTables(rows: number, rng: Rng) {
  const names = Array.from({ length: 10 }, (_, device) => `device ${device}`);
  const models = names.map((_, device) => (device < 8 ? Array.from({ length: 12 }, () => makeMessage(rng)) : []));
  const messages = models.map((own) => (own.length > 0 ? own : models[7]!));
  const habits = messages.map((own) => own.map(() => rng.exponential(1) ** 2));
  const shares = names.map(() => 0.2 + rng.exponential(1));
  const table = (size: number): Table => {
    const packets: PacketFeatures = {
      rows: size,
      port: new Uint16Array(size),
      protocols: new Uint8Array(size),
      direction: new Uint8Array(size),
      length: new Float32Array(size),
      interval: new Float32Array(size),
    };
    const label = new Uint16Array(size);
    for (let row = 0; row < size; row++) {
      const device = pick(shares, rng);
      const { port, protocols, direction, length, spread, pace, unrest } =
        messages[device]![pick(habits[device]!, rng)]!;
      packets.port[row] = port;
      packets.protocols[row] = protocols;
      packets.direction[row] = direction;
      packets.length[row] = Math.min(1514, length + rng.integer(0, spread));
      packets.interval[row] = Math.exp(rng.normal(pace, unrest));
      label[row] = device;
    }
    return { packets, label };
  };
  return { train: table(rows), test: table(Math.ceil(rows / 5)), classes: names };
}

function makeMessage(rng: Rng): Message {
  const { IP, TCP, UDP, TLS, HTTP, DNS } = Protocol;
  const services: [number, number][] = [
    [443, IP | TCP | TLS],
    [443, IP | TCP],
    [443, IP | UDP],
    [8883, IP | TCP | TLS],
    [80, IP | TCP | HTTP],
    [53, IP | UDP | DNS],
    [123, IP | UDP],
    [rng.integer(1024, 65535), IP | TCP],
    [rng.integer(1024, 65535), IP | UDP],
  ];
  const [port, protocols] = services[rng.integer(0, services.length - 1)]!;
  return {
    port,
    protocols,
    direction: rng.integer(0, 1),
    // Acknowledgements and full frames look alike for all devices.
    length: [60, 66, 1514, rng.integer(60, 1400), rng.integer(60, 1400)][rng.integer(0, 4)]!,
    spread: rng.uniform() < 0.4 ? rng.integer(10, 400) : 0,
    pace: rng.normal(-3, 1.5),
    unrest: 1 + rng.exponential(0.5),
  };
}

/** An index with a probability in proportion to its weight. */
function pick(weights: readonly number[], rng: Rng): number {
  let left = rng.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
  let index = 0;
  while (index < weights.length - 1 && left >= weights[index]!) left -= weights[index++]!;
  return index;
}
