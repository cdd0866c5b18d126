/**
 * How well `lstm` and `blstm` identify, beside the same network in plain PyTorch (Debian: python3-torch, python3-sklearn):
 * trained on the very windows of a run of ours, tested on the same, in turns, over several seeds.
 *
 *     node dist/benchmarks/sequence-quality.js [--attack lstm --attack blstm] [--seeds 3] [--seed 1] [--threads 2]
 *                                              [--data PATH --labels FILE|file|folder] [--view napt] [--hours 6]
 *                                              [--maximum-train-packets N] [--python /usr/bin/python3] [--torch-threads 1]
 *
 * Without `--data` the traffic is that of the synthetic home. `--attack` takes parameters (blstm:epochs=5); both sides go
 * by them. What PyTorch gets has gone through our encoding: port rows, scaled features, labels, weights of classes. Start, order
 * and dropout are each side's own chance, so one seed's pair of runs has no more in common than any other.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openData } from '../src/harness/dataset.js';
import { score, truthOf } from '../src/harness/observer/evaluate.js';
import { predictTrace } from '../src/harness/observer/predict.js';
import { attackOf, builtIns } from '../src/harness/plugins/registry.js';
import { createSeedRun, UNDEFENDED } from '../src/harness/seed-run.js';
import { appliedView, windowing } from '../src/harness/setting.js';
import { resolveSpec } from '../src/harness/spec.js';
import { buildWindows } from '../src/learning/build-windows.js';
import { encodePackets } from '../src/learning/recurrent/encoding.js';
import type { RecurrentIdentifier } from '../src/learning/recurrent/identifier.js';
import type { RecurrentModel } from '../src/learning/recurrent/model.js';
import { packetFeatures } from '../src/learning/recurrent/network.js';
import { classWeights } from '../src/learning/recurrent/train.js';
import { droppedShare } from '../src/learning/training/dropout.js';
import type { Windows } from '../src/learning/windows.js';
import type { ResolvedPlugin } from '../src/result/result.js';
import { makeFolder, requireModules, writeNpy } from './python.js';

const { values } = parseArgs({
  options: {
    attack: { type: 'string', multiple: true, default: ['lstm', 'blstm'] },
    seeds: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
    data: { type: 'string', multiple: true },
    labels: { type: 'string' },
    view: { type: 'string', default: 'napt' },
    hours: { type: 'string' },
    'maximum-train-packets': { type: 'string' },
    python: { type: 'string', default: '/usr/bin/python3' },
    // With two, PyTorch's threads mostly wait for one another at these sizes.
    'torch-threads': { type: 'string', default: '1' },
  },
});

/** 97.5 % quantiles of Student's t with 1, 2, ... 18 degrees of freedom. */
const quantiles = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101,
];
const seeds = Number(values.seeds);
if (!(seeds >= 2 && seeds <= 10)) throw new RangeError(`--seeds: expected 2 to 10, found ${values.seeds}`);

requireModules(values.python, ['sklearn', 'torch']);

interface Run {
  readonly accuracy: number;
  readonly macroF1: number;
  /** Epochs run, and the one whose parameters were kept. */
  readonly epochs: number;
  readonly bestEpoch: number;
  /** Training, validation included. */
  readonly seconds: number;
}

const maximum = values['maximum-train-packets'];
const spec = {
  ...resolveSpec({
    data: values.data,
    labels: values.labels,
    view: values.view,
    hours: values.hours !== undefined ? Number(values.hours) : values.data ? undefined : 6,
    attacks: values.attack,
    defenses: ['none'],
    adversaries: ['static'],
    seeds,
    seed: Number(values.seed),
  }),
  maximumTrainPackets: maximum === undefined ? null : Number(maximum),
};
const view = appliedView(spec);
const { parts, summary } = await openData(spec, view);
const folder = makeFolder('homeveil-sequence-');

console.log(
  `${summary.name}: ${parts.classes.length} devices in the ${spec.view.label} view, ${parts.train.packets} packets to train on` +
    `${maximum === undefined ? '' : ` (windows thinned to ${maximum})`}, ${parts.test.packets} to test`,
);
for (const attack of spec.attacks) {
  const ours: Run[] = [];
  const theirs: Run[] = [];
  for (let seed = spec.seed; seed < spec.seed + seeds; seed++) {
    ours.push(await ownRun(attack, seed));
    theirs.push(torchRun(attack, seed));
    for (const [name, runs] of [
      ['homeveil', ours],
      ['PyTorch', theirs],
    ] as const) {
      const { accuracy, macroF1, epochs, bestEpoch, seconds } = runs.at(-1)!;
      console.log(
        `  ${attack.label}, seed ${seed}, ${name.padEnd(8)}: accuracy ${accuracy.toFixed(4)}, macro-F1 ${macroF1.toFixed(4)}, ` +
          `epoch ${bestEpoch} of ${epochs}, ${seconds.toFixed(0)} s`,
      );
    }
  }
  console.log(`${attack.label}, mean over ${seeds} seeds with 95 % t interval`);
  for (const key of ['accuracy', 'macroF1'] as const) {
    const [a, b] = [ours, theirs].map((runs) => runs.map((run) => run[key])) as [number[], number[]];
    // Two independent samples of one size, variances taken as equal (Student).
    const error = Math.sqrt((variance(a) + variance(b)) / seeds);
    const difference = interval(mean(a) - mean(b), quantiles[2 * seeds - 3]! * error, true);
    console.log(
      `  ${(key === 'accuracy' ? 'accuracy' : 'macro-F1').padEnd(8)}  homeveil ${ofMean(a)}  PyTorch ${ofMean(b)}  difference ${difference}`,
    );
  }
}

