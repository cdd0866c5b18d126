import type { InferenceSession } from 'onnxruntime-common';
import { z } from 'zod';
import { InputError } from '../../shared/errors.js';
import { createGraph } from '../onnx/graph.js';
import { decodeModel, encodeModel } from '../onnx/model.js';
import { createSession, loadRuntime, type OnWarning } from '../onnx/runtime.js';
import { addAnswers, type Network } from './graphs.js';
import { placesOf, type Shape, sizeOf } from './layer.js';
import { asConstants, layoutOf, type Weights } from './pass.js';

/** Key of the model's card in the metadata, as JSON. */
const cardKey = 'homeveil';

const cardSchema = z.object({
  format: z.literal(1),
  kind: z.literal('network'),
  /** The attack. */
  name: z.string(),
  classes: z.array(z.string()),
  /** Numbers that say how windows become inputs. */
  settings: z.record(z.string(), z.number()),
});

/** Description of a model in its file. */
export type NetworkCard = Pick<z.output<typeof cardSchema>, 'name' | 'classes' | 'settings'>;

/**
 * A network as a self-contained ONNX file.
 * Input: `inputs` (float32, windows x places x channels), as the attack makes them. Output: `probabilities` (windows x classes).
 */
export function encodeNetwork(network: Network, weights: Weights, card: NetworkCard): Uint8Array {
  const g = createGraph(card.name);
  addAnswers(g, network, asConstants(g, layoutOf(network.layers, network.input), weights));
  return encodeModel(g, { [cardKey]: JSON.stringify({ format: 1, kind: 'network', ...card }) });
}

/**
 * Reads the card of a file that {@link encodeNetwork} wrote.
 * @param where begins error messages: the file's path
 * @throws InputError for a file that is damaged or of another kind.
 */
export function readCard(bytes: Uint8Array, where: string): NetworkCard {
  const text = decodeModel(bytes, where).metadata[cardKey];
  if (text === undefined) {
    throw new InputError(`${where}: expected a model that homeveil has trained, found an ONNX model of other origin`);
  }
  try {
    return cardSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new InputError(`${where}: expected the card of a network, version 1, found another`, { cause });
  }
}

/**
 * Opens a file of {@link encodeNetwork} for answers: probabilities (examples x classes) of inputs (examples x places x channels).
 * @throws InputError for a file that is damaged or takes other inputs.
 */
export async function openNetwork(
  bytes: Uint8Array,
  where: string,
  { input, classes, threads, onWarning }: { input: Shape; classes: number; threads: number; onWarning?: OnWarning },
): Promise<(inputs: Float32Array) => Promise<Float32Array>> {
  const runtime = await loadRuntime(threads, onWarning);
  let session: InferenceSession;
  try {
    session = await createSession(runtime, bytes, { threads, device: 'cpu' });
  } catch (cause) {
    const reason = (cause as Error).message.split('\n', 1)[0];
    throw new InputError(`${where}: expected an ONNX model, found what ONNX Runtime cannot open: ${reason}`, { cause });
  }
  const found = [...session.inputMetadata, ...session.outputMetadata].map((value) =>
    value.isTensor ? `${value.name} ${value.shape.slice(1).join(' x ')}` : value.name,
  );
  const expected = [`inputs ${placesOf(input)} x ${input.channels}`, `probabilities ${classes}`];
  if (found.join() !== expected.join()) {
    throw new InputError(`${where}: expected ${expected.join(' and ')}, found ${found.join(' and ')}`);
  }
  return async (inputs) => {
    const dims = [inputs.length / sizeOf(input), placesOf(input), input.channels];
    const { probabilities } = await session.run({ inputs: new runtime.Tensor('float32', inputs, dims) });
    return probabilities!.data as Float32Array;
  };
}
