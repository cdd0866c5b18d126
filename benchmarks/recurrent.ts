/**
 * One step of training and one prediction of the recurrent network, beside PyTorch (Debian: python3-torch) with the same
 * network, sizes and threads, and beside the floor that the runtime's own matrix product sets. The two take turns, so that what else
 * the machine does hits both. Then the memory over 1,000 steps.
 *
 *     node dist/benchmarks/recurrent.js [--threads 2] [--rounds 5] [--time 100] [--batch 64] [--hidden 128] [--layers 1] [--python PATH]
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createGraph } from '../src/learning/onnx/graph.js';
import { encodeModel } from '../src/learning/onnx/model.js';
import { createSession, loadRuntime } from '../src/learning/onnx/runtime.js';
import { emptyTrainingBatch, type TrainingBatch } from '../src/learning/recurrent/batch.js';
import {
  directions,
  initialParameters,
  inputWidth,
  type NetworkShape,
  packetFeatures,
} from '../src/learning/recurrent/network.js';
import { createOnnxEngine } from '../src/learning/recurrent/onnx-engine.js';
import { createRng } from '../src/shared/rng.js';
import { wholeNumber } from './options.js';

const { values: given } = parseArgs({
  options: {
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
    time: { type: 'string', default: '100' },
    batch: { type: 'string', default: '64' },
    hidden: { type: 'string', default: '128' },
    layers: { type: 'string', default: '1' },
    python: { type: 'string', default: existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3' },
  },
});
const threads = wholeNumber('--threads', given.threads);
const rounds = wholeNumber('--rounds', given.rounds);
const time = wholeNumber('--time', given.time);
const batch = wholeNumber('--batch', given.batch);
const hidden = wholeNumber('--hidden', given.hidden);
const layers = wholeNumber('--layers', given.layers);
const repeats = 4;
const shapes = [false, true].map(
  (bidirectional): NetworkShape => ({ ports: 50, embedding: 30, hidden, layers, bidirectional, classes: 10 }),
);

type Run = (bidirectional: boolean, what: 'train' | 'predict') => Promise<number[]>;

async function ours(): Promise<{ run: Run; dispose(): Promise<void> }> {
  const engines = await Promise.all(
    shapes.map((shape) =>
      createOnnxEngine({
        shape,
        time,
        batch,
        dropout: 0,
        clipNorm: 1,
        threads,
        device: 'cpu',
        onWarning: console.warn,
      }),
    ),
  );
  for (const [i, engine] of engines.entries()) engine.setParameters(initialParameters(shapes[i]!, createRng(1)));
  const data = randomBatch(shapes[0]!, batch);
  return {
    async run(bidirectional, what) {
      const engine = engines[Number(bidirectional)]!;
      const milliseconds: number[] = [];
      for (let i = 0; i < repeats; i++) {
        const began = performance.now();
        if (what === 'train') await engine.step(data, 1e-3);
        else await engine.predict(data);
        milliseconds.push(performance.now() - began);
      }
      return milliseconds;
    },
    async dispose() {
      for (const engine of engines) await engine.dispose();
    },
  };
}

/** PyTorch in a process of its own, that answers requests; undefined where it is not installed. */
async function pytorch(): Promise<{ version: string; run: Run; dispose(): void } | undefined> {
  const script = fileURLToPath(new URL('../../benchmarks/recurrent.py', import.meta.url));
  const child = spawn(given.python, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (request: object) => {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await lines.next();
    return done ? undefined : JSON.parse(value);
  };
  const { embedding, ports, classes } = shapes[0]!;
  const sizes = { time, batch, embedding, features: packetFeatures, ports, hidden, layers, classes, threads };
  const started = await ask(sizes);
  if (started === undefined) return undefined;
  return {
    version: started.version,
    run: async (bidirectional, what) => (await ask({ what, bidirectional, repeats })).milliseconds,
    dispose: () => child.stdin.end(),
  };
}

/** Operations per second in a matrix product of 1024 x 1024 by 1024 x 1024. */
async function productSpeed(): Promise<() => Promise<number>> {
  const n = 1024;
  const g = createGraph('product');
  const a = g.input('a', 'float32', [n, n]);
  const b = g.input('b', 'float32', [n, n]);
  g.output(g.op('MatMul', [a, b]), 'float32', [n, n], 'c');
  const runtime = await loadRuntime(threads);
  const session = await createSession(runtime, encodeModel(g), { threads, device: 'cpu' });
  const tensor = () => new runtime.Tensor('float32', new Float32Array(n * n).fill(0.5), [n, n]);
  const inputs = { a: tensor(), b: tensor() };
  const outputs = { c: tensor() };
  return async () => {
    const began = performance.now();
    for (let i = 0; i < repeats; i++) await session.run(inputs, outputs);
    return (repeats * 2 * n ** 3) / ((performance.now() - began) / 1000);
  };
}

function randomBatch(shape: NetworkShape, windows: number): TrainingBatch {
  const rng = createRng(2);
  const data = emptyTrainingBatch(time, windows, 0, directions(shape) * shape.hidden);
  data.count.fill(time);
  data.weight.fill(1 / data.weight.length);
  for (let i = 0; i < data.port.length; i++) data.port[i] = rng.integer(0, shape.ports - 1);
  for (let i = 0; i < data.label.length; i++) data.label[i] = rng.integer(0, shape.classes - 1);
  for (let i = 0; i < data.features.length; i++) data.features[i] = rng.normal(0, 1);
  return data;
}

/** Multiplications and additions of the products in a forward pass; a step of training has three times as many. */
function operations(shape: NetworkShape): number {
  const width = directions(shape) * shape.hidden;
  const inputs = inputWidth(shape) + (shape.layers - 1) * width;
  const gates = 4 * width * (inputs + shape.layers * shape.hidden);
  return 2 * time * batch * (gates + width * shape.classes);
}

async function memoryOver(steps: number): Promise<{ early: number; late: number }> {
  const shape = shapes[1]!;
  const engine = await createOnnxEngine({ shape, time, batch: 8, dropout: 0, clipNorm: 1, threads, device: 'cpu' });
  engine.setParameters(initialParameters(shape, createRng(1)));
  const data = randomBatch(shape, 8);
  let early = 0;
  for (let step = 1; step <= steps; step++) {
    await engine.step(data, 1e-3);
    if (step === steps / 10) early = process.memoryUsage.rss();
  }
  const late = process.memoryUsage.rss();
  await engine.dispose();
  return { early, late };
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;

const mine = await ours();
const theirs = await pytorch();
const speed = await productSpeed();
const kinds = shapes.flatMap(({ bidirectional }) =>
  (['train', 'predict'] as const).map((what) => ({
    bidirectional,
    what,
    mine: [] as number[],
    theirs: [] as number[],
  })),
);
const speeds: number[] = [];
for (let round = -1; round < rounds; round++) {
  for (const kind of kinds) {
    const a = await mine.run(kind.bidirectional, kind.what);
    const b = (await theirs?.run(kind.bidirectional, kind.what)) ?? [];
    const flops = await speed();
    // The first round warms up.
    if (round < 0) continue;
    kind.mine.push(...a);
    kind.theirs.push(...b);
    speeds.push(flops);
  }
}
await mine.dispose();
theirs?.dispose();

console.log(
  `batch ${batch} x ${time} packets, input ${inputWidth(shapes[0]!)}, hidden ${hidden}, ${layers} layers, 10 classes, ${threads} threads; medians of ${rounds * repeats}`,
);
console.log(`matrix product of 1024 cubed: ${(median(speeds) / 1e9).toFixed(0)} GFLOP/s`);
console.log(theirs === undefined ? 'PyTorch: not installed' : `PyTorch ${theirs.version}`);
for (const { bidirectional, what, mine: a, theirs: b } of kinds) {
  const floor = (operations(shapes[Number(bidirectional)]!) * (what === 'train' ? 3 : 1) * 1000) / median(speeds);
  const beside =
    b.length === 0 ? '' : `, PyTorch ${median(b).toFixed(1)} ms: ${(median(b) / median(a)).toFixed(1)} times faster`;
  console.log(
    `${bidirectional ? 'blstm' : 'lstm'} ${what}: ${median(a).toFixed(1)} ms, floor ${floor.toFixed(1)} ms: ` +
      `${(median(a) / floor).toFixed(1)} times the floor${beside}`,
  );
}
const { early, late } = await memoryOver(1000);
const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
console.log(`memory: ${megabytes(early)} MiB after 100 steps, ${megabytes(late)} MiB after 1,000`);
