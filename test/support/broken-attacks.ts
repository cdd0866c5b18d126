import { z } from 'zod';
import { type Attack, defineAttack, type Identifier } from '../../src/learning/attack.js';
import { NO_CLASS, type Windows } from '../../src/learning/windows.js';
import { InputError } from '../../src/shared/errors.js';
import type { ParameterSchema } from '../../src/shared/parameters.js';

/** An attack that does not keep its contract: which check finds it, and what that says. */
export type Broken = [what: string, check: string, message: RegExp, attack: Attack];

/** Names the class whose packets were longest on average for long packets, and so on: sound, and enough to learn. */
function learn({ packets, label, classes }: Windows): Identifier {
  const sums = classes.map(() => ({ length: 0, packets: 0 }));
  for (const [row, c] of label.entries()) {
    if (c === NO_CLASS) continue;
    sums[c]!.length += packets.length[row]!;
    sums[c]!.packets++;
  }
  const means = sums.map((sum) => sum.length / sum.packets);
  return {
    async predict({ packets: { rows, length } }) {
      const probabilities = new Float32Array(rows * classes.length);
      for (let row = 0; row < rows; row++) {
        const distances = means.map((mean) =>
          Number.isNaN(mean) ? Number.POSITIVE_INFINITY : Math.abs(mean - length[row]!),
        );
        probabilities[row * classes.length + distances.indexOf(Math.min(...distances))] = 1;
      }
      return probabilities;
    },
  };
}

/** A sound attack but for what is given. */
function broken(more: Partial<Attack> = {}, shape: ParameterSchema['shape'] = {}): Attack {
  return defineAttack({
    name: 'broken',
    summary: 'Breaks its contract.',
    source: 'a test',
    parameters: z.object(shape),
    fit: async (train) => learn(train),
    ...more,
  }) as Attack;
}

export const soundAttack = broken();

/** Learns soundly; its predictions are changed. */
const answering = (change: (probabilities: Float32Array, windows: Windows) => Float32Array | undefined): Attack =>
  broken({
    async fit(train) {
      const identifier = learn(train);
      return {
        async predict(windows) {
          const probabilities = await identifier.predict(windows);
          return change(probabilities, windows) ?? probabilities;
        },
      };
    },
  });

const set = (column: { [row: number]: number }, row: number, value: number) => {
  column[row] = value;
};
const lengthOf = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0);
const bytesOf = (value: number): Uint8Array => new Uint8Array(Float64Array.of(value).buffer);

/** Keeps models that say nothing. */
const keeping = (save: Identifier['save'], open?: Attack['open']): Attack =>
  broken({ fit: async (train) => ({ ...learn(train), save }), open });

