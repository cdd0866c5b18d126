import { describe, expect, it } from 'vitest';
import blstm from '../../attacks/blstm.js';
import lstm from '../../attacks/lstm.js';
import type { Windows } from '../../src/learning/windows.js';
import { resolveParameters } from '../../src/shared/parameters.js';
import type { Progress } from '../../src/shared/progress.js';
import { createRng } from '../../src/shared/rng.js';
import { accuracy, makeOrderedWindows } from '../learning/make-windows.js';

const small = { hidden: 16, embedding: 4, epochs: 12, batch: 16, learningRate: 0.01, dropout: 0.1 };

function fit(
  attack: typeof lstm,
  train: Windows,
  validation: Windows,
  { given = small, ...more }: { given?: object; onProgress?: (p: Progress) => void; signal?: AbortSignal } = {},
) {
  const parameters = resolveParameters(attack.parameters, { ...given }, `attack ${attack.name}`);
  return attack.fit(train, validation, { parameters, rng: createRng(1), threads: 2, ...more });
}

describe.each([lstm, blstm])('$name', (attack) => {
  it('learns what only the order of packets tells', async () => {
    const progress: Progress[] = [];
    const train = makeOrderedWindows(1, 64, 30);
    const test = makeOrderedWindows(2, 20, 30);
    const identifier = await fit(attack, train, makeOrderedWindows(3, 20, 30), { onProgress: (p) => progress.push(p) });
    const probabilities = await identifier.predict(test);
    expect(probabilities.length).toBe(test.packets.rows * 2);
    expect(accuracy(probabilities, test)).toBeGreaterThan(0.8);
    console.log(attack.name, accuracy(probabilities, test), identifier.insight, progress.at(-1));
  });
});
