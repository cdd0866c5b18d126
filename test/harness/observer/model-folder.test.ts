import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkModelPath, loadModel, saveModel } from '../../../src/harness/observer/model-folder.js';
import { runTraining, type TrainedModel } from '../../../src/harness/observer/train.js';
import { runBench } from '../../../src/harness/run.js';
import { resolveSpec, resolveTraining } from '../../../src/harness/spec.js';
import { generateHome } from '../../../src/home/home.js';
import { buildWindows } from '../../../src/learning/build-windows.js';
import { createGraph } from '../../../src/learning/onnx/graph.js';
import { encodeModel } from '../../../src/learning/onnx/model.js';
import type { ModelCard } from '../../../src/result/model-card.js';
import { sha256 } from '../../../src/shared/hash.js';
import { temporaryFolder } from '../../support/run-cli.js';

const network = 'hidden=6,embedding=4,epochs=2';
const request = { hours: 0.3, minimumPackets: 20 };
const train = (attack: string, more = {}) =>
  runTraining(resolveTraining({ ...request, attack, ...more }), { threads: 2 });
/** Half a window at the end, and traffic that no model has seen. */
const { windows } = buildWindows(generateHome({ hours: 0.1, seed: 99 }), {
  size: 100,
  stride: 100,
  mix: 'home',
  port: 'service',
});

describe.each([
  ['random-forest:trees=7', 1e-6],
  [`lstm:${network}`, 1e-5],
  [`blstm:${network}`, 1e-5],
])('a model of %s', (attack, tolerance) => {
  let trained: TrainedModel;
  let path: string;
  beforeAll(async () => {
    trained = await train(attack);
    path = join(temporaryFolder(), 'deep', 'model');
    saveModel(path, trained);
  });

  it('gives from its folder the probabilities that it gave when it was trained', async () => {
    expect(readdirSync(path).sort()).toEqual(['card.json', 'model.onnx']);
    expect(readdirSync(join(path, '..'))).toEqual(['model']);
    const { card, identifier } = await loadModel(path, { threads: 2 });
    expect(card).toEqual(trained.card);
    const expected = await trained.identifier.predict(windows);
    const found = await identifier.predict(windows);
    expect(found.length).toBe(expected.length);
    let worst = 0;
    for (let i = 0; i < found.length; i++) worst = Math.max(worst, Math.abs(found[i]! - expected[i]!));
    expect(worst).toBeLessThan(tolerance);
  });

  it('has the scores that bench gives the adaptive adversary', async () => {
    const spec = resolveSpec({ ...request, attacks: [attack], defenses: ['none'], adversaries: ['adaptive'] });
    const { cells, dataset } = await runBench(spec, { threads: 1 });
    const { mistaken: _, ...scores } = trained.card.scores!;
    expect(scores).toEqual(cells[0]!.identification);
    expect(trained.card.data.sha256).toBe(dataset.sha256);
  });

  it('refuses packets whose numbers are none', async () => {
    const { identifier } = await loadModel(path, { threads: 1 });
    const interval = windows.packets.interval.slice();
    interval[3] = Number.NaN;
    const broken = { ...windows, packets: { ...windows.packets, interval } };
    await expect(identifier.predict(broken)).rejects.toThrow(
      'predict: packet 3: interval: expected a number of at least 0, found NaN',
    );
  });
});

describe('a model under a defense, of all data', () => {
  it('says so, and has no scores', async () => {
    const { card } = await train('random-forest:trees=3', { defense: 'pad:rule=mtu', trainShare: 1 });
    expect(card.defense.label).toBe('pad:rule=mtu');
    expect(card.scores).toBeNull();
    expect(card.data.test).toBeNull();
    expect(card.data.train.packets).toBeGreaterThan(0);
  });
});

