import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import attack from '../../attacks/command.js';
import { makeWindows, withoutLabels } from '../../src/conformance/windows.js';
import type { Identifier } from '../../src/learning/attack.js';
import { mostProbable } from '../../src/learning/scores.js';
import { InputError } from '../../src/shared/errors.js';
import { resolveParameters } from '../../src/shared/parameters.js';
import { createRng } from '../../src/shared/rng.js';
import { needs, noPython, PYTHON } from '../support/needs.js';
import { temporaryFolder } from '../support/run-cli.js';

const byPorts = fileURLToPath(new URL('../support/by-ports.mjs', import.meta.url));
const program = `"${process.execPath}" ${byPorts}`;
const page = readFileSync(new URL('../../docs/windows.md', import.meta.url), 'utf8');

/** Windows of flows, each of one device. */
const windowsOf = (seed: number, packets = 200) =>
  makeWindows(createRng(seed), packets, { attack: { answers: 'window' } });

function train(given: Record<string, unknown> = {}, windows = windowsOf(1), signal?: AbortSignal) {
  const parameters = resolveParameters(attack.parameters, { run: program, ...given }, 'attack command');
  return attack.fit(windows, windows, { parameters, rng: createRng(1), threads: 1, ...(signal && { signal }) });
}

const messageOf = async (what: Promise<unknown>): Promise<string> => {
  const error = await what.then(
    () => 'nothing thrown',
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(InputError);
  expect(error.message).not.toContain('\n');
  return error.message;
};

// Other tests in this process may use the usual one.
const usual = process.env.TMPDIR;
const [temporary, elsewhere] = [temporaryFolder(), temporaryFolder()];

beforeEach(() => {
  process.env.TMPDIR = temporary;
});

afterEach(() => {
  delete process.env.MISDEED;
  process.env.TMPDIR = usual;
  expect(readdirSync(temporary)).toEqual([]);
});

test.each(['window', 'packet'])(
  'a program that answers per %s names each packet of the device it met',
  async (answers) => {
    const identifier = await train({ answers });
    const test = windowsOf(2);
    const predicted = mostProbable(await identifier.predict(withoutLabels(test)), 2);
    expect(predicted).toEqual(test.label);
  },
);

describe('an answer with a fault', () => {
  let fitted: Promise<Identifier>;
  beforeAll(() => {
    fitted = train();
  });

  test.each([
    ['no answer', 'attack command: probabilities.npy: the program has not written it'],
    ['row too few', 'attack command: probabilities.npy: expected shape (11, 2), of windows and classes, found (10, 2)'],
    ['not a number', 'attack command: probabilities.npy: window 0: expected a probability, found NaN'],
    ['twice as sure', 'attack command: probabilities.npy: window 0: expected a sum of 1, or 0 for no answer, found 2'],
    ['half a file', 'attack command: probabilities.npy: expected 88 bytes of values, found 86'],
    ['text', 'attack command: probabilities.npy: expected an array as numpy.save writes it, found another file'],
  ])('"%s" is refused in one line', async (misdeed, message) => {
    const identifier = await fitted;
    process.env.MISDEED = misdeed;
    expect(await messageOf(identifier.predict(windowsOf(2)))).toBe(message);
  });
});

test('a program that fails is quoted with the last line of its stderr', async () => {
  process.env.MISDEED = 'failure';
  expect(await messageOf(train())).toBe(
    `attack command: fit: ${process.execPath} ended with exit code 3: ValueError: no such column`,
  );
});

test('a program that is not there is named', async () => {
  expect(await messageOf(train({ run: 'no-such-program --fast' }))).toBe(
    'attack command: fit: no-such-program cannot be started: spawn no-such-program ENOENT',
  );
});

test('nothing to run is a fault of the request', async () => {
  await expect(train({ run: ' ' })).rejects.toThrow('attack command: run: expected a program, found none');
  await expect(train({ run: 'python3 "a b' })).rejects.toThrow('"python3 "a b": expected " to be closed');
});

describe('a program that ignores SIGTERM', () => {
  test('is ended at its time limit', async () => {
    process.env.MISDEED = 'sleep';
    expect(await messageOf(train({ limit: 1 }))).toBe(`attack command: fit: ${process.execPath} was ended after 1 s`);
  });

  test('is ended within a second of an abort, with what it started', async () => {
    const folder = elsewhere;
    const ticks = join(folder, 'ticks');
    // A child of its own, which writes for as long as it lives.
    const parent = join(folder, 'parent.sh');
    writeFileSync(
      parent,
      `trap '' TERM\nsh -c 'trap "" TERM; while :; do echo >> ${ticks}; sleep 0.05; done' &\nwait\n`,
    );
    const controller = new AbortController();
    const fitted = train({ run: `sh ${parent}` }, windowsOf(1), controller.signal);
    while (!existsSync(ticks)) await setTimeout(10);
    const aborted = performance.now();
    controller.abort(new Error('interrupted'));
    await expect(fitted).rejects.toThrow('interrupted');
    expect(performance.now() - aborted).toBeLessThan(1000);
    const before = readFileSync(ticks).length;
    await setTimeout(200);
    expect(readFileSync(ticks).length).toBe(before);
  });
});

needs(noPython('sklearn', 'numpy')).test('the program of the documentation learns', async () => {
  const [, code] = /^```python\n(.*?)^```$/ms.exec(page)!;
  const script = join(elsewhere, 'attack.py');
  writeFileSync(script, code!);
  const identifier = await train({ run: `${PYTHON} ${script}` });
  const test = windowsOf(2);
  expect(mostProbable(await identifier.predict(withoutLabels(test)), 2)).toEqual(test.label);
});
