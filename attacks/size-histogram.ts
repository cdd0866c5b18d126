import { z } from 'zod';
import { defineAttack } from '../src/learning/attack.js';
import { checkPackets } from '../src/learning/check-packets.js';
import { learnProfiles } from '../src/learning/length-profiles.js';
import { answerByProfiles } from '../src/learning/profile-answers.js';
import { InputError } from '../src/shared/errors.js';

export default defineAttack({
  name: 'size-histogram',
  summary:
    'Names the devices of each half hour whose histograms of lengths, added up, are most like that of its packets.',
  source:
    'Engelberg and Wool, WPES 2022, arXiv 2110.11188; which packet is whose, among several devices, is our addition',
  parameters: z.object({
    seconds: z.number().gt(0).max(1e6).default(1800).describe('length of a window in seconds'),
    aggregated: z
      .boolean()
      .default(false)
      .describe('judge the home as a whole, as behind NAT in the paper, even where flows or devices can be told apart'),
  }),
  cut: ({ seconds, aggregated }) => ({
    streams: aggregated ? ['home'] : ['single', 'flow', 'home'],
    size: seconds,
    unit: 'seconds',
    stride: seconds,
  }),
  isAmongStrongest: true,

  async fit(train) {
    checkPackets(train.packets, 'fit size-histogram');
    const profiles = learnProfiles(train);
    if (profiles.means.size === 0) {
      throw new InputError('fit size-histogram: expected labelled traffic to train on, found none');
    }
    return {
      async predict(windows) {
        checkPackets(windows.packets, 'predict');
        return answerByProfiles(windows, profiles);
      },
    };
  },
});