describe('a folder that is no model of ours', () => {
  let trained: TrainedModel;
  beforeAll(async () => {
    trained = await train('random-forest:trees=3');
  });

  /** The message of loading a model that was changed. */
  async function refusal(change: (path: string, card: ModelCard) => void): Promise<string> {
    const path = join(temporaryFolder(), 'model');
    saveModel(path, trained);
    change(path, structuredClone(trained.card) as ModelCard);
    try {
      await loadModel(path, { threads: 1 });
    } catch (error) {
      return `${(error as Error).name}: ${(error as Error).message.replaceAll(path, 'model')}`;
    }
    return 'accepted';
  }
  const writeCard = (path: string, card: object) => writeFileSync(join(path, 'card.json'), JSON.stringify(card));
  /** Another ONNX file, and a card that swears to it. */
  const writeOnnx = (path: string, card: ModelCard, onnx: Uint8Array) => {
    writeFileSync(join(path, 'model.onnx'), onnx);
    writeCard(path, { ...card, model: { sha256: sha256(onnx), bytes: onnx.length } });
  };
  const foreign = () => {
    const g = createGraph('foreign');
    g.output(g.input('x', 'float32', [1]), 'float32', [1], 'y');
    return encodeModel(g);
  };
  const none = 'InputError: model: expected a model, a folder with model.onnx and card.json, found none';

  it.each<[string, (path: string, card: ModelCard) => void, string | RegExp]>([
    ['nothing at all', (path) => rmSync(path, { recursive: true }), none],
    ['no card', (path) => rmSync(join(path, 'card.json')), none],
    ['no network or trees', (path) => rmSync(join(path, 'model.onnx')), none],
    [
      'half a card',
      (path) => writeFileSync(join(path, 'card.json'), '{"schemaVersion": 1, '),
      /model\/card.json: expected the card of a model, found what is no JSON/,
    ],
    [
      'a card of something else',
      (path) => writeCard(path, { schemaVersion: 1, name: 'x' }),
      /model\/card.json: expected the card of a model, found another file: tool: /,
    ],
    [
      'a card that is null',
      (path) => writeCard(path, null as never),
      /expected the card of a model, found another file/,
    ],
    [
      'a newer card',
      (path, card) => writeCard(path, { ...card, schemaVersion: 2 }),
      "InputError: model/card.json: expected version 1 of a model's card, found 2: a newer homeveil wrote it",
    ],
    [
      'other features',
      (path, card) => writeCard(path, { ...card, features: { ...card.features, version: 2 } }),
      'InputError: model: expected a model of version 1 of the packet features, found 2: train it again',
    ],
    [
      'an unknown attack',
      (path, card) => writeCard(path, { ...card, attack: { ...card.attack, name: 'oracle' } }),
      'InputError: model: expected a model of an attack that is known here, found "oracle"',
    ],
    [
      'a bit that has flipped',
      (path) => {
        const bytes = readFileSync(join(path, 'model.onnx'));
        bytes[bytes.length >> 1]! ^= 1;
        writeFileSync(join(path, 'model.onnx'), bytes);
      },
      /^InputError: model\/model.onnx: expected the model that card.json describes .* found another or a damaged one/,
    ],
    [
      'half an ONNX file',
      (path, card) => writeOnnx(path, card, trained.onnx.subarray(0, trained.onnx.length >> 1)),
      /^InputError: model\/model.onnx: expected an ONNX model, found what ONNX Runtime cannot open: /,
    ],
    [
      'an empty ONNX file',
      (path, card) => writeOnnx(path, card, new Uint8Array(0)),
      /^InputError: model\/model.onnx: expected an ONNX model/,
    ],
    [
      'an ONNX model of others',
      (path, card) => writeOnnx(path, card, foreign()),
      'InputError: model/model.onnx: expected the random-forest model that the card describes, found another',
    ],
    [
      'trees under the card of a network',
      (path, card) => writeCard(path, { ...card, attack: { ...card.attack, name: 'lstm' } }),
      /^InputError: model\/model.onnx: expected a model that homeveil has trained/,
    ],
  ])('is refused in one line: %s', async (_, change, message) => {
    const found = await refusal(change);
    expect(found).toMatch(message);
    expect(found).not.toContain('\n');
  });

  it('takes the place of another model, but of nothing else', () => {
    const path = join(temporaryFolder(), 'model');
    mkdirSync(path);
    saveModel(path, trained);
    saveModel(path, trained);
    expect(readdirSync(path).sort()).toEqual(['card.json', 'model.onnx']);
    writeFileSync(join(path, 'thesis.tex'), '');
    expect(() => saveModel(path, trained)).toThrow(
      'expected a new folder, an empty one or a model\'s, found "thesis.tex" in it',
    );
    expect(() => checkModelPath(join(path, 'thesis.tex'))).toThrow('expected a folder for the model, found a file');
    expect(readdirSync(join(path, '..'))).toEqual(['model']);
  });
});

describe('a training that is interrupted', () => {
  it('rejects before anything was learnt, and later keeps the best so far', async () => {
    const spec = resolveTraining({ ...request, attack: `lstm:${network},epochs=1000`.replace('epochs=2,', '') });
    const early = AbortSignal.abort(new Error('early'));
    await expect(runTraining(spec, { threads: 1, signal: early })).rejects.toThrow('early');
    const later = new AbortController();
    const warnings: string[] = [];
    const { card } = await runTraining(spec, {
      threads: 1,
      signal: later.signal,
      onProgress: ({ figures }) => figures?.epoch === 2 && later.abort(),
      onWarning: (message) => warnings.push(message),
    });
    expect(card.interrupted).toBe(true);
    expect(card.insight!.epochs).toBe(2);
    expect(warnings).toEqual([
      expect.stringMatching(/^lstm: interrupted in epoch 3; the model is that of epoch [12]$/),
    ]);
  });

  it('makes a run of bench reject', async () => {
    const spec = resolveSpec({ ...request, attacks: [`lstm:${network}`], defenses: ['none'] });
    const controller = new AbortController();
    const run = runBench(spec, {
      threads: 1,
      signal: controller.signal,
      onProgress: ({ detail }) => detail?.startsWith('fit') && controller.abort(new Error('enough')),
    });
    await expect(run).rejects.toThrow('enough');
  });
});