export const brokenAttacks: readonly Broken[] = [
  ['a name with capitals', 'describes-itself', /^name: /, broken({ name: 'Broken' })],
  [
    'a number without an end',
    'bounds-its-numbers',
    /^parameter trees: expected a largest value/,
    broken({}, { trees: z.int().min(1).default(10).describe('trees') }),
  ],
  [
    'a fit that throws',
    'fits',
    /^TypeError: .*\(broken-attacks\.ts:\d+:\d+\)$/,
    broken({ fit: async (train) => learn((train as never as { table: Windows }).table.packets as never) }),
  ],
  [
    'a fit that cannot do with a class that never occurs',
    'fits',
    /^RangeError: no packets/,
    broken({
      async fit(train) {
        for (const [c] of train.classes.entries()) if (!train.label.includes(c)) throw new RangeError('no packets');
        return learn(train);
      },
    }),
  ],
  ['a row too few', 'answers-everything', /^expected 380 probabilities/, answering((p) => p.subarray(2))],
  ['probabilities above 1', 'answers-everything', /^packet 0: expected a sum of 1/, answering((p) => p.map(() => 0.9))],
  [
    'probabilities that are no numbers',
    'answers-everything',
    /^packet 0: expected a probability, found NaN$/,
    answering((p) => p.fill(Number.NaN)),
  ],
  [
    'an answer of another type',
    'answers-everything',
    /^expected a Float32Array/,
    answering((p) => [...p] as never as Float32Array),
  ],
  [
    'a prediction that needs whole windows',
    'takes-any-windows',
    /^Error: windows of 20/,
    answering((_, { count }) => {
      if (!count.every((packets) => packets === 20 || packets === 10)) throw new Error('windows of 20');
      return undefined;
    }),
  ],
  [
    'a prediction that needs a packet',
    'takes-any-windows',
    /^TypeError/,
    answering((_, { packets, start }) => {
      if (packets.rows === 0) start.at(0)!.toFixed();
      return undefined;
    }),
  ],
  [
    'chance of its own',
    'same-for-the-same-seed',
    /^fitted twice: probability/,
    broken({
      async fit(train) {
        const winner = Math.random();
        return {
          predict: async ({ packets }) =>
            new Float32Array(packets.rows * train.classes.length).map((_, i) =>
              i % train.classes.length === 0 ? winner : (1 - winner) / (train.classes.length - 1),
            ),
        };
      },
    }),
  ],
  [
    'a result that depends on the threads',
    'same-for-the-same-seed',
    /^with two threads: probability/,
    broken({
      fit: async (train, _, { threads }) => ({
        predict: async ({ packets }) => {
          const answer = new Float32Array(packets.rows * train.classes.length);
          for (let row = 0; row < packets.rows; row++) set(answer, row * train.classes.length + threads - 1, 1);
          return answer;
        },
      }),
    }),
  ],
  [
    'a look at the labels',
    'reads-no-labels',
    /^with labels and without: probability/,
    answering((p, { label, packets }) => {
      const width = p.length / packets.rows;
      for (const [row, c] of label.entries()) {
        if (c === NO_CLASS) continue;
        p.fill(0, row * width, (row + 1) * width);
        set(p, row * width + (1 - c), 1);
      }
      return undefined;
    }),
  ],
  [
    'a scaling in place',
    'leaves-its-input-alone',
    /^predict changed length, row 0/,
    answering((_, { packets }) => {
      for (const [row, length] of packets.length.entries()) set(packets.length, row, length / 1500);
      return undefined;
    }),
  ],
  [
    'labels made up in training',
    'leaves-its-input-alone',
    /^fit changed label/,
    broken({
      async fit(train) {
        train.label.fill(0, 0, 20);
        return learn(train);
      },
    }),
  ],
  [
    'a TypeError where there is nothing to learn',
    'says-what-is-missing',
    /^TypeError/,
    broken({
      async fit(train) {
        train.packets.length.at(0)!.toFixed();
        return learn(train);
      },
    }),
  ],
  [
    'a refusal of two lines',
    'says-what-is-missing',
    /^expected one line, found "nothing\\nto learn"$/,
    broken({
      async fit(train) {
        if (train.packets.rows === 0) throw new InputError('nothing\nto learn');
        return learn(train);
      },
    }),
  ],
  [
    'another error than the reason of the signal',
    'ends-when-aborted',
    /^Error: stopped/,
    broken({
      async fit(train, _, { signal }) {
        if (signal?.aborted) throw new Error('stopped');
        return learn(train);
      },
    }),
  ],
  [
    'a save without an open',
    'keeps-its-models',
    /has no open\(\)$/,
    keeping(() => ({ onnx: bytesOf(1), encoding: {} })),
  ],
  ['an open without a save', 'keeps-its-models', /no save\(\)$/, broken({ open: async () => learn({} as never) })],
  [
    'an empty file',
    'keeps-its-models',
    /found no bytes$/,
    keeping(() => ({ onnx: new Uint8Array(0), encoding: {} }), soundAttack.fit as never),
  ],
  [
    'an encoding that JSON cannot hold',
    'keeps-its-models',
    /^expected an encoding that JSON can hold$/,
    keeping(() => ({ onnx: bytesOf(1), encoding: { mean: Number.NaN, map: undefined } }), soundAttack.fit as never),
  ],
  [
    'a model that answers otherwise',
    'keeps-its-models',
    /^as saved and opened again: probability/,
    keeping(
      () => ({ onnx: bytesOf(350), encoding: {} }),
      async (onnx, _, { classes }) => ({
        async predict({ packets: { rows, length } }) {
          const answer = new Float32Array(rows * classes.length);
          for (let row = 0; row < rows; row++) set(answer, 2 * row + (length[row]! > lengthOf(onnx) ? 0 : 1), 1);
          return answer;
        },
      }),
    ),
  ],
  [
    'a damaged file that is opened all the same',
    'keeps-its-models',
    /^expected a file that is cut to 4 bytes to be refused, it was not$/,
    keeping(
      () => ({ onnx: bytesOf(350), encoding: {} }),
      async (_, __, { classes }) => ({
        async predict({ packets: { rows, length } }) {
          const answer = new Float32Array(rows * classes.length);
          for (let row = 0; row < rows; row++) set(answer, 2 * row + (length[row]! > 350 ? 1 : 0), 1);
          return answer;
        },
      }),
    ),
  ],
  [
    'one answer for all',
    'learns',
    /^it names \d+ % of the packets right; always naming one device gives \d+ %$/,
    answering((p, { packets }) => {
      const width = p.length / packets.rows;
      return p.map((_, i) => (i % width === 0 ? 1 : 0));
    }),
  ],
];
