import { fingerprintingAttack } from '../src/learning/network/fingerprinting.js';

export default fingerprintingAttack(
  'df',
  'Names the device of a run of packets from their directions alone, by a convolutional network.',
  'Sirinam et al., "Deep Fingerprinting", CCS 2018; layers as in its public code',
  false,
);
