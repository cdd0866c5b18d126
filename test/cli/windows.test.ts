import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { beforeAll, describe, expect, test } from 'vitest';
import type { WindowsDescription } from '../../src/harness/observer/export-windows.js';
import { needs, noPython, PYTHON } from '../support/needs.js';
import { homeveilHere, temporaryFolder } from '../support/run-cli.js';

const folder = temporaryFolder();
const out = join(folder, 'windows');
const home = ['--hours', '0.3', '--minimum-packets', '20'];
const PARTS = ['train', 'test'] as const;

const describedIn = (path: string): WindowsDescription => JSON.parse(readFileSync(join(path, 'windows.json'), 'utf8'));
const table = (path: string, name: string) => tableFromIPC(readFileSync(join(path, name)));

/** The values behind the header of an array of four-byte numbers. */
function array(path: string, name: string, Type: typeof Int32Array | typeof Float32Array) {
  const bytes = readFileSync(join(out, path, `${name}.npy`));
  return new Type(Uint8Array.from(bytes.subarray(10 + bytes.readUInt16LE(8))).buffer);
}

beforeAll(async () => {
  const run = await homeveilHere('windows', ...home, '--attack', 'window-forest:packets=20', '--out', out);
  expect([run.stderr, run.status]).toEqual(['', 0]);
  expect(run.stdout).toMatch(/^train +[\d,]+ +[\d,]+$/m);
});

describe.each(PARTS)('the part %s', (part) => {
  test('has as many rows as is said, and the columns that are described', () => {
    const { parts, columns } = describedIn(out);
    for (const [name, rows] of Object.entries(parts[part]!)) {
      const found = table(join(out, part), `${name}.arrow`);
      expect(found.numRows).toBe(rows);
      expect(rows).toBeGreaterThan(50);
      const described = columns[`${name}.arrow`]!;
      expect(found.schema.fields.map((field) => field.name)).toEqual(described.map((column) => column.name));
      expect(described.every(({ unit }) => unit !== '')).toBe(true);
    }
  });

  test('has windows of one flow, with the label of most of their packets', () => {
    const windows = table(join(out, part), 'windows.arrow');
    const packets = table(join(out, part), 'packets.arrow');
    const labels = [...packets.getChild('label')!];
    const streams = [...packets.getChild('stream')!];
    for (const { start, count, label } of windows) {
      expect(count).toBeLessThanOrEqual(20);
      expect(new Set(streams.slice(start, start + count)).size).toBe(1);
      const own = labels.slice(start, start + count);
      const times = (one: string) => own.filter((other) => other === one).length;
      expect(times(label)).toBe(Math.max(...own.map(times)));
    }
  });

  test('has the same numbers in its arrays', () => {
    const { classes, columns } = describedIn(out);
    for (const [name, labels] of [
      ['packets', 'packet-labels'],
      ['windows', 'labels'],
    ] as const) {
      const inTable = table(join(out, part), `${name}.arrow`);
      const values = array(part, name, Float32Array);
      const names = columns[`${name}.npy`]!.map((column) => column.name);
      for (const [c, column] of names.entries()) {
        const expected = Float32Array.from(inTable.getChild(column)!);
        expect(values.filter((_, i) => i % names.length === c)).toEqual(expected);
      }
      expect([...array(part, labels, Int32Array)].map((label) => classes[label] ?? null)).toEqual([
        ...inTable.getChild('label')!,
      ]);
    }
  });

  test('tells intervals within a stream, and no date', () => {
    const packets = table(join(out, part), 'packets.arrow');
    const [time, interval, stream] = ['time', 'interval', 'stream'].map((name) => [...packets.getChild(name)!]);
    expect(Math.min(...time!)).toBe(0);
    for (let row = 0; row < packets.numRows; row++) {
      const isFirst = row === 0 || stream![row] !== stream![row - 1];
      expect(interval![row]).toBeCloseTo(isFirst ? 0 : time![row] - time![row - 1], 3);
    }
  });
});

