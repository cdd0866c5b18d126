import { z } from 'zod';
import { InputError } from '../../shared/errors.js';
import type { Attack, AttackContext, Identifier } from '../attack.js';
import { labelWindows } from '../build-windows.js';
import { checkPackets } from '../check-packets.js';
import { insightOf } from '../training/figures.js';
import type { OptimiserName } from '../training/optimiser.js';
import { epochs, patience } from '../training/parameters.js';
import type { Windows } from '../windows.js';
import type { Encoder } from './inputs.js';
import { type Layer, sizeOf } from './layer.js';
import { encodeNetwork, openNetwork, readCard } from './model-file.js';
import { EXAMPLES_AT_ONCE, type TrainingOptions, trainNetwork } from './train.js';

/** The parameters of every attack that trains a network. */
export const trainingParameters = {
  epochs,
  steps: z.int().min(1).max(1_000_000).default(1500).describe('steps, where epochs is 0, at least'),
  batch: z.int().min(2).max(1024).default(32).describe('windows in a step'),
  patience,
  balance: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('0: every window weighs the same in the loss, 1: every device does'),
  maximum: z
    .int()
    .min(2)
    .max(10_000_000)
    .default(4000)
    .describe('windows to train on at most; of more, some are drawn evenly'),
};

export const learningRate = z.number().gt(0).max(1).describe('highest learning rate');

/** The part in which attacks by a network differ. */
export interface NetworkAttack {
  readonly name: string;
  readonly optimiser: OptimiserName;
  /** @param settings numbers that a model file keeps: what the inputs depend on */
  encoder(settings: Readonly<Record<string, number>>): Encoder;
}

type Options = Omit<TrainingOptions, 'optimiser'>;

/** Trains a network on windows; see Attack.fit. */
export async function fitNetwork(
  { name, optimiser, encoder }: NetworkAttack,
  settings: Readonly<Record<string, number>>,
  layers: (classes: number) => Layer,
  train: Windows,
  validation: Windows,
  { parameters, threads, onWarning, ...context }: AttackContext<Options>,
): Promise<Identifier> {
  const task = `fit ${name}`;
  checkPackets(train.packets, task);
  checkPackets(validation.packets, `${task}: validation`);
  const { classes } = train;
  const encode = encoder(settings);
  const network = { layers: layers(classes.length), input: encode.input };
  const examples = (windows: Windows) => ({ labels: labelWindows(windows), inputs: encode.of(windows) });
  const options = { ...parameters, optimiser };
  const running = { ...context, threads, onWarning, task };
  const result = await trainNetwork(network, classes, examples(train), examples(validation), options, running);
  const onnx = encodeNetwork(network, result.weights, { name, classes: [...classes], settings });
  const insight = insightOf(name, result, context.signal, onWarning);
  const answer = await openNetwork(onnx, task, { input: encode.input, classes: classes.length, threads, onWarning });
  return { ...identifier(encode, answer, classes.length), insight, save: () => ({ onnx, encoding: settings }) };
}

/** Opens a model of {@link fitNetwork}; see Attack.open. */
export function openFor({ name, encoder }: NetworkAttack): NonNullable<Attack['open']> {
  return async (onnx, where, { classes, threads, onWarning }) => {
    const card = readCard(onnx, where);
    if (card.name !== name || card.classes.join('\n') !== classes.join('\n')) {
      throw new InputError(`${where}: expected the ${name} model that the card describes, found another`);
    }
    const encode = encoder(card.settings);
    const options = { input: encode.input, classes: classes.length, threads, onWarning };
    const answer = await openNetwork(onnx, where, options);
    return { ...identifier(encode, answer, classes.length), save: () => ({ onnx, encoding: card.settings }) };
  };
}

/** Answers for windows, a few at a time. */
function identifier(
  { input, of }: Encoder,
  answer: (inputs: Float32Array) => Promise<Float32Array>,
  classes: number,
): Identifier {
  return {
    async predict(windows) {
      checkPackets(windows.packets, 'predict');
      const all = Uint32Array.from(windows.start.keys());
      const probabilities = new Float32Array(all.length * classes);
      const inputs = of(windows);
      for (let from = 0; from < all.length; from += EXAMPLES_AT_ONCE) {
        const which = all.subarray(from, from + EXAMPLES_AT_ONCE);
        const some = new Float32Array(which.length * sizeOf(input));
        inputs(which, some);
        probabilities.set(await answer(some), from * classes);
      }
      return probabilities;
    },
  };
}
