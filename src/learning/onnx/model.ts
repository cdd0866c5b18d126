import { InputError } from '../../shared/errors.js';
import type { GraphBuilder } from './graph.js';
import { dataTypes, ModelProto } from './proto.js';

/**
 * Operators as of ONNX 1.12 (July 2022), so that older runtimes open the files too; nothing that we use came later.
 * https://github.com/onnx/onnx/blob/main/docs/Versioning.md
 */
const irVersion = 8;
const operatorSets = [
  { domain: '', version: 17 },
  { domain: 'ai.onnx.ml', version: 3 },
];

/** The bytes of an ONNX file. */
export function encodeModel(graph: GraphBuilder, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const message = {
    ir_version: irVersion,
    producer_name: 'homeveil',
    graph: graph.toProto(),
    opset_import: operatorSets,
    metadata_props: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  };
  return ModelProto.encode(message).finish();
}

/** The parts of an ONNX file that we read. */
export interface DecodedModel {
  readonly metadata: Readonly<Record<string, string>>;
  /** The float32 constants by name. */
  readonly constants: ReadonlyMap<string, Float32Array>;
}

interface DecodedProto {
  readonly graph?: {
    readonly initializer?: readonly {
      readonly name: string;
      readonly data_type: number;
      readonly raw_data: Uint8Array;
    }[];
  };
  readonly metadata_props?: readonly { readonly key: string; readonly value: string }[];
}

/**
 * @param where begins the error message: the file's path
 * @throws InputError where `bytes` are no ONNX model.
 */
export function decodeModel(bytes: Uint8Array, where: string): DecodedModel {
  let model: DecodedProto;
  try {
    model = ModelProto.decode(bytes) as DecodedProto;
  } catch (cause) {
    throw new InputError(`${where}: expected an ONNX model, found no such file format: ${(cause as Error).message}`, {
      cause,
    });
  }
  if (!model.graph) throw new InputError(`${where}: expected an ONNX model, found a file without a graph`);
  const constants = new Map<string, Float32Array>();
  for (const { name, data_type, raw_data } of model.graph.initializer ?? []) {
    if (data_type !== dataTypes.float32) continue;
    // A copy, since a Float32Array must begin at a multiple of four bytes.
    const copy = new Uint8Array(raw_data);
    constants.set(name, new Float32Array(copy.buffer, 0, copy.length >> 2));
  }
  return {
    metadata: Object.fromEntries((model.metadata_props ?? []).map(({ key, value }) => [key, value])),
    constants,
  };
}
