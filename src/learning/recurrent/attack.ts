import { z } from 'zod';
import { InputError } from '../../shared/errors.js';
import { type Attack, defineAttack } from '../attack.js';
import { insightOf } from '../training/figures.js';
import { epochs, patience } from '../training/parameters.js';
import { createEngine } from './create-engine.js';
import { createIdentifier } from './identifier.js';
import { decodeRecurrentModel } from './model-file.js';
import { trainModel } from './train.js';

const parameters = z.object({
  hidden: z.int().min(1).max(1024).default(64).describe('cells in each direction of each layer'),
  layers: z.int().min(1).max(8).default(2).describe('recurrent layers'),
  embedding: z.int().min(1).max(256).default(30).describe('numbers in the port embedding'),
  ports: z.int().min(1).max(1024).default(256).describe('most frequent ports with an embedding of their own'),
  dropout: z.number().min(0).max(0.9).default(0.3).describe("share of each layer's output dropped in training"),
  epochs,
  steps: z.int().min(1).max(1_000_000).default(2000).describe('steps, where epochs is 0, at least'),
  batch: z.int().min(1).max(1024).default(16).describe('windows in a step'),
  learningRate: z.number().gt(0).max(1).default(0.003).describe('highest learning rate of Adam'),
  clipNorm: z.number().gt(0).max(1000).default(1).describe('norm to which a longer gradient is shortened'),
  patience,
  balance: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('0: every packet weighs the same in the loss, 1: every device does'),
  engine: z.enum(['onnx', 'tfjs']).default('onnx').describe('ONNX Runtime or TensorFlow.js'),
  device: z.enum(['cpu', 'cuda']).default('cpu').describe('where ONNX Runtime computes'),
});

/** The `lstm` attack, or `blstm` where `bidirectional`: the same network with a second direction. */
export function recurrentAttack(
  name: string,
  summary: string,
  source: string,
  bidirectional: boolean,
): Attack<typeof parameters> {
  return defineAttack({
    name,
    summary,
    source,
    parameters,
    validates: true,
    // Another engine's numbers would differ in the last digit from those of the opened model.
    keepsModels: ({ engine, device }) => engine === 'onnx' && device === 'cpu',
    async fit(train, validation, { parameters: chosen, rng, threads, onProgress, onWarning, signal }) {
      const { engine, device } = chosen;
      const runOptions = { threads, device, onWarning };
      const result = await trainModel(
        train,
        validation,
        { ...chosen, bidirectional },
        {
          rng,
          signal,
          task: `fit ${name}`,
          onProgress,
          createEngine: (options) => createEngine(engine, { ...options, ...runOptions }),
        },
      );
      const insight = insightOf(name, result, signal, onWarning);
      return createIdentifier(result.model, { engine, ...runOptions }, insight);
    },
    async open(onnx, where, { classes, ...options }) {
      const model = decodeRecurrentModel(onnx, where);
      if (model.classes.join('\n') !== classes.join('\n') || model.shape.bidirectional !== bidirectional) {
        throw new InputError(`${where}: expected the ${name} model that the card describes, found another`);
      }
      return createIdentifier(model, { engine: 'onnx', device: 'cpu', ...options });
    },
  });
}
