import { z } from 'zod';
import { defineAttack } from '../src/learning/attack.js';
import { labelledRows } from '../src/learning/build-windows.js';
import { checkPackets } from '../src/learning/check-packets.js';
import { predictProbabilities, trainForest } from '../src/learning/forest/forest.js';
import { encodeForestModel, forestEncoding, openForestModel } from '../src/learning/forest/model-file.js';
import { packetColumns } from '../src/learning/packet-columns.js';
import { take } from '../src/shared/columns.js';
import { InputError } from '../src/shared/errors.js';

export default defineAttack({
  name: 'random-forest',
  summary: 'Names the device of each packet from that packet alone: port, protocols, direction, length, interval.',
  source: 'Dong et al. (HomeMole), arXiv 1909.00104; trees and ports as in its public code',
  parameters: z.object({
    trees: z.int().min(1).max(10_000).default(100).describe('trees in the forest'),
    ports: z.int().min(1).max(255).default(50).describe('most used ports that are told apart; the rest are one'),
    minLeaf: z.int().min(1).max(1_000_000).default(1).describe('packets in a leaf at least'),
    maxDepth: z.int().min(0).max(1000).default(0).describe('splits from root to leaf at most; 0 for no limit'),
    balanced: z.boolean().default(false).describe('weigh classes alike, however many packets they have'),
  }),

  async fit(train, _validation, { parameters, rng, threads, onProgress }) {
    checkPackets(train.packets, 'fit random-forest');
    const rows = labelledRows(train);
    if (rows.length === 0) throw new InputError('random-forest: expected labelled packets to train on, found none');
    const label = take(train.label, rows);
    const classes = train.classes.length;
    const { trees } = parameters;
    const forest = await trainForest(packetColumns(train.packets, rows), label, {
      classes,
      trees,
      categories: parameters.ports,
      minLeaf: parameters.minLeaf,
      maxDepth: parameters.maxDepth === 0 ? undefined : parameters.maxDepth,
      classWeight: parameters.balanced ? balancedWeights(label, classes) : undefined,
      rng,
      threads,
      onTree: (done) => onProgress?.({ task: 'fit random-forest', done, total: trees, unit: 'trees' }),
    });
    const importance = forest.bins.map(({ name }, i) => [`importance.${name}`, forest.importance[i]!]);
    return {
      async predict({ packets }) {
        checkPackets(packets, 'predict');
        return predictProbabilities(forest, packetColumns(packets), threads);
      },
      save: () => ({ onnx: encodeForestModel(forest, train.classes), encoding: forestEncoding(forest) }),
      insight: {
        ...(forest.outOfBagAccuracy === null ? {} : { outOfBagAccuracy: forest.outOfBagAccuracy }),
        ...Object.fromEntries(importance),
      },
    };
  },

  open: openForestModel,
});

/** Weights that make the classes that occur weigh alike, 1 on average over packets; 1 for a class that does not occur. */
function balancedWeights(label: Uint16Array, classes: number): Float64Array {
  const packets = new Float64Array(classes);
  for (const c of label) packets[c]!++;
  const occurring = packets.filter((count) => count > 0).length;
  return packets.map((count) => (count === 0 ? 1 : label.length / (occurring * count)));
}