test('the text says what each class and column is', () => {
  const text = readFileSync(join(out, 'README.txt'), 'utf8');
  const { classes, columns } = describedIn(out);
  for (const [i, name] of classes.entries()) expect(text).toContain(`\n  ${i}: ${name}\n`);
  for (const { name, unit } of [...columns['packets.arrow']!, ...columns['windows.arrow']!]) {
    expect(text).toContain(`\n  ${name}: ${unit}\n`);
  }
});

needs(noPython('numpy')).test('NumPy reads the arrays', () => {
  const { parts, columns } = describedIn(out);
  const program = `import numpy as np, json, sys
a = {n: np.load(sys.argv[1] + '/train/' + n + '.npy') for n in ('packets', 'time', 'windows', 'labels', 'streams')}
print(json.dumps([[str(v.dtype), list(v.shape)] for v in a.values()] + [int(a['streams'][-1])]))`;
  const { packets, windows } = parts.train!;
  expect(JSON.parse(execFileSync(PYTHON, ['-c', program, out], { encoding: 'utf8' }))).toEqual([
    ['float32', [packets, 11]],
    ['float64', [packets]],
    ['float32', [windows, columns['windows.npy']!.length]],
    ['int32', [windows]],
    ['int32', expect.any(Array)],
    packets,
  ]);
});

test('an attack that sees addresses gets them, under a defense, and all of the data trains if asked for', async () => {
  const path = join(folder, 'endpoint');
  const asked = ['--attack', 'endpoint', '--defense', 'pad:rule=mtu', '--train-share', '1', '--out', path, '--json'];
  const { stdout, status } = await homeveilHere('windows', ...home, ...asked);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toEqual(describedIn(path));
  expect(describedIn(path)).toMatchObject({ attack: 'endpoint', defense: 'pad:rule=mtu', parts: { test: null } });
  expect(existsSync(join(path, 'test'))).toBe(false);
  const packets = table(join(path, 'train'), 'packets.arrow');
  expect([...packets.getChild('remote')!].every((address) => /^[\d.]+$/.test(address))).toBe(true);
  expect(new Set(packets.getChild('length')!)).toContain(1514);
});

test('windows replace windows, for their owner alone', async () => {
  const { status } = await homeveilHere('windows', ...home, '--attack', 'window-forest:packets=50', '--out', out);
  expect(status).toBe(0);
  expect(describedIn(out).cut).toMatchObject({ size: 50, stride: 13, step: 50, unit: 'packets', streams: 'flow' });
  expect(statSync(join(out, 'train', 'windows.arrow')).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
});

test.each([
  [['--view', 'vpn'], 1, 'attack window-forest: needs devices or flows, which the view vpn does not tell apart'],
  [['--attack', 'window-forrest'], 2, 'did you mean "window-forest"?'],
  [['--labels', 'labels.csv'], 2, '--labels'],
])('%j is refused in one line', async (args, code, message) => {
  const path = join(folder, 'none');
  const { status, stdout, stderr } = await homeveilHere('windows', ...home, ...args, '--out', path);
  expect([status, stdout, stderr]).toEqual([code, '', expect.stringMatching(/^homeveil: [^\n]*\n$/)]);
  expect(stderr).toContain(message);
  expect(existsSync(path)).toBe(false);
});

test('a folder with anything else in it stays as it is', async () => {
  const path = join(folder, 'thesis');
  mkdirSync(path);
  writeFileSync(join(path, 'README.txt'), 'mine');
  const { stderr, status } = await homeveilHere('windows', ...home, '--out', path);
  expect([status, stderr]).toEqual([
    2,
    `homeveil: ${path}: expected a new folder, an empty one or one of windows, found "README.txt" in it\n`,
  ]);
  expect(readFileSync(join(path, 'README.txt'), 'utf8')).toBe('mine');
});
