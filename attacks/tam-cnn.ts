import { z } from 'zod';
import { defineAttack } from '../src/learning/attack.js';
import { robustFingerprinting } from '../src/learning/network/architectures.js';
import {
  fitNetwork,
  learningRate,
  type NetworkAttack,
  openFor,
  trainingParameters,
} from '../src/learning/network/attack.js';
import { trafficSlots } from '../src/learning/network/inputs.js';

const attack: NetworkAttack = {
  name: 'tam-cnn',
  optimiser: 'adam',
  encoder: ({ slots, seconds }) => trafficSlots(slots!, seconds!),
};

export default defineAttack({
  name: attack.name,
  summary:
    'Names the device of some seconds of traffic from packets and bytes in each short time, by a convolutional network.',
  source: 'Shen et al., "Robust Fingerprinting", USENIX Security 2023; layers as in its public code',
  parameters: z.object({
    seconds: z.number().gt(0).max(86_400).default(60).describe('length of a window'),
    slots: z.int().min(6).max(10_000).default(120).describe('slots in a window'),
    filters: z.int().min(1).max(256).default(32).describe('channels of the first convolution'),
    ...trainingParameters,
    learningRate: learningRate.default(0.0005),
  }),
  answers: 'window',
  cut: ({ seconds }) => ({ streams: ['single', 'remote', 'home'], size: seconds, unit: 'seconds' }),
  validates: true,
  keepsModels: () => true,
  fit(train, validation, context) {
    const { slots, seconds, filters } = context.parameters;
    const layers = (classes: number) => robustFingerprinting(classes, filters);
    return fitNetwork(attack, { slots, seconds }, layers, train, validation, context);
  },
  open: openFor(attack),
});
