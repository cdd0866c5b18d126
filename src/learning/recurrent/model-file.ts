import { z } from 'zod';
import { InputError } from '../../shared/errors.js';
import { arithmetic, createGraph, floats, type GraphBuilder, int64s, type Value } from '../onnx/graph.js';
import { decodeModel, encodeModel } from '../onnx/model.js';
import type { Encoding } from './encoding.js';
import { network } from './inference-graph.js';
import type { RecurrentModel } from './model.js';
import { lengthPeriods, parameterLayout, rawFeatures } from './network.js';
import { parametersAsConstants } from './parameter-graph.js';

/** Key of the model's card in the metadata, as JSON. */
const cardKey = 'homeveil';

const count = z.int().min(1);
const cardSchema = z.object({
  format: z.literal(1),
  kind: z.literal('recurrent'),
  shape: z.object({
    ports: count,
    embedding: count,
    hidden: count,
    layers: count,
    bidirectional: z.boolean(),
    classes: count,
  }),
  classes: z.array(z.string()),
  size: count,
  encoding: z.object({
    ports: z.array(z.int().min(0).max(0xffff)),
    lengthUnit: z.number(),
    intervalMean: z.number(),
    intervalDeviation: z.number(),
    intervalFloor: z.number(),
  }),
});

/**
 * The model as a self-contained ONNX file: packets go in unscaled, windows first.
 * Inputs: `port` (int64, windows x time), `features` (float32, windows x time x 10: bits IP, TCP, UDP, TLS, HTTP, DNS, other,
 * direction, length in bytes, interval in seconds), `count` (int32, windows: packets in each).
 * Output: `probabilities` (windows x time x classes), undefined on padding.
 */
export function encodeRecurrentModel(model: RecurrentModel): Uint8Array {
  const { shape, classes, size, encoding } = model;
  const g = createGraph(shape.bidirectional ? 'blstm' : 'lstm');
  const port = g.input('port', 'int64', ['windows', 'time']);
  const features = g.input('features', 'float32', ['windows', 'time', rawFeatures]);
  const counts = g.input('count', 'int32', ['windows']);
  const row = g.op(
    'LabelEncoder',
    [port],
    { keys_int64s: encoding.ports, values_int64s: encoding.ports.map((_, i) => i + 1), default_int64: 0 },
    'ai.onnx.ml',
  );
  const values = parametersAsConstants(g, shape, model.parameters);
  const timeFirst = (value: Value, ...rest: number[]) => g.op('Transpose', [value], { perm: [1, 0, ...rest] });
  const scaled = scale(g, features, encoding);
  const probabilities = network(g, shape, values, timeFirst(row), timeFirst(scaled, 2), counts);
  g.output(timeFirst(probabilities, 2), 'float32', ['windows', 'time', shape.classes], 'probabilities');
  const card: z.input<typeof cardSchema> = {
    format: 1,
    kind: 'recurrent',
    shape,
    classes: [...classes],
    size,
    encoding: { ...encoding, ports: [...encoding.ports] },
  };
  return encodeModel(g, { [cardKey]: JSON.stringify(card) });
}

/** The operators of encodePackets. */
function scale(g: GraphBuilder, features: Value, encoding: Encoding): Value {
  const { add, sub, mul, scalar } = arithmetic(g);
  const widths = g.constant(int64s([rawFeatures - 2, 1, 1]));
  const [bits, length, interval] = g.ops('Split', 3, [features, widths], { axis: 2 }) as [Value, Value, Value];
  const log10 = mul(g.op('Log', [add(interval, scalar(encoding.intervalFloor))]), scalar(Math.LOG10E));
  // Whole turns are subtracted first, since 32 bits cannot hold the angle of many turns. Powers of two divide exactly.
  const turns = mul(
    length,
    g.constant(
      floats(
        Float32Array.from(lengthPeriods, (period) => 1 / period),
        [lengthPeriods.length],
      ),
    ),
  );
  const angle = mul(sub(turns, g.op('Floor', [turns])), scalar(2 * Math.PI));
  const scaled = [
    bits,
    mul(length, scalar(1 / encoding.lengthUnit)),
    mul(sub(log10, scalar(encoding.intervalMean)), scalar(1 / encoding.intervalDeviation)),
    g.op('Sin', [angle]),
    g.op('Cos', [angle]),
  ];
  return g.op('Concat', scaled, { axis: 2 });
}

/**
 * Reads the model from a file that {@link encodeRecurrentModel} wrote.
 * @param where begins the error message: the file's path
 * @throws InputError for a file that is damaged or of another kind.
 */
export function decodeRecurrentModel(bytes: Uint8Array, where: string): RecurrentModel {
  const { metadata, constants } = decodeModel(bytes, where);
  const text = metadata[cardKey];
  if (text === undefined) {
    throw new InputError(`${where}: expected a model that homeveil has trained, found an ONNX model of other origin`);
  }
  let card: z.output<typeof cardSchema>;
  try {
    card = cardSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new InputError(`${where}: expected the card of a recurrent model, version 1, found another`, { cause });
  }
  const { shape, classes, size, encoding } = card;
  if (shape.classes !== classes.length || shape.ports !== encoding.ports.length + 1) {
    throw new InputError(`${where}: the card contradicts itself: shape, classes and ports do not fit together`);
  }
  const layout = parameterLayout(shape);
  const parameters = new Float32Array(layout.size);
  for (const slot of layout.slots) {
    const values = constants.get(slot.name);
    if (values?.length !== slot.size) {
      const found = values === undefined ? 'none' : `${values.length} numbers`;
      throw new InputError(`${where}: parameter ${slot.name}: expected ${slot.size} numbers, found ${found}`);
    }
    parameters.set(values, slot.offset);
  }
  return { shape, classes, size, encoding, parameters };
}
