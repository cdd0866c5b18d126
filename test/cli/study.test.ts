import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import type { StudyResult } from '../../src/result/result.js';
import {
  homeveil,
  homeveilHere,
  shellCode,
  startHomeveil,
  temporaryFolder,
  watchHomeveil,
} from '../support/run-cli.js';

const STUDY = `
name: A small study
datasets: [{ hours: 0.15 }]
views: [napt, vpn]
attacks: [random-forest:trees=5]
defenses: [none, { name: jitter, delay: [0.1, 0.5] }]
minimumPackets: 10
`;

function folderWith(study: string): { file: string; out: string; folder: string } {
  const folder = temporaryFolder();
  const file = join(folder, 'study.yaml');
  writeFileSync(file, study);
  return { folder, file, out: join(folder, 'out') };
}

function readResult(out: string): StudyResult {
  return JSON.parse(readFileSync(join(out, 'result.json'), 'utf8'));
}

/** Without what may differ between two runs of the same study. */
const withoutTimes = ({ runs, ...rest }: StudyResult) => ({
  ...rest,
  runs: runs.map(({ cells, ...run }) => ({ ...run, cells: cells.map(({ seconds: _, ...cell }) => cell) })),
});

describe('a study', () => {
  const { file, out } = folderWith(STUDY);
  let whole: StudyResult;
  beforeAll(async () => {
    const run = await homeveilHere('bench', file, '--out', out);
    expect([run.status, run.stderr]).toEqual([0, '']);
    whole = readResult(out);
  });

  test('leaves one result, an overview, and a report for each setting that it links to', () => {
    expect(readdirSync(out).sort()).toEqual([
      '1-synthetic-0-15-h-napt.html',
      '2-synthetic-0-15-h-vpn.html',
      'cache',
      'report.html',
      'result.json',
    ]);
    expect(whole).toMatchObject({ schemaVersion: 1, kind: 'study', name: 'A small study' });
    expect(whole.runs.map(({ spec, cells }) => [spec.view.name, cells.length])).toEqual([
      ['napt', 6],
      ['vpn', 6],
    ]);
    const page = readFileSync(join(out, 'report.html'), 'utf8');
    for (const link of page.matchAll(/href="([^"#:]+\.html)"/g)) expect(existsSync(join(out, link[1]!))).toBe(true);
    expect(page.replaceAll('<wbr>', '')).toContain('jitter:delay=0.5');
  });

  test('goes on where it was killed, and ends with what a run in one go gives', async () => {
    const killed = folderWith(STUDY);
    const child = startHomeveil('bench', killed.file, '--out', killed.out);
    const cache = join(killed.out, 'cache');
    while (!existsSync(cache) || readdirSync(cache).filter((name) => name.endsWith('.json')).length < 3) {
      await setTimeout(20);
      if (child.exitCode !== null) throw new Error('it ended before it could be killed');
    }
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    expect(existsSync(join(killed.out, 'result.json'))).toBe(false);
    expect(homeveil('bench', killed.file, '--out', killed.out).status).toBe(0);
    const spec = (result: StudyResult) => JSON.parse(JSON.stringify(withoutTimes(result)));
    expect(spec(readResult(killed.out))).toEqual(spec(whole));
  });

  test('that has changed runs what is new only', async () => {
    const before = readdirSync(join(out, 'cache')).length;
    writeFileSync(file, STUDY.replace('[0.1, 0.5]', '[0.1, 0.5, 1]'));
    expect((await homeveilHere('bench', file, '--out', out)).status).toBe(0);
    // In each of two views: two cells and the metrics of the new defense.
    expect(readdirSync(join(out, 'cache')).length).toBe(before + 2 * 3);
    expect(readResult(out).runs[0]!.summary.map((row) => row.defense)).toEqual([
      'none',
      'jitter:delay=0.1',
      'jitter:delay=0.5',
      'jitter:delay=1',
    ]);
  });

  test('becomes a page, Markdown or CSV again from its result', async () => {
    const folder = join(temporaryFolder(), 'again');
    const run = await homeveilHere('report', out, '--format', 'html', 'markdown', 'csv', '--out', folder);
    expect([run.status, run.stderr]).toEqual([0, '']);
    expect(readFileSync(join(folder, 'report.md'), 'utf8')).toContain('# A small study');
    const page = readFileSync(join(folder, 'report.html'), 'utf8');
    const links = [...page.matchAll(/href="([^"#:]+\.html)"/g)].map(([, link]) => link!);
    expect(links).toHaveLength(2);
    for (const link of links) expect(existsSync(join(folder, link))).toBe(true);
    const [head, first] = readFileSync(join(folder, 'cells.csv'), 'utf8').split('\n');
    expect(head).toMatch(/^setting,attack,defense/);
    expect(first).toMatch(/^synthetic 0\.15 h napt,random-forest:trees=5,none/);
  });
});

test('a network that was trained is not trained again for another defense', async () => {
  const small = `
datasets: [{ hours: 0.15 }]
attacks: [{ name: lstm, hidden: 4, layers: 1, epochs: 1 }]
adversaries: [static]
defenses: [none]
minimumPackets: 10
`;
  const { file, out } = folderWith(small);
  expect((await homeveilHere('bench', file, '--out', out)).status).toBe(0);
  const [first] = readResult(out).runs[0]!.cells;
  writeFileSync(file, small.replace('[none]', '[none, jitter]'));
  expect((await homeveilHere('bench', file, '--out', out)).status).toBe(0);
  const [same, other] = readResult(out).runs[0]!.cells;
  expect(same).toEqual(first);
  expect(other!.seconds.fit).toBe(first!.seconds.fit);
  expect(other!.insight).toEqual(first!.insight);
  // The result of a run in one go.
  const whole = folderWith(small.replace('[none]', '[none, jitter]'));
  expect((await homeveilHere('bench', whole.file, '--out', whole.out)).status).toBe(0);
  expect(withoutTimes(readResult(whole.out))).toEqual(withoutTimes(readResult(out)));
});

test('a dataset that may be missing, and is, is told on the terminal, in the result and in the report', async () => {
  const gone = '{ data: gone, labels: folder, optional: true }';
  const { file, out, folder } = folderWith(`
datasets: [{ hours: 0.15 }, ${gone}]
attacks: [random-forest:trees=5]
adversaries: [static]
minimumPackets: 10
`);
  const warning = `${join(folder, 'gone')} is not there: its dataset is left out`;
  const run = await homeveilHere('bench', file, '--out', out);
  expect([run.status, run.stderr]).toEqual([0, `warning: ${warning}\n`]);
  const { runs, warnings } = readResult(out);
  expect([runs.length, warnings]).toEqual([1, [warning]]);
  expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain(`<li>${warning}</li>`);
  expect((await homeveilHere('report', out, '--format', 'markdown', '--stdout')).stdout).toContain(`> ${warning}`);
});

test('a dry run shows the plan and leaves nothing behind', async () => {
  const { file, out } = folderWith(STUDY);
  const run = await homeveilHere('bench', file, '--out', out, '--dry-run', '--threads', '2');
  expect([run.status, run.stderr]).toEqual([0, '']);
  expect(run.stdout).toMatch(/\n12 cells, about [\d.]+ (ms|s|min .*) on 2 threads; nothing was run\n$/);
  expect(existsSync(out)).toBe(false);
});

test('a dry run does not wait for a long training', async () => {
  const { file, out } = folderWith(`
datasets: [{ hours: 0.15 }]
attacks: [{ name: lstm, hidden: 4, layers: 1, steps: 1000000 }]
adversaries: [static]
defenses: [none]
minimumPackets: 10
`);
  const { seconds } = JSON.parse(
    (await homeveilHere('bench', file, '--out', out, '--dry-run', '--json', '--threads', '1')).stdout,
  );
  // A million steps in less than 0.1 ms each there are not.
  expect(seconds).toBeGreaterThan(100);
});

test('a dry run tells what an earlier run has left, and adds nothing to it', async () => {
  const { file, out } = folderWith(STUDY.replace('[napt, vpn]', '[napt]'));
  expect((await homeveilHere('bench', file, '--out', out)).status).toBe(0);
  const before = readdirSync(join(out, 'cache')).length;
  const all = JSON.parse((await homeveilHere('bench', file, '--out', out, '--dry-run', '--json')).stdout);
  expect(all).toMatchObject({ cells: 6, kept: 6, seconds: 0 });
  writeFileSync(file, readFileSync(file, 'utf8').replace('[0.1, 0.5]', '[0.1, 0.5, 1]'));
  const more = JSON.parse((await homeveilHere('bench', file, '--out', out, '--dry-run', '--json')).stdout);
  expect(more).toMatchObject({
    cells: 8,
    kept: 6,
    settings: [{ setting: 'synthetic 0.15 h napt', cells: 8, kept: 6 }],
  });
  expect(more.seconds).toBeGreaterThan(0);
  expect(readdirSync(join(out, 'cache'))).toHaveLength(before);
});

test('a cell that fails is told, and the others are run', async () => {
  const { file, folder, out } = folderWith(`${STUDY.replace('[napt, vpn]', '[napt]')}plugins: [./broken.mjs]\n`);
  writeFileSync(
    join(folder, 'broken.mjs'),
    `import { defineDefense, z } from 'homeveil';
export default defineDefense({
  name: 'broken', summary: 'Breaks.', source: 'a test', scope: 'home', removedAt: 'nowhere', parameters: z.object({}),
  create: () => ({ packet() { throw new Error('on purpose'); } }),
});`,
  );
  writeFileSync(file, readFileSync(file, 'utf8').replace('[none,', '[none, broken,'));
  const run = await homeveilHere('bench', file, '--out', out);
  expect(run.status).toBe(1);
  const [{ cells, failures, summary, warnings }] = readResult(out).runs as [StudyResult['runs'][number]];
  expect(cells.map((cell) => cell.defense)).not.toContain('broken');
  expect(summary.map((row) => row.defense)).toEqual(['none', 'jitter:delay=0.1', 'jitter:delay=0.5']);
  expect(failures!.map(({ attack, adversary }) => [attack, adversary])).toEqual([
    ['random-forest:trees=5', 'static'],
    ['random-forest:trees=5', 'adaptive'],
    [null, null],
  ]);
  expect(warnings.join('\n')).toMatch(/under broken, seed 1, could not be run: .*on purpose/);
  rmSync(folder, { recursive: true });
});

test.each<[string[], RegExp]>([
  [['--view', 'vpn'], /--view: with a study, it stands in the file/],
  [['--memory', 'much'], /--memory: expected a size such as 100MB or 4GB, found "much"/],
  [['--train-share', '0.5'], /--train-share: with a study, it stands in the file/],
  [['--seeds', '2'], /--seeds: with a study, it stands in the file/],
])('%j beside a study is a usage error in one line', async (args, message) => {
  const { file, out } = folderWith(STUDY);
  const run = await homeveilHere('bench', file, '--out', out, ...args);
  expect(run.status).toBe(2);
  expect(run.stderr).toMatch(message);
  expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
});

test('SIGINT and SIGTERM end networks that learn in threads of their own in order', async () => {
  const { file, folder } = folderWith(`
datasets: [{ hours: 1 }]
views: [napt, vpn]
attacks: [{ name: lstm, steps: 1000000, patience: 1000 }]
defenses: [none]
adversaries: [static]
`);
  const runs = (
    [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const
  ).map(([signal, code]) => {
    const out = join(folder, signal);
    return { signal, code, out, ...watchHomeveil('bench', file, '--out', out, '--threads', '2') };
  });
  await Promise.all(
    runs.map(async ({ signal, code, out, child, printed }) => {
      // Begun, and then some: networks learn.
      while (!existsSync(join(out, 'cache'))) await setTimeout(100);
      await setTimeout(4000);
      const closed = shellCode(child);
      child.kill(signal);
      expect([await closed, printed.stdout, printed.stderr]).toEqual([
        code,
        '',
        `homeveil: interrupted; the same command goes on with what ${join(out, 'cache')} has\n`,
      ]);
      expect(readdirSync(out)).toEqual(['cache']);
    }),
  );
});

describe('a setting that cannot be run', () => {
  const { file, out } = folderWith(STUDY.replace('[napt, vpn]', '[napt]').replace('[{', '[{ hours: 0.005 }, {'));
  const reason = 'expected at least two devices with 10 packets or more on both sides of the split, found 0 of 14';
  const told = `synthetic 0.005 h napt: could not be run: ${reason}`;

  test('is told at once, in the result and in the report, and the others are run', async () => {
    const run = await homeveilHere('bench', file, '--out', out);
    expect([run.status, run.stderr]).toEqual([1, `warning: ${told}\n`]);
    expect(run.stdout.replaceAll(/\s+/g, ' ')).toContain(`warning: ${told}`);
    const { runs, failures, warnings } = readResult(out);
    expect(runs.map(({ dataset, cells }) => [dataset.name, cells.length])).toEqual([
      ['synthetic home, 0.15 h, seed 1', 6],
    ]);
    expect(failures).toEqual([{ setting: 'synthetic 0.005 h napt', message: reason }]);
    expect(warnings).toEqual([told]);
    const page = await homeveilHere('report', out, '--out', join(out, 'again'));
    expect(page.status).toBe(0);
    expect(readFileSync(join(out, 'again', 'report.html'), 'utf8')).toContain(told);
  });

  test('is told by a dry run, and counts no cell', async () => {
    const plan = await homeveilHere('bench', file, '--out', `${out}-dry`, '--dry-run', '--json');
    expect(plan.status).toBe(1);
    expect(JSON.parse(plan.stdout)).toMatchObject({
      cells: 6,
      settings: [
        { cells: 0, failure: reason },
        { cells: 6, failure: null },
      ],
    });
  });

  test('ends the run where there is no other', async () => {
    writeFileSync(file, readFileSync(file, 'utf8').replace(', { hours: 0.15 }', ''));
    for (const more of [[], ['--dry-run']]) {
      const run = await homeveilHere('bench', file, '--out', `${out}-none`, ...more);
      expect([run.status, run.stdout]).toEqual([1, '']);
      expect(run.stderr).toContain(`homeveil: ${reason}\n`);
      expect(existsSync(join(`${out}-none`, 'result.json'))).toBe(false);
    }
  });
});
