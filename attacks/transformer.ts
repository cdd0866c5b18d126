import { z } from 'zod';
import { defineAttack } from '../src/learning/attack.js';
import { transformer } from '../src/learning/network/architectures.js';
import {
  fitNetwork,
  learningRate,
  type NetworkAttack,
  openFor,
  trainingParameters,
} from '../src/learning/network/attack.js';
import { packetNumbers } from '../src/learning/network/inputs.js';

const attack: NetworkAttack = {
  name: 'transformer',
  optimiser: 'adam',
  encoder: ({ packets }) => packetNumbers(packets!),
};

export default defineAttack({
  name: attack.name,
  summary: 'Names the device of a run of packets from lengths, directions and intervals, by a small transformer.',
  source: 'Vaswani et al., "Attention is all you need", NeurIPS 2017, over what headers show',
  parameters: z.object({
    packets: z.int().min(2).max(65_535).default(100).describe('packets in a window'),
    width: z.int().min(1).max(128).default(16).describe('numbers of a packet in each head'),
    heads: z.int().min(1).max(16).default(4).describe('heads of attention'),
    layers: z.int().min(1).max(8).default(2).describe('layers of the encoder'),
    dropout: z.number().min(0).max(0.9).default(0.1).describe("share of each half layer's output dropped in training"),
    ...trainingParameters,
    learningRate: learningRate.default(0.001),
  }),
  answers: 'window',
  cut: ({ packets }) => ({ streams: ['single', 'flow', 'home'], size: packets }),
  validates: true,
  keepsModels: () => true,
  fit(train, validation, context) {
    const { packets, width, heads, layers, dropout } = context.parameters;
    const sizes = { width: width * heads, heads, layers, dropped: dropout };
    return fitNetwork(attack, { packets }, (classes) => transformer(classes, sizes), train, validation, context);
  },
  open: openFor(attack),
});
