import { z } from 'zod';
import { defineAttack } from '../src/learning/attack.js';
import { type Boosted, boost, learnTable, predictBoosted } from '../src/learning/boosting/boost.js';
import { checkPackets } from '../src/learning/check-packets.js';
import { headerColumns, PACKETS } from '../src/learning/header-columns.js';
import { labelledWindows } from '../src/learning/labelled-windows.js';
import { voteInStreams } from '../src/learning/stream-vote.js';

export default defineAttack({
  name: 'iotsense',
  summary:
    'Names the device of five packets from their headers and payload entropy; then all such answers of a while vote.',
  source:
    'IoTSense: Bezawada et al., ASHES 2018, arXiv 1804.03852, as in public code; its 14 protocol bits as far as packets tell them apart here',
  parameters: z.object({
    rounds: z.int().min(1).max(10_000).default(100).describe('stumps for each device'),
    rate: z.number().gt(0).max(1).default(1).describe('share of the step of each stump that is taken'),
    vote: z
      .number()
      .min(0)
      .max(1e9)
      .default(1800)
      .describe('seconds of a device or flow that vote as one; 0 for no vote'),
  }),
  answers: 'window',
  cut: () => ({ streams: ['single', 'flow'], size: PACKETS, stride: PACKETS }),
  sees: ['payloadEntropy', 'payloadLength', 'tcpWindow', 'ipOptions'],

  async fit(train, _validation, { parameters, rng, onProgress, signal }) {
    const task = 'fit iotsense';
    checkPackets(train.packets, task);
    const { rounds, rate, vote } = parameters;
    const { windows: known, label } = labelledWindows(train, Number.POSITIVE_INFINITY, rng, task);
    const columns = headerColumns(known);
    const binned = learnTable(columns);
    const table = binned(columns);
    const total = train.classes.length;
    const models: Boosted[] = [];
    for (let own = 0; own < total; own++) {
      signal?.throwIfAborted();
      const isOwn = Uint8Array.from(label, (one) => Number(one === own));
      models.push(boost(table, isOwn, { rounds, rate }));
      onProgress?.({ task, done: own + 1, total, unit: 'devices' });
      // Lets signals and messages come in between.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return {
      async predict(windows) {
        checkPackets(windows.packets, 'predict');
        const asked = binned(headerColumns(windows));
        const answers = new Float32Array(asked.rows * total);
        for (const [own, model] of models.entries()) {
          for (const [window, probability] of predictBoosted(model, asked).entries())
            answers[window * total + own] = probability;
        }
        return voteInStreams(answers, windows, total, vote);
      },
    };
  },
});
