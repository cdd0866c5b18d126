import { z } from 'zod';
import { defineAttack } from '../src/learning/attack.js';
import { checkPackets } from '../src/learning/check-packets.js';
import type { Column } from '../src/learning/forest/bins.js';
import { fitForest } from '../src/learning/forest/fit-forest.js';
import { learnNearest } from '../src/learning/k-nearest.js';
import { labelledWindows } from '../src/learning/labelled-windows.js';
import type { Windows } from '../src/learning/windows.js';

export default defineAttack({
  name: 'peek-a-boo',
  summary: 'Names the device of each half hour by three numbers: mean and deviation of length, and mean interval.',
  source: 'stage 1 of Acar et al. (Peek-a-Boo), WiSec 2020, arXiv 1808.02741',
  parameters: z.object({
    seconds: z.number().gt(0).max(1e6).default(1800).describe('length of a window in seconds'),
    classifier: z.enum(['forest', 'neighbours']).default('forest').describe('what judges the three numbers'),
    trees: z.int().min(1).max(10_000).default(100).describe('trees in the forest'),
    neighbours: z.int().min(1).max(1000).default(5).describe('nearest windows that vote, in place of the forest'),
    windows: z
      .int()
      .min(1)
      .max(100_000)
      .default(3000)
      .describe('windows that the neighbours are looked for in, at most'),
  }),
  answers: 'window',
  cut: ({ seconds }) => ({ streams: ['single', 'flow'], size: seconds, unit: 'seconds', stride: seconds }),

  async fit(train, _validation, { parameters, ...context }) {
    const task = 'fit peek-a-boo';
    checkPackets(train.packets, task);
    const { classifier, trees, neighbours } = parameters;
    const classes = train.classes.length;
    const isForest = classifier === 'forest';
    const most = isForest ? Number.POSITIVE_INFINITY : parameters.windows;
    const { windows: kept, label } = labelledWindows(train, most, context.rng, task);
    const answer = isForest
      ? await fitForest(statistics(kept), label, { ...context, trees, classes, task })
      : learnNearest(statistics(kept), label, classes, neighbours);
    return {
      async predict(windows) {
        checkPackets(windows.packets, 'predict');
        return answer(statistics(windows));
      },
    };
  },
});

/** Mean and deviation of the lengths of each window, and the mean interval, 0 for a single packet. */
function statistics({ packets, start, count, time }: Windows): Column[] {
  const column = (name: string) => ({ kind: 'numeric' as const, name, values: new Float64Array(start.length) });
  const [mean, deviation, interval] = ['mean length', 'deviation of length', 'mean interval'].map(column);
  for (let window = 0; window < start.length; window++) {
    const from = start[window]!;
    const size = count[window]!;
    const lengths = packets.length.subarray(from, from + size);
    const average = lengths.reduce((sum, length) => sum + length, 0) / size;
    mean!.values[window] = average;
    deviation!.values[window] = Math.sqrt(lengths.reduce((sum, length) => sum + (length - average) ** 2, 0) / size);
    interval!.values[window] = (time[from + size - 1]! - time[from]!) / Math.max(1, size - 1);
  }
  return [mean!, deviation!, interval!];
}
