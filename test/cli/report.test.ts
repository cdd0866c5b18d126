import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, View } from 'vega';
import { compile } from 'vega-lite';
import { expect, test } from 'vitest';
import { renderFigures } from '../../src/report/figures.js';
import { renderHtml } from '../../src/report/html.js';
import { makeResult } from '../support/make-result.js';
import { homeveil, homeveilHere, temporaryFolder } from '../support/run-cli.js';

const result = makeResult();

function folderWithResult(): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'result.json'), JSON.stringify(result));
  return folder;
}

test('a result becomes the report that bench would have written beside it', async () => {
  const folder = folderWithResult();
  const run = homeveil('report', folder);
  expect([run.status, run.stderr, run.stdout]).toEqual([0, '', `${join(folder, 'report.html')}\n`]);
  expect(readFileSync(join(folder, 'report.html'), 'utf8')).toBe(await renderHtml(result));
});

test('several formats go where the user says, by the file of the result too', async () => {
  const folder = folderWithResult();
  const out = join(folder, 'for the paper');
  const run = await homeveilHere(
    'report',
    join(folder, 'result.json'),
    '--format',
    'markdown',
    'csv',
    'svg',
    '--out',
    out,
  );
  expect([run.status, run.stderr]).toEqual([0, '']);
  expect(readdirSync(out).sort()).toEqual([
    'age-accuracy.svg',
    'age-balanced.svg',
    'attacks-chart.svg',
    'cells.csv',
    'confusion-strongest.svg',
    'confusion-undefended.svg',
    'delay-distribution.svg',
    'home-called.svg',
    'home-found.svg',
    'presence-map.svg',
    'privacy-delay.svg',
    'privacy-traffic.svg',
    'recall.svg',
    'report.md',
  ]);
});

test('the specification of each figure is a file that draws it', async () => {
  const folder = folderWithResult();
  expect((await homeveilHere('report', folder, '--format', 'vega-lite')).status).toBe(0);
  const figures = await renderFigures(result);
  expect(readdirSync(folder).filter((name) => name.endsWith('.vl.json'))).toHaveLength(figures.length);
  for (const { name, svg } of figures) {
    const spec = JSON.parse(readFileSync(join(folder, `${name}.vl.json`), 'utf8'));
    const view = new View(parse(compile(spec).spec), { renderer: 'none' });
    expect(svg).toContain(await view.toSVG());
  }
});

test('Markdown on stdout is nothing but Markdown, and no file is written', async () => {
  const folder = folderWithResult();
  const run = await homeveilHere('report', folder, '--format', 'markdown', '--stdout');
  expect([run.status, run.stderr]).toEqual([0, '']);
  expect(run.stdout).toMatch(/^# captures\/home one\n/);
  expect(readdirSync(folder)).toEqual(['result.json']);
});

test('what is no result gets one line, and nothing is written', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'empty'));
  writeFileSync(join(folder, 'other.json'), '{"schemaVersion":1}');
  const cases: [string[], number, RegExp][] = [
    [[join(folder, 'empty')], 1, /empty\/result\.json: cannot be read: no such file or directory/],
    [[join(folder, 'other.json')], 1, /other\.json: .*expected/],
    [[folderWithResult(), '--stdout', '--format', 'svg'], 2, /--stdout: expected one format of text, found svg/],
    [
      [folderWithResult(), '--format', 'pdf'],
      2,
      /--format: expected html, markdown, csv, svg, png or vega-lite, found "pdf"/,
    ],
    [
      [folderWithResult(), '--format', 'png', '--scale', '99'],
      2,
      /--scale: expected a number from 0\.5 to 10, found 99/,
    ],
  ];
  for (const [args, status, message] of cases) {
    const run = await homeveilHere('report', ...args, '--out', join(folder, 'out'));
    expect(run.status).toBe(status);
    expect(run.stderr).toMatch(message);
    expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(existsSync(join(folder, 'out'))).toBe(false);
  }
});
