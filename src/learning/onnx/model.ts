import { InputError } from '../../shared/errors.js';
import type { GraphBuilder } from './graph.js';
import { ModelProto } from './proto.js';

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

/**
 * The metadata of an ONNX file.
 * @param where begins the error message: the file's path
 * @throws InputError where `bytes` are no ONNX model.
 */
export function readMetadata(bytes: Uint8Array, where: string): Record<string, string> {
  let model: { graph?: object; metadata_props?: { key: string; value: string }[] };
  try {
    model = ModelProto.decode(bytes) as typeof model;
  } catch (cause) {
    throw new InputError(`${where}: expected an ONNX model, found bytes that are none: ${(cause as Error).message}`, {
      cause,
    });
  }
  if (!model.graph) throw new InputError(`${where}: expected an ONNX model, found a file without a graph`);
  return Object.fromEntries((model.metadata_props ?? []).map(({ key, value }) => [key, value]));
}
