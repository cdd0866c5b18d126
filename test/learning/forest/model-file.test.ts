import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { generateHome } from '../../../src/home/home.js';
import { buildWindows, rowsInWindows } from '../../../src/learning/build-windows.js';
import { predictProbabilities, trainForest } from '../../../src/learning/forest/forest.js';
import { encodeForestModel, openForestModel } from '../../../src/learning/forest/model-file.js';
import { modelInput } from '../../../src/learning/model-input.js';
import { packetColumns } from '../../../src/learning/packet-columns.js';
import { take } from '../../../src/shared/columns.js';
import { createRng } from '../../../src/shared/rng.js';
import { needs, noPython, PYTHON } from '../../support/needs.js';

const home = generateHome({ hours: 0.2, seed: 1 });
const classes = home.devices.map(({ name }) => name);
const options = { size: 100, stride: 100, mix: 'home', port: 'service', classes } as const;
const { windows } = buildWindows(home, options);
const other = buildWindows(generateHome({ hours: 0.2, seed: 2 }), options).windows;

describe('a forest over packets as a file', () => {
  let onnx: Uint8Array;
  let expected: Float32Array;
  beforeAll(async () => {
    const rows = rowsInWindows(windows);
    const rng = createRng(1, 'forest');
    const label = take(windows.label, rows);
    const forest = await trainForest(packetColumns(windows.packets, rows), label, {
      classes: classes.length,
      trees: 10,
      categories: 20,
      rng,
      threads: 1,
    });
    onnx = encodeForestModel(forest, classes);
    expected = await predictProbabilities(forest, packetColumns(other.packets), 1);
  });

  it('gives the same probabilities again for packets that it has not seen', async () => {
    const identifier = await openForestModel(onnx, 'model.onnx', { classes, threads: 1 });
    const found = await identifier.predict(other);
    let worst = 0;
    for (let i = 0; i < expected.length; i++) worst = Math.max(worst, Math.abs(found[i]! - expected[i]!));
    expect(found.length).toBe(expected.length);
    expect(worst).toBeLessThan(1e-6);
  });

  needs(noPython('onnx', 'numpy')).test('is valid, and means the same, to the ONNX project', () => {
    const folder = mkdtempSync(join(tmpdir(), 'homeveil-onnx-'));
    const [model, input] = [join(folder, 'model.onnx'), join(folder, 'input.json')];
    const rows = 300;
    const { port, features } = modelInput(other.packets, 0, rows);
    writeFileSync(model, onnx);
    const byRow = Array.from({ length: rows }, (_, row) => [...features.subarray(10 * row, 10 * row + 10)]);
    writeFileSync(input, JSON.stringify({ port: Array.from(port, Number), features: byRow }));
    const script = fileURLToPath(new URL('../../support/evaluate-onnx.py', import.meta.url));
    const { stdout, stderr } = spawnSync(PYTHON, [script, model, input], { encoding: 'utf8' });
    expect(stderr).toBe('');
    const found: number[] = JSON.parse(stdout).flat();
    expect(found.length).toBe(rows * classes.length);
    let worst = 0;
    for (let i = 0; i < found.length; i++) worst = Math.max(worst, Math.abs(found[i]! - expected[i]!));
    expect(worst).toBeLessThan(1e-6);
  });
});
