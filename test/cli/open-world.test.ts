import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Cell, Result, StudyResult } from '../../src/result/result.js';
import { homeveilHere, temporaryFolder } from '../support/run-cli.js';

const SMALL = ['--hours', '0.3', '--minimum-packets', '5', '--attack', 'random-forest:trees=5'];

async function bench(...args: string[]) {
  const out = temporaryFolder();
  const run = await homeveilHere('bench', ...SMALL, ...args, '--out', out);
  const read = () => JSON.parse(readFileSync(join(out, 'result.json'), 'utf8')) as Result;
  return { ...run, out, read };
}

const withoutTimes = ({ seconds: _, ...cell }: Cell) => cell;

describe('an open world', () => {
  const args = ['--unknown', '3', '--seeds', '2', '--defense', 'none', '--defense', 'pad:rule=mtu'];
  let run: Awaited<ReturnType<typeof bench>>;
  let result: Result;
  beforeAll(async () => {
    run = await bench(...args, '--adversary', 'static', 'adaptive', 'transfer');
    expect([run.status, run.stderr]).toEqual([0, '']);
    result = run.read();
  });

  const heldOut = (cell: Cell) => Object.keys(cell.openWorld!.perUnknown).sort();
  const known = (cell: Cell) => Object.keys(cell.identification.perDevice);

  test('holds out as many devices as asked for, others in each seed, and knows the rest', () => {
    const all = result.dataset.devices.filter(({ test }) => test > 0).map(({ name }) => name);
    for (const cell of result.cells) {
      expect(heldOut(cell)).toHaveLength(3);
      expect(known(cell)).toEqual([...all.filter((name) => !heldOut(cell).includes(name)), 'unknown']);
      expect(cell.identification.classes).toEqual(known(cell));
      expect(Object.keys(cell.presence!.perDevice)).toEqual(known(cell).slice(0, -1));
    }
    const of = (seed: number) =>
      new Set(result.cells.filter((cell) => cell.seed === seed).map((one) => String(heldOut(one))));
    expect([of(1).size, of(2).size]).toEqual([1, 1]);
    expect([...of(1)]).not.toEqual([...of(2)]);
  });

  test('adds up: accuracy is of known packets that are named and of unknown ones that are noticed', () => {
    for (const { identification, openWorld } of result.cells) {
      const { perDevice, accuracy, chance } = identification;
      const total = Object.values(perDevice).reduce((sum, { support }) => sum + support, 0);
      const right = Object.values(perDevice).reduce((sum, { recall, support }) => sum + recall! * support, 0);
      expect(accuracy).toBeCloseTo(right / total, 9);
      expect(chance).toBeCloseTo(1 / Object.keys(perDevice).length, 12);
      const packets = Object.values(openWorld!.perUnknown).reduce((sum, { support }) => sum + support, 0);
      expect(packets).toBe(perDevice.unknown!.support);
      expect(openWorld!.recall).toBe(perDevice.unknown!.recall);
      expect(openWorld!.oscr).toBeLessThanOrEqual(openWorld!.known.accuracy);
      expect(openWorld!.curve.at(-1)).toBeCloseTo(openWorld!.known.accuracy, 9);
      expect(openWorld!.falseAlarms).toBeLessThan(0.5);
    }
    expect(result.transfer).toHaveLength(2);
  });

  test('gives the same numbers again, whatever else is run', async () => {
    const part = ['--unknown', '3', '--seeds', '2', '--defense', 'none', '--adversary', 'adaptive', '--threads', '1'];
    const again = (await bench(...part)).read().cells.map(withoutTimes);
    const before = result.cells.filter((cell) => cell.defense === 'none' && cell.adversary === 'adaptive');
    expect(again).toEqual(before.map(withoutTimes));
  });

  test('is told in the table and the report', () => {
    const text = run.stdout.replaceAll(/\s+/g, ' ');
    expect(text).toContain('Open world, held out from training: 3 of the devices in each seed.');
    expect(text).toContain('defense known named % auroc oscr unknown found % false alarms %');
    expect(text).toMatch(/warning: open world: 6 of 1\d devices were held out/);
    expect(readFileSync(join(run.out, 'report.html'), 'utf8')).toContain('<h2 id="open-world">');
  });
});

test('named devices are held out in every seed, for any view, mix and attack that stops early', async () => {
  const names = ['360 camera', 'Echo Dot'];
  const run = await bench(
    ...['--unknown', ...names, '--defense', 'none', '--defense', 'vpn', '--adversary', 'adaptive', '--mix', 'flow'],
    ...['--attack', 'lstm:epochs=1'],
  );
  expect([run.status, run.stderr]).toEqual([0, '']);
  const { cells, spec } = run.read();
  expect(spec.unknown).toEqual(names);
  expect(cells.map(({ attack, defense }) => `${attack} ${defense}`)).toHaveLength(4);
  for (const cell of cells) expect(Object.keys(cell.openWorld!.perUnknown).sort()).toEqual(names);
});

test('a study compares it with the closed world, each kept by itself', async () => {
  const folder = temporaryFolder();
  const file = join(folder, 'study.yaml');
  writeFileSync(
    file,
    `
datasets: [{ hours: 0.3 }, { hours: 0.3, unknown: 2 }, { hours: 0.3, unknown: [Echo Dot] }]
attacks: [random-forest:trees=5]
minimumPackets: 5
`,
  );
  const out = join(folder, 'out');
  expect(await homeveilHere('bench', file, '--out', out)).toMatchObject({ status: 0, stderr: '' });
  const { runs }: StudyResult = JSON.parse(readFileSync(join(out, 'result.json'), 'utf8'));
  const counts = runs.map(({ cells }) => cells.map(({ openWorld }) => Object.keys(openWorld?.perUnknown ?? {}).length));
  expect(counts).toEqual([
    [0, 0],
    [2, 2],
    [1, 1],
  ]);
});

test.each([
  [['--unknown', 'Echo Dto'], 2, /--unknown: no device is called "Echo Dto" \(did you mean "Echo Dot"\?\); there is /],
  [['--unknown', '99'], 2, /--unknown: expected at most \d+ of \d+ devices, so that two are known, found 99/],
  [['--unknown', 'Tablet'], 1, /--unknown Tablet: expected at least 5 packets to test on, found 0/],
  [['--unknown', '0'], 2, /--unknown: expected a whole number, at least 1, found 0/],
])('%j is refused in one line', async (args, status, message) => {
  const run = await bench(...args);
  expect(run.status).toBe(status);
  expect(run.stderr).toMatch(message);
  expect(run.stderr.trim().split('\n')).toHaveLength(1);
});
