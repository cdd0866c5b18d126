import { z } from 'zod';
import { defineAttack } from '../src/learning/attack.js';
import { checkPackets } from '../src/learning/check-packets.js';
import { learnHellinger } from '../src/learning/hellinger.js';
import { inverseDistances } from '../src/learning/inverse-distance.js';
import { labelledWindows } from '../src/learning/labelled-windows.js';
import { lengthHistograms } from '../src/learning/length-histogram.js';

export default defineAttack({
  name: 'byteiot',
  summary:
    'Names the device of each half hour of its traffic by the most similar one seen before, in lengths by direction.',
  source:
    'Duan et al. (ByteIoT), IEEE TNSM 2021, doi 10.1109/TNSM.2021.3130312; k, distance and interval as in its public code',
  parameters: z.object({
    seconds: z.number().gt(0).max(1e6).default(1800).describe('length of a window in seconds'),
    windows: z.int().min(1).max(100_000).default(3000).describe('windows that it remembers at most'),
  }),
  answers: 'window',
  cut: ({ seconds }) => ({ streams: ['single', 'flow'], size: seconds, unit: 'seconds', stride: seconds }),

  async fit(train, _validation, { parameters, rng }) {
    checkPackets(train.packets, 'fit byteiot');
    const classes = train.classes.length;
    const { windows: kept, label } = labelledWindows(train, parameters.windows, rng, 'fit byteiot');
    const distancesOf = learnHellinger(lengthHistograms(kept), label, classes);
    return {
      async predict(windows) {
        checkPackets(windows.packets, 'predict');
        const distance = distancesOf(lengthHistograms(windows)).map((one) =>
          one < 1 ? one : Number.POSITIVE_INFINITY,
        );
        const answers = new Float32Array(distance.length);
        for (let at = 0; at < distance.length; at += classes)
          inverseDistances(distance.subarray(at, at + classes), answers.subarray(at, at + classes));
        return answers;
      },
    };
  },
});
