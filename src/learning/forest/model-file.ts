import type { InferenceSession } from 'onnxruntime-common';
import { InputError } from '../../shared/errors.js';
import { PROTOCOL_NAMES } from '../../trace/trace.js';
import type { Identifier, OpenContext } from '../attack.js';
import { checkPackets } from '../check-packets.js';
import { FEATURE_COLUMNS, modelInput } from '../model-input.js';
import { createGraph, floats, type GraphBuilder, int64s, type Value } from '../onnx/graph.js';
import { encodeModel } from '../onnx/model.js';
import { dataTypes } from '../onnx/proto.js';
import { createSession, loadRuntime } from '../onnx/runtime.js';
import type { Forest } from './forest.js';
import { addForest } from './forest-graph.js';

/**
 * A forest over the columns of packet-columns.ts as a self-contained ONNX file.
 * Inputs: `port` (int64, packets) and `features` (float32, packets x 10; see model-input.ts).
 * Output: `probabilities` (packets x classes).
 */
export function encodeForestModel(forest: Forest, classes: readonly string[]): Uint8Array {
  const g = createGraph('random-forest');
  const probabilities = addForest(g, forest, classes, packetColumnValues(g));
  g.output(probabilities, 'float32', ['packets', classes.length], 'probabilities');
  return encodeModel(g);
}

/** The ports that the forest tells apart, for the card. Trees need no scaling. */
export function forestEncoding({ bins }: Forest): Record<string, unknown> {
  const port = bins.find(({ name }) => name === 'port');
  return { ports: port?.kind === 'categorical' ? [...port.categories].filter((value) => value >= 0) : [] };
}

/** The five columns of packet-columns.ts, each packets x 1, from the inputs of the file. */
function packetColumnValues(g: GraphBuilder): Value[] {
  const port = g.input('port', 'int64', ['packets']);
  const features = g.input('features', 'float32', ['packets', FEATURE_COLUMNS.length]);
  const bits = PROTOCOL_NAMES.length;
  const numbers = FEATURE_COLUMNS.length - bits;
  const widths = g.constant(int64s([bits, ...Array<number>(numbers).fill(1)]));
  const [protocols, ...rest] = g.ops('Split', 1 + numbers, [features, widths], { axis: 1 });
  const powers = g.constant(
    floats(
      PROTOCOL_NAMES.map((_, bit) => 2 ** bit),
      [bits, 1],
    ),
  );
  const bitSet = g.op('Cast', [g.op('MatMul', [protocols!, powers])], { to: dataTypes.int64 });
  return [g.op('Unsqueeze', [port, g.constant(int64s([1]))]), bitSet, ...rest];
}

/** Packets in one call of the runtime: many for its threads, few enough for memory to stay flat. */
const PACKETS_AT_ONCE = 1 << 15;

/** Opens a file of {@link encodeForestModel}; see Attack.open. */
export async function openForestModel(
  onnx: Uint8Array,
  where: string,
  { classes, threads, onWarning }: OpenContext,
): Promise<Identifier> {
  const runtime = await loadRuntime(threads, onWarning);
  let session: InferenceSession;
  try {
    session = await createSession(runtime, onnx, { threads, device: 'cpu' });
  } catch (cause) {
    const reason = (cause as Error).message.split('\n', 1)[0];
    throw new InputError(`${where}: expected an ONNX model, found what ONNX Runtime cannot open: ${reason}`, { cause });
  }
  const width = session.outputMetadata.map((value) => (value.isTensor ? value.shape.at(-1) : null));
  if (session.inputNames.join() !== 'port,features' || width.join() !== String(classes.length)) {
    throw new InputError(`${where}: expected the random-forest model that the card describes, found another`);
  }
  return {
    async predict({ packets }) {
      checkPackets(packets, 'predict');
      const probabilities = new Float32Array(packets.rows * classes.length);
      for (let from = 0; from < packets.rows; from += PACKETS_AT_ONCE) {
        const to = Math.min(packets.rows, from + PACKETS_AT_ONCE);
        const { port, features } = modelInput(packets, from, to);
        const results = await session.run({
          port: new runtime.Tensor('int64', port, [to - from]),
          features: new runtime.Tensor('float32', features, [to - from, FEATURE_COLUMNS.length]),
        });
        probabilities.set(results.probabilities!.data as Float32Array, from * classes.length);
      }
      return probabilities;
    },
  };
}
