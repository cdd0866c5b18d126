import { z } from 'zod';
import { defineAttack } from '../src/learning/attack.js';
import { checkPackets } from '../src/learning/check-packets.js';
import type { Column } from '../src/learning/forest/bins.js';
import { learnNearest } from '../src/learning/k-nearest.js';
import { labelledWindows } from '../src/learning/labelled-windows.js';
import type { Windows } from '../src/learning/windows.js';

export default defineAttack({
  name: 'rate-knn',
  summary:
    'Names the device of each half hour by the bytes a second that it sends and receives, after the nearest three.',
  source: 'stage 2 of Apthorpe et al., arXiv 1705.06805, and arXiv 1708.05044; without its DNS names',
  parameters: z.object({
    seconds: z.number().gt(0).max(1e6).default(1800).describe('length of a window in seconds'),
    neighbours: z.int().min(1).max(1000).default(3).describe('nearest windows that vote'),
    windows: z.int().min(1).max(100_000).default(3000).describe('windows that it remembers at most'),
  }),
  answers: 'window',
  cut: ({ seconds }) => ({ streams: ['single', 'flow'], size: seconds, unit: 'seconds', stride: seconds }),

  async fit(train, _validation, { parameters, rng }) {
    checkPackets(train.packets, 'fit rate-knn');
    const { seconds, neighbours } = parameters;
    const { windows: kept, label } = labelledWindows(train, parameters.windows, rng, 'fit rate-knn');
    const answer = learnNearest(rates(kept, seconds), label, train.classes.length, neighbours);
    return {
      async predict(windows) {
        checkPackets(windows.packets, 'predict');
        return answer(rates(windows, seconds));
      },
    };
  },
});

/** Mean and deviation of the bytes in each second of a window, inbound and outbound. A second begins with the window's first packet. */
function rates({ packets, start, count, time }: Windows, seconds: number): Column[] {
  const rows = start.length;
  const column = (name: string) => ({ kind: 'numeric' as const, name, values: new Float64Array(rows) });
  const columns = ['inbound', 'outbound'].map((way) => [column(`mean, ${way}`), column(`deviation, ${way}`)] as const);
  const slots = Math.max(1, seconds);
  for (let window = 0; window < rows; window++) {
    const from = start[window]!;
    const to = from + count[window]!;
    for (const [direction, [mean, deviation]] of columns.entries()) {
      let [sum, squares, slot, inSlot] = [0, 0, 0, 0];
      for (let row = from; row < to; row++) {
        if (packets.direction[row] !== direction) continue;
        const own = Math.floor(time[row]! - time[from]!);
        if (own !== slot) squares += inSlot * inSlot;
        if (own !== slot) inSlot = 0;
        slot = own;
        inSlot += packets.length[row]!;
        sum += packets.length[row]!;
      }
      squares += inSlot * inSlot;
      mean.values[window] = sum / slots;
      deviation.values[window] = Math.sqrt(Math.max(0, squares / slots - (sum / slots) ** 2));
    }
  }
  return columns.flat();
}
