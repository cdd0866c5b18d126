import { fingerprintingAttack } from '../src/learning/network/fingerprinting.js';

export default fingerprintingAttack(
  'tik-tok',
  'Names the device of a run of packets from their directions and times, by a convolutional network.',
  'Rahman et al., "Tik-Tok", PoPETs 2020; layers as in Deep Fingerprinting',
  true,
);
