import { z } from 'zod';
import { type Attack, defineAttack } from '../attack.js';
import { deepFingerprinting } from './architectures.js';
import { fitNetwork, learningRate, type NetworkAttack, openFor, trainingParameters } from './attack.js';
import { directions } from './inputs.js';

const parameters = z.object({
  packets: z.int().min(4).max(65_535).default(100).describe('packets in a window, 5000 in the paper'),
  filters: z.int().min(1).max(256).default(32).describe('channels of the first of four blocks of convolutions'),
  units: z.int().min(1).max(4096).default(512).describe('units of each of the two dense layers'),
  ...trainingParameters,
  learningRate: learningRate.default(0.002),
});

/** The `df` attack, or `tik-tok` where `timed`: the same network with times. */
export function fingerprintingAttack(
  name: string,
  summary: string,
  source: string,
  timed: boolean,
): Attack<typeof parameters> {
  const attack: NetworkAttack = {
    name,
    optimiser: 'adamax',
    encoder: ({ packets }) => directions(packets!, timed),
  };
  return defineAttack({
    name,
    summary,
    source,
    parameters,
    answers: 'window',
    cut: ({ packets }) => ({ streams: ['single', 'flow', 'home'], size: packets }),
    validates: true,
    keepsModels: () => true,
    fit(train, validation, context) {
      const { packets, filters, units } = context.parameters;
      const layers = (classes: number) => deepFingerprinting(classes, filters, units);
      return fitNetwork(attack, { packets }, layers, train, validation, context);
    },
    open: openFor(attack),
  });
}
