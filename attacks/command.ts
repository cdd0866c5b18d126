import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { type AttackContext, defineAttack } from '../src/learning/attack.js';
import { labelledRows, MIXES } from '../src/learning/build-windows.js';
import { checkPackets } from '../src/learning/check-packets.js';
import { PACKET_COLUMNS } from '../src/learning/model-input.js';
import { spreadAnswers } from '../src/learning/spread-answers.js';
import { windowArrays } from '../src/learning/window-arrays.js';
import type { Windows } from '../src/learning/windows.js';
import { InputError, UsageError } from '../src/shared/errors.js';
import { isFile, withTemporaryFolder } from '../src/shared/files.js';
import { decodeMatrix } from '../src/shared/npy.js';
import { runProgram, splitWords } from '../src/shared/run-program.js';

const ANSWER = 'probabilities.npy';
const MODEL = 'model';

/** How far a row of probabilities may miss a sum of 1. */
const SUM_ERROR = 1e-3;

/**
 * Any program as an attack. It is run as `run fit FOLDER`, once, and as `run predict FOLDER`, once for each prediction. FOLDER is new each
 * time and holds `task.json` and the files of {@link windowArrays}, labels among them for `fit` only. What `fit` leaves in
 * `FOLDER/model/` is there again for `predict`, which writes `FOLDER/probabilities.npy`: windows (or packets) x classes.
 * docs/windows.md has the protocol with an example.
 */
export default defineAttack({
  name: 'command',
  summary: 'Any program, in any language: it gets windows and labels as .npy files and gives probabilities back.',
  source: 'our choice',
  parameters: z.object({
    run: z
      .string()
      .default('')
      .describe('program and its arguments, split at spaces; quotes hold words together; no shell'),
    answers: z.enum(['window', 'packet']).default('window').describe('what a row of its probabilities is about'),
    streams: z
      .array(z.enum(MIXES))
      .min(1)
      .default(['single', 'flow', 'home'])
      .describe('streams that windows are cut from, best first: the first that the observer tells apart'),
    packets: z.int().min(1).max(65_535).default(100).describe('packets in a window'),
    limit: z.int().min(1).max(86_400).default(600).describe('seconds that one run of the program may take'),
  }),
  cut: ({ streams, packets }) => ({ streams, size: packets }),

  async fit(train, _validation, { parameters, rng, threads, signal, onProgress }) {
    const { run, answers } = parameters;
    const program = splitWords(run);
    if (program[0] === undefined || program[0] === '') {
      throw new UsageError('attack command: run: expected a program, found none: command:run=python3 attack.py');
    }
    checkPackets(train.packets, 'fit command');
    if (labelledRows(train).length === 0) {
      throw new InputError('attack command: expected labelled packets to train on, found none');
    }
    const { classes } = train;
    const task = { classes, answers, threads };
    const job = { program, limit: parameters.limit, signal, onProgress };
    const model = await withTemporaryFolder(async (folder) => {
      mkdirSync(join(folder, MODEL));
      const seed = rng.integer(0, 2 ** 31 - 1);
      await perform(folder, { ...task, task: 'fit', seed }, train, job);
      return readFolder(join(folder, MODEL));
    });

    return {
      async predict(windows) {
        checkPackets(windows.packets, 'predict');
        const rows = answers === 'window' ? windows.start.length : windows.packets.rows;
        if (rows === 0) return new Float32Array(windows.packets.rows * classes.length);
        const found = await withTemporaryFolder(async (folder) => {
          writeFolder(join(folder, MODEL), model);
          await perform(folder, { ...task, task: 'predict' }, windows, job);
          return readAnswer(join(folder, ANSWER), rows, classes.length, answers);
        });
        return answers === 'window' ? spreadAnswers(found, windows, classes.length) : found;
      },
    };
  },
});

interface Task {
  readonly task: 'fit' | 'predict';
  readonly classes: readonly string[];
  readonly answers: 'window' | 'packet';
  readonly threads: number;
  /** For all chance of `fit`. */
  readonly seed?: number;
}

interface Job extends Pick<AttackContext, 'signal' | 'onProgress'> {
  readonly program: readonly string[];
  readonly limit: number;
}

/** Writes what the program is given, and runs it. */
async function perform(folder: string, task: Task, windows: Windows, { program, limit, signal, onProgress }: Job) {
  const { columns, files } = windowArrays(windows, task.task === 'fit');
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  const described = { ...task, columns: { packets: PACKET_COLUMNS.map(({ name }) => name), windows: columns } };
  writeFileSync(join(folder, 'task.json'), `${JSON.stringify(described, null, 2)}\n`);
  const name = `${task.task} command`;
  const started = performance.now();
  const tell = () =>
    onProgress?.({ task: name, done: Math.floor((performance.now() - started) / 1000), unit: 'seconds' });
  tell();
  const clock = setInterval(tell, 1000);
  try {
    await runProgram([...program, task.task, folder], { limit, signal });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`attack command: ${task.task}: ${error.message}`, { cause: error });
  } finally {
    clearInterval(clock);
  }
}

/** @throws InputError where the file is missing, or is not a row of probabilities for each window or packet */
function readAnswer(path: string, rows: number, classes: number, unit: 'window' | 'packet'): Float32Array {
  const where = `attack command: ${ANSWER}`;
  if (!isFile(path)) throw new InputError(`${where}: the program has not written it`);
  const found = decodeMatrix(readFileSync(path), where);
  if (found.rows !== rows || found.columns !== classes) {
    throw new InputError(
      `${where}: expected shape (${rows}, ${classes}), of ${unit}s and classes, found (${found.rows}, ${found.columns})`,
    );
  }
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (const value of found.values.subarray(row * classes, (row + 1) * classes)) {
      if (!(value >= 0 && value <= 1 + SUM_ERROR)) {
        throw new InputError(`${where}: ${unit} ${row}: expected a probability, found ${value}`);
      }
      sum += value;
    }
    if (sum !== 0 && Math.abs(sum - 1) > SUM_ERROR) {
      throw new InputError(`${where}: ${unit} ${row}: expected a sum of 1, or 0 for no answer, found ${sum}`);
    }
  }
  return found.values;
}

/** Files by their path within the folder. */
function readFolder(folder: string): ReadonlyMap<string, Uint8Array> {
  const paths = readdirSync(folder, { recursive: true }).map(String);
  const files = paths.filter((path) => statSync(join(folder, path)).isFile());
  return new Map(files.map((path) => [path, readFileSync(join(folder, path))]));
}

function writeFolder(folder: string, files: ReadonlyMap<string, Uint8Array>): void {
  mkdirSync(folder);
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
}