/** Trains through the harness, leaves the windows in `folder`, and scores as a run does. */
async function ownRun(attack: ResolvedPlugin, seed: number): Promise<Run> {
  const seedRun = createSeedRun(spec, view, parts, seed);
  const plugin = attackOf(attack, builtIns);
  const learn = plugin.fit;
  let given: { train: Windows; validation: Windows } | undefined;
  // The windows are made deep in the harness; they are noted as it hands them over.
  plugin.fit = (train, validation, context) => {
    given = { train, validation };
    return learn(train, validation, context);
  };
  const { identifier, classes, seconds } = await seedRun
    .fit(attack, UNDEFENDED, { threads: Number(values.threads), onWarning: console.warn })
    .finally(() => {
      plugin.fit = learn;
    });
  const { trace } = (await seedRun.defend(UNDEFENDED, 'test')).defended;
  const { windows: test } = buildWindows(trace, { ...windowing(spec, view), stride: spec.window, classes });
  const { model } = identifier as RecurrentIdentifier;
  exportWindows('train', given!.train, model);
  exportWindows('validation', given!.validation, model);
  exportWindows('test', test, model);
  const weights = classWeights(given!.train, attack.parameters.balance as number);
  writeNpy(join(folder, 'class-weight.npy'), weights, [weights.length]);
  const options = { ...attack.parameters, seed, dropout: droppedShare(attack.parameters.dropout as number) };
  const { bidirectional, ports } = model.shape;
  writeFileSync(join(folder, 'options.json'), JSON.stringify({ ...options, bidirectional, ports }));

  const { device } = await predictTrace({ identifier, classes, windowing: windowing(spec, view) }, trace);
  const { identification } = score(truthOf(trace, parts.classes), device, parts.classes, seed);
  const { accuracy, macroF1 } = identification;
  const { epochs, bestEpoch } = identifier.insight as { epochs: number; bestEpoch: number };
  return { accuracy, macroF1, epochs, bestEpoch, seconds };
}

/** Runs sequence-quality.py, which lies beside this file's source, on what the last {@link ownRun} left. */
function torchRun(attack: ResolvedPlugin, seed: number): Run {
  const script = fileURLToPath(new URL('../../benchmarks/sequence-quality.py', import.meta.url));
  const { error, status, stdout, stderr } = spawnSync(values.python, [script, folder, values['torch-threads']], {
    encoding: 'utf8',
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${attack.label}, seed ${seed}: ${stderr.trim().split('\n').at(-1)}`);
  return JSON.parse(stdout) as Run;
}

/**
 * Windows as arrays, windows first: PART-port (int32), -features (float32), -mask (1 on packets, 0 on padding) and -label
 * (int32; -1 for a packet without a class, and on padding).
 */
function exportWindows(part: string, windows: Windows, { shape, encoding }: RecurrentModel): void {
  const { packets, start, count, size: time } = windows;
  const encoded = encodePackets(packets, encoding);
  const rows = start.length * time;
  const port = new Int32Array(rows);
  const features = new Float32Array(rows * packetFeatures);
  const mask = new Uint8Array(rows);
  const label = new Int32Array(rows).fill(-1);
  start.forEach((first, w) => {
    const end = first + count[w]!;
    port.set(encoded.port.subarray(first, end), w * time);
    features.set(encoded.features.subarray(first * packetFeatures, end * packetFeatures), w * time * packetFeatures);
    mask.fill(1, w * time, w * time + count[w]!);
    for (let row = first; row < end; row++) {
      if (windows.label[row]! < shape.classes) label[w * time + row - first] = windows.label[row]!;
    }
  });
  const dims = [start.length, time];
  writeNpy(join(folder, `${part}-port.npy`), port, dims);
  writeNpy(join(folder, `${part}-features.npy`), features, [...dims, packetFeatures]);
  writeNpy(join(folder, `${part}-mask.npy`), mask, dims);
  writeNpy(join(folder, `${part}-label.npy`), label, dims);
}

function mean(samples: readonly number[]): number {
  return samples.reduce((sum, x) => sum + x, 0) / samples.length;
}

function variance(samples: readonly number[]): number {
  const centre = mean(samples);
  return samples.reduce((sum, x) => sum + (x - centre) ** 2, 0) / (samples.length - 1);
}

function ofMean(samples: readonly number[]): string {
  return interval(mean(samples), quantiles[samples.length - 2]! * Math.sqrt(variance(samples) / samples.length), false);
}

function interval(centre: number, reach: number, signed: boolean): string {
  const text = (value: number) => `${signed && value >= 0 ? '+' : ''}${value.toFixed(3)}`;
  return `${text(centre)} (${text(centre - reach)} to ${text(centre + reach)})`;
}
