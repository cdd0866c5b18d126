import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { deepFingerprinting, robustFingerprinting, transformer } from '../../../src/learning/network/architectures.js';
import type { Network } from '../../../src/learning/network/graphs.js';
import { placesOf, sizeOf } from '../../../src/learning/network/layer.js';
import { encodeNetwork, openNetwork, readCard } from '../../../src/learning/network/model-file.js';
import { layoutOf, startOf, type Weights } from '../../../src/learning/network/pass.js';
import { createTrainer } from '../../../src/learning/network/trainer.js';
import { loadRuntime } from '../../../src/learning/onnx/runtime.js';
import { createRng } from '../../../src/shared/rng.js';
import { needs, noPython, PYTHON } from '../../support/needs.js';

const networks: Record<string, Network> = {
  df: { layers: deepFingerprinting(3, 2, 5), input: { rows: 1, steps: 20, channels: 1 } },
  'tam-cnn': { layers: robustFingerprinting(3, 2), input: { rows: 2, steps: 24, channels: 2 } },
  transformer: {
    layers: transformer(3, { width: 8, heads: 2, layers: 2, dropped: 0.1 }),
    input: { rows: 1, steps: 6, channels: 4 },
  },
};
const folder = mkdtempSync(join(tmpdir(), 'homeveil-network-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Weights off their start, and inputs of two examples, of which the second ends with padding. */
function make({ layers, input }: Network): { weights: Weights; inputs: Float32Array } {
  const rng = createRng(1);
  const layout = layoutOf(layers, input);
  const moved = (start: Float32Array) => start.map((value) => value + rng.normal(0, 0.1));
  const inputs = Float32Array.from({ length: 2 * sizeOf(input) }, () => rng.normal(0, 1));
  for (let place = 0; place < 2 * placesOf(input); place++) inputs[place * input.channels] = 1;
  inputs.fill(0, inputs.length - 2 * input.channels);
  return {
    weights: { parameters: moved(startOf(layout.parameters, rng)), statistics: moved(startOf(layout.statistics, rng)) },
    inputs,
  };
}

const card = (name: string) => ({ name, classes: ['a', 'b', 'c'], settings: { packets: 20, seconds: 0.5 } });

describe.each(Object.entries(networks))('%s', (name, network) => {
  const { weights, inputs } = make(network);
  const bytes = encodeNetwork(network, weights, card(name));
  const options = { input: network.input, classes: 3, threads: 1 };

  it('gives from its file what it gives in training, on the native runtime and on WebAssembly', async () => {
    const layout = layoutOf(network.layers, network.input);
    const trainer = await createTrainer(network, layout, weights, { optimiser: 'adam', threads: 1 });
    const expected = await trainer.predict(inputs);
    await trainer.dispose();
    const opened = await (await openNetwork(bytes, 'model.onnx', options))(inputs);
    const web = await loadRuntime(1, undefined, 'onnxruntime-web');
    const session = await web.InferenceSession.create(bytes, { executionProviders: ['wasm'] });
    const { input } = network;
    const tensor = new web.Tensor('float32', inputs, [2, placesOf(input), input.channels]);
    const { probabilities } = await session.run({ inputs: tensor });
    await session.release();
    expect(expected.length).toBe(6);
    expected.forEach((value, i) => {
      expect(value).toBeGreaterThan(1e-3);
      expect(opened[i]).toBeCloseTo(value, 5);
      expect((probabilities!.data as Float32Array)[i]).toBeCloseTo(value, 4);
    });
    expect(readCard(bytes, 'model.onnx')).toMatchObject(card(name));
  });

  needs(noPython('onnx')).test("passes the ONNX project's checker", () => {
    const path = join(folder, `${name}.onnx`);
    writeFileSync(path, bytes);
    const program = 'import onnx, sys; onnx.checker.check_model(onnx.load(sys.argv[1]), full_check=True)';
    expect(spawnSync(PYTHON, ['-c', program, path], { encoding: 'utf8' })).toMatchObject({ stderr: '', status: 0 });
  });
});

describe('a file that is no model of ours', () => {
  const network = networks.df!;
  const bytes = encodeNetwork(network, make(network).weights, card('df'));
  const changed = (from: string, to: string) =>
    Uint8Array.from(Buffer.from(Buffer.from(bytes).toString('latin1').replaceAll(from, to), 'latin1'));

  it.each([
    ['empty', new Uint8Array(0), 'x: expected an ONNX model, found a file without a graph'],
    ['cut off', bytes.subarray(0, bytes.length >> 1), /^x: expected an ONNX model, found [^\n]+$/],
    [
      'without its card',
      changed('homeveil\x12', 'Homeveil\x12'),
      'x: expected a model that homeveil has trained, found an ONNX model of other origin',
    ],
    [
      'of a version to come',
      changed('"format":1', '"format":2'),
      'x: expected the card of a network, version 1, found another',
    ],
  ])('is refused in one line: %s', (_, content, message) => {
    expect(() => readCard(content, 'x')).toThrow(message);
  });

  it('is refused in one line: of other inputs or classes', async () => {
    const input = { rows: 1, steps: 21, channels: 1 };
    await expect(openNetwork(bytes, 'x', { input, classes: 4, threads: 1 })).rejects.toThrow(
      'x: expected inputs 21 x 1 and probabilities 4, found inputs 20 x 1 and probabilities 3',
    );
    const damaged = changed('MatMul', 'MatMad');
    await expect(openNetwork(damaged, 'x', { input, classes: 4, threads: 1 })).rejects.toThrow(
      /^x: expected an ONNX model, found what ONNX Runtime cannot open: [^\n]+$/,
    );
  });
});
