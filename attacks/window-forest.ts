import { z } from 'zod';
import { defineAttack } from '../src/learning/attack.js';
import { labelWindows } from '../src/learning/build-windows.js';
import { checkPackets } from '../src/learning/check-packets.js';
import { fitForest } from '../src/learning/forest/fit-forest.js';
import { summarizeWindows } from '../src/learning/window-summary.js';

export default defineAttack({
  name: 'window-forest',
  summary: 'Names the device of each run of packets of a flow from statistics of lengths and intervals, by a forest.',
  source: 'the family of AppScanner (Taylor et al., EuroS&P 2016) and Mon(IoT)r (Ren et al., IMC 2019)',
  parameters: z.object({
    packets: z.int().min(2).max(65_535).default(100).describe('packets in a window'),
    trees: z.int().min(1).max(10_000).default(100).describe('trees in the forest'),
    minLeaf: z.int().min(1).max(1_000_000).default(1).describe('windows in a leaf at least'),
  }),
  answers: 'window',
  cut: ({ packets }) => ({ streams: ['single', 'flow'], size: packets, joinsFlows: true }),
  isAmongStrongest: true,

  async fit(train, _validation, { parameters, ...context }) {
    checkPackets(train.packets, 'fit window-forest');
    const { trees, minLeaf } = parameters;
    const options = { ...context, trees, minLeaf, classes: train.classes.length, task: 'fit window-forest' };
    const predict = await fitForest(summarizeWindows(train), labelWindows(train), options);
    return {
      async predict(windows) {
        checkPackets(windows.packets, 'predict');
        return predict(summarizeWindows(windows));
      },
    };
  },
});
