import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadRuntime, type OnnxRuntime } from '../../src/learning/onnx/runtime.js';
import { learnEncoding } from '../../src/learning/recurrent/encoding.js';
import { createIdentifier } from '../../src/learning/recurrent/identifier.js';
import type { RecurrentModel } from '../../src/learning/recurrent/model.js';
import { decodeRecurrentModel, encodeRecurrentModel } from '../../src/learning/recurrent/model-file.js';
import { initialParameters, type NetworkShape } from '../../src/learning/recurrent/network.js';
import { createRng } from '../../src/shared/rng.js';
import { makeOrderedWindows } from '../support/make-windows.js';
import { needs, noPython, PYTHON } from '../support/needs.js';

const windows = makeOrderedWindows(1, 3, 8);
// A port that the model does not know.
windows.packets.port[5] = 9999;

/** Input of the file: the packets of `windows` as they are, three windows of eight. */
function modelInputs() {
  const { packets, count } = windows;
  const features = new Float32Array(24 * 10);
  for (let row = 0; row < 24; row++) {
    const bits = [0, 1, 2, 3, 4, 5, 6].map((bit) => (packets.protocols[row]! >> bit) & 1);
    features.set([...bits, packets.direction[row]!, packets.length[row]!, packets.interval[row]!], row * 10);
  }
  return { port: packets.port, features, count };
}

function makeModel(bidirectional: boolean): RecurrentModel {
  const encoding = learnEncoding(makeOrderedWindows(2, 3, 8), 10);
  const shape: NetworkShape = { ports: 3, embedding: 3, hidden: 4, layers: 2, bidirectional, classes: 2 };
  const parameters = initialParameters(shape, createRng(1));
  return { shape, classes: ['a', 'b'], size: 8, encoding, parameters };
}

describe.each([false, true])('bidirectional: %s', (bidirectional) => {
  const model = makeModel(bidirectional);
  const bytes = encodeRecurrentModel(model);
  const folder = mkdtempSync(join(tmpdir(), 'homeveil-recurrent-'));
  const path = join(folder, 'model.onnx');
  let web: OnnxRuntime;
  let expected: Float32Array;
  beforeAll(async () => {
    writeFileSync(path, bytes);
    expected = await createIdentifier(model, { engine: 'onnx', device: 'cpu', threads: 1 }).predict(windows);
    web = await loadRuntime(1, undefined, 'onnxruntime-web');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('comes back from its file as it was', () => {
    expect(decodeRecurrentModel(bytes, 'model.onnx')).toEqual(model);
  });

  it('gives another runtime, which knows only the file, the same probabilities for packets as they are', async () => {
    const session = await web.InferenceSession.create(bytes, { executionProviders: ['wasm'] });
    const { port, features, count } = modelInputs();
    const { probabilities } = await session.run({
      port: new web.Tensor('int64', BigInt64Array.from(port, BigInt), [3, 8]),
      features: new web.Tensor('float32', features, [3, 8, 10]),
      count: new web.Tensor('int32', Int32Array.from(count), [3]),
    });
    expect(probabilities!.dims).toEqual([3, 8, 2]);
    // Windows one after another are the packets one after another.
    expected.forEach((value, i) => {
      expect((probabilities!.data as Float32Array)[i]).toBeCloseTo(value, 5);
    });
    await session.release();
  });

  needs(noPython('onnx')).test("passes the ONNX project's checker", () => {
    const program = 'import onnx, sys; onnx.checker.check_model(onnx.load(sys.argv[1]), full_check=True)';
    expect(spawnSync(PYTHON, ['-c', program, path], { encoding: 'utf8' })).toMatchObject({ stderr: '', status: 0 });
  });
});

describe('a file that is no model of ours', () => {
  const bytes = encodeRecurrentModel(makeModel(false));
  const refuse = (content: Uint8Array) => {
    try {
      decodeRecurrentModel(content, 'x/model.onnx');
    } catch (error) {
      return `${(error as Error).name}: ${(error as Error).message}`;
    }
    return 'accepted';
  };

  it.each([
    ['empty', new Uint8Array(0), 'InputError: x/model.onnx: expected an ONNX model, found a file without a graph'],
    ['text', new TextEncoder().encode('not a model'), /^InputError: x\/model\.onnx: expected an ONNX model, found /],
    ['cut off', bytes.subarray(0, bytes.length >> 1), /^InputError: x\/model\.onnx: expected an ONNX model, found /],
    [
      'without its card',
      Uint8Array.from(bytes, (byte, i) => (i === Buffer.from(bytes).lastIndexOf('homeveil') ? 72 : byte)),
      'InputError: x/model.onnx: expected a model that homeveil has trained, found an ONNX model of other origin',
    ],
    [
      'of a version to come',
      Buffer.from(Buffer.from(bytes).toString('latin1').replace('"format":1', '"format":2'), 'latin1'),
      'InputError: x/model.onnx: expected the card of a recurrent model, version 1, found another',
    ],
    [
      'with a parameter under another name',
      Buffer.from(Buffer.from(bytes).toString('latin1').replaceAll('dense.bias', 'dense.bogy'), 'latin1'),
      'InputError: x/model.onnx: parameter dense.bias: expected 2 numbers, found none',
    ],
  ])('is refused in one line: %s', (_, content, message) => {
    expect(refuse(content)).toMatch(message);
  });
});
