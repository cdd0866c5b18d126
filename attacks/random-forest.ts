import { z } from 'zod';
import { defineAttack } from '../src/learning/attack.js';
import { rowsInWindows } from '../src/learning/build-windows.js';
import { checkPackets } from '../src/learning/check-packets.js';
import type { Column } from '../src/learning/forest/bins.js';
import { predictProbabilities, trainForest } from '../src/learning/forest/forest.js';
import { encodeForestModel, forestEncoding, openForestModel } from '../src/learning/forest/model-file.js';
import { packetColumns, type TypedArray, take } from '../src/learning/packet-columns.js';
import { NO_CLASS, type Windows } from '../src/learning/windows.js';
import { InputError } from '../src/shared/errors.js';

export default defineAttack({
  name: 'random-forest',
  summary: 'Names the device of each packet from that packet alone: port, protocols, direction, length, interval.',
  source: 'Dong et al. (HomeMole), arXiv 1909.00104; trees and ports as in its public code',
  parameters: z.object({
    trees: z.int().min(1).max(10_000).default(100).describe('Trees in the forest.'),
    ports: z.int().min(1).max(255).default(50).describe('Most used ports that are told apart; the rest are one.'),
    minLeaf: z.int().min(1).max(1_000_000).default(1).describe('Packets in a leaf at least.'),
    maxDepth: z.int().min(0).max(1000).default(0).describe('Splits from root to leaf at most; 0 for no limit.'),
    balanced: z.boolean().default(false).describe('Weigh classes alike, however many packets they have.'),
  }),

  // Nothing is stopped early, so the validation part, which is training time too, is learnt from like the rest.
  async fit(train, validation, { parameters, rng, threads, onProgress }) {
    for (const windows of [train, validation]) checkPackets(windows.packets, 'fit random-forest');
    const parts = [train, validation].map((windows) => ({ windows, rows: labelledRows(windows) }));
    const label = join(parts.map(({ windows, rows }) => take(windows.label, rows)));
    if (label.length === 0) throw new InputError('random-forest: expected labelled packets to train on, found none');
    const columns = parts.map(({ windows, rows }) => packetColumns(windows.packets, rows));
    const classes = train.classes.length;
    const { trees } = parameters;
    const forest = await trainForest(
      columns[0]!.map((column, i) => ({ ...column, values: join(columns.map((part) => part[i]!.values)) }) as Column),
      label,
      {
        classes,
        trees,
        categories: parameters.ports,
        minLeaf: parameters.minLeaf,
        maxDepth: parameters.maxDepth === 0 ? undefined : parameters.maxDepth,
        classWeight: parameters.balanced ? balancedWeights(label, classes) : undefined,
        rng,
        threads,
        onTree: (done) => onProgress?.({ task: 'fit random-forest', done, total: trees, unit: 'trees' }),
      },
    );
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

function labelledRows(windows: Windows): Uint32Array {
  return rowsInWindows(windows).filter((row) => windows.label[row] !== NO_CLASS);
}

/** Weights that make the classes that occur weigh alike, 1 on average over packets; 1 for a class that does not occur. */
function balancedWeights(label: Uint16Array, classes: number): Float64Array {
  const packets = new Float64Array(classes);
  for (const c of label) packets[c]!++;
  const occurring = packets.filter((count) => count > 0).length;
  return packets.map((count) => (count === 0 ? 1 : label.length / (occurring * count)));
}

function join<T extends TypedArray>(parts: readonly T[]): T {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const out = new (parts[0]!.constructor as new (length: number) => T)(length);
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}
