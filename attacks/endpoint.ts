import { z } from 'zod';
import { defineAttack } from '../src/learning/attack.js';
import { labelWindows } from '../src/learning/build-windows.js';
import { checkPackets } from '../src/learning/check-packets.js';
import { countEndpoints, weighByEndpoints } from '../src/learning/endpoints.js';
import { fitForest } from '../src/learning/forest/fit-forest.js';
import { summarizeWindows } from '../src/learning/window-summary.js';

export default defineAttack({
  name: 'endpoint',
  summary: 'Names the device of each run of packets of a flow from the host it talks to, and from its behaviour.',
  source:
    'stage 1 of Apthorpe et al., arXiv 1705.06805, by address where there is no name; behaviour as in window-forest',
  parameters: z.object({
    packets: z.int().min(2).max(65_535).default(100).describe('packets in a window'),
    trees: z.int().min(0).max(10_000).default(100).describe('trees that judge behaviour; 0 for hosts alone'),
    doubt: z
      .number()
      .gt(0)
      .max(1000)
      .default(0.1)
      .describe('windows to a host in training that weigh as much as what is known of its network or domain'),
  }),
  answers: 'window',
  cut: ({ packets }) => ({ streams: ['single', 'flow'], size: packets, joinsFlows: true }),
  sees: ['remote', 'names'],
  isAmongStrongest: true,

  async fit(train, _validation, { parameters, ...context }) {
    checkPackets(train.packets, 'fit endpoint');
    const { trees, doubt } = parameters;
    const classes = train.classes.length;
    const label = labelWindows(train);
    const endpoints = countEndpoints(train, label, doubt);
    const priorOf = (rows: number) =>
      Float32Array.from({ length: rows * classes }, (_, i) => endpoints.prior[i % classes]!);
    const options = { ...context, trees, classes, task: 'fit endpoint' };
    const behaviour = trees === 0 ? null : await fitForest(summarizeWindows(train), label, options);
    return {
      async predict(windows) {
        checkPackets(windows.packets, 'predict');
        const answers = behaviour ? await behaviour(summarizeWindows(windows)) : priorOf(windows.start.length);
        return weighByEndpoints(answers, windows, endpoints);
      },
    };
  },
});
