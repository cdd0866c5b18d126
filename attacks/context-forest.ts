import { z } from 'zod';
import { answersAround, timeStretches } from '../src/learning/answers-around.js';
import { defineAttack } from '../src/learning/attack.js';
import { labelledRows } from '../src/learning/build-windows.js';
import { checkPackets } from '../src/learning/check-packets.js';
import { fitForest, takeRows } from '../src/learning/forest/fit-forest.js';
import { packetColumns } from '../src/learning/packet-columns.js';
import { sample } from '../src/learning/sample.js';
import { streamContext } from '../src/learning/stream-context.js';
import type { Windows } from '../src/learning/windows.js';
import { take } from '../src/shared/columns.js';

export default defineAttack({
  name: 'context-forest',
  summary: 'Names the device of each packet from what surrounds it in its stream, and from first guesses about that.',
  source: 'our choice; the second forest after auto-context (Tu and Bai, IEEE TPAMI 32(10), 2010)',
  parameters: z.object({
    trees: z.int().min(1).max(10_000).default(50).describe('trees in each forest'),
    ports: z.int().min(1).max(255).default(50).describe('most used ports that are told apart; the rest are one'),
    minLeaf: z.int().min(1).max(1_000_000).default(1).describe('packets in a leaf of the first forest at least'),
    packets: z.int().min(1).max(10_000_000).default(60_000).describe('packets that a forest learns from at most'),
    stretches: z
      .int()
      .min(1)
      .max(20)
      .default(2)
      .describe('stretches of the training time, each guessed by a forest of the others; 1 for no second forest'),
  }),
  cut: () => ({ streams: ['single', 'flow', 'home'], joinsFlows: true }),
  isAmongStrongest: true,

  async fit(train, _validation, { parameters, rng, threads, onProgress }) {
    checkPackets(train.packets, 'fit context-forest');
    const { trees, ports: categories, minLeaf, packets, stretches } = parameters;
    const classes = train.classes.length;
    const task = 'fit context-forest';
    const steps = stretches === 1 ? 1 : stretches + 2;
    let step = 0;
    const forestOf = async (
      columns: Parameters<typeof fitForest>[0],
      label: Uint16Array,
      name: string,
      leaf: number,
    ) => {
      const before = step++ / steps;
      return fitForest(columns, label, {
        ...{ task, classes, trees, categories, threads, minLeaf: leaf },
        rng: rng.stream(name),
        onProgress: ({ done, total }) =>
          onProgress?.({
            task,
            done: Math.round(trees * (before * steps + done / total!)),
            total: steps * trees,
            unit: 'trees',
          }),
      });
    };
    const labelled = labelledRows(train);
    const all = allRows(train);
    const context = streamContext(train, all);
    const firstOf = (some: Uint32Array, name: string) => {
      const rows = sample(some, packets, rng.stream(name, 'sample')).sort();
      return forestOf(takeRows(context, rows), take(train.label, rows), name, minLeaf);
    };
    const first = await firstOf(labelled, 'first');
    const guess = (windows: Windows) => first(streamContext(windows, allRows(windows)));
    if (stretches === 1) return { predict: async (windows) => guess(checked(windows)) };

    const stretch = timeStretches(train, stretches);
    const guesses = new Float32Array(all.length * classes);
    for (let k = 0; k < stretches; k++) {
      const others = labelled.filter((row) => stretch[row] !== k);
      if (others.length === 0) continue;
      const own = all.filter((row) => stretch[row] === k);
      const answers = await (await firstOf(others, `stretch ${k}`))(takeRows(context, own));
      for (const [i, row] of own.entries())
        guesses.set(answers.subarray(i * classes, (i + 1) * classes), row * classes);
    }
    const columnsOf = (windows: Windows, answers: Float32Array, rows: Uint32Array) => [
      ...packetColumns(windows.packets, rows),
      ...answersAround(answers, classes, windows, rows),
    ];
    const rows = sample(labelled, packets, rng.stream('second', 'sample')).sort();
    const second = await forestOf(columnsOf(train, guesses, rows), take(train.label, rows), 'second', SECOND_LEAF);
    return {
      async predict(windows) {
        return second(columnsOf(windows, await guess(checked(windows)), allRows(windows)));
      },
    };
  },
});

/** Packets in a leaf of the second forest, whose columns say much: with fewer it would learn single packets by heart. */
const SECOND_LEAF = 5;

const allRows = ({ packets }: Windows): Uint32Array => Uint32Array.from({ length: packets.rows }, (_, row) => row);

function checked(windows: Windows): Windows {
  checkPackets(windows.packets, 'predict');
  return windows;
}
