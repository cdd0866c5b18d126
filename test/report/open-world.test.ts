import { describe, expect, test } from 'vitest';
import { renderCsv } from '../../src/report/csv.js';
import { renderFigures } from '../../src/report/figures.js';
import { renderHtml } from '../../src/report/html.js';
import { renderMarkdown } from '../../src/report/markdown.js';
import { renderStudyMarkdown } from '../../src/report/study-text.js';
import { parseResult } from '../../src/result/parse.js';
import { makeResult } from '../support/make-result.js';

const result = makeResult({ unknown: 2, seeds: 2 });
const row = result.summary[0]!;
const cells = result.cells.filter(
  (cell) => cell.defense === 'none' && cell.attack === row.bestAttack && cell.adversary === row.adversary,
);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('a report on an open world', () => {
  test('has a section with the means over seeds, and each device that was held out', async () => {
    const page = await renderHtml(result);
    const section = page.slice(page.indexOf('<h2 id="open-world">')).split('</section>')[0]!;
    const first = section.match(/<tr><th scope="row">none<\/th>(.*?)<\/tr>/s)![1]!;
    const figures = [...first.matchAll(/<td class="num">(.*?)<\/td>/g)].map(([, figure]) => figure);
    const of = (digits: number, scale: number, pick: (cell: (typeof cells)[number]) => number) =>
      (scale * mean(cells.map(pick))).toFixed(digits);
    expect(figures).toEqual([
      (100 * row.accuracy.mean).toFixed(1),
      of(1, 100, (cell) => cell.openWorld!.known.accuracy),
      of(2, 1, (cell) => cell.openWorld!.auroc!),
      of(2, 1, (cell) => cell.openWorld!.oscr!),
      of(1, 100, (cell) => cell.openWorld!.recall!),
      '12.0',
    ]);
    for (const name of ['Echo Dot', 'Google Home', 'Tmall assistant', 'Xiaomi hub']) expect(section).toContain(name);
    expect(section).not.toContain('360 camera');
    expect(section).toContain('taken for Tmall assistant');
    expect(section).toContain('id="open-world-chart"');
  });

  test('counts the home’s devices, and not “unknown”', async () => {
    const page = await renderHtml(result);
    expect(page).toContain('<li>12\u00A0devices</li><li>open world</li>');
    const presence = page.slice(page.indexOf('<h2 id="presence">')).split('</section>')[0]!;
    expect(presence).not.toContain('>unknown<');
  });

  test('says what accuracy means there', async () => {
    expect(await renderHtml(result)).toContain('or, for one that was held out, with “unknown”');
    expect(await renderHtml(makeResult())).not.toMatch(/open world|OSCR/i);
  });

  test('has its numbers as Markdown, CSV and a figure', async () => {
    const { known, auroc, oscr, recall, falseAlarms } = cells[0]!.openWorld!;
    const [head, ...lines] = renderCsv({ ...result, cells: [cells[0]!] }).split('\n');
    const at = head!.split(',').indexOf('open_known_accuracy');
    const numbers = [known.accuracy, auroc, oscr, recall, falseAlarms].map(String);
    expect(lines[0]!.split(',').slice(at, at + 5)).toEqual(numbers);
    const closed = renderCsv(makeResult()).split('\n')[1]!;
    expect(closed.split(',').slice(at, at + 5)).toEqual(['', '', '', '', '']);

    const line = renderMarkdown(result).match(/^\| open world .*\n.*\n\| `none` \| (.*) \|$/m)![1]!;
    expect(line.split(' | ')[1]).toBe(mean(cells.map((cell) => cell.openWorld!.auroc!)).toFixed(2));
    expect(renderMarkdown(makeResult())).not.toMatch(/open world/i);
    expect((await renderFigures(result)).map(({ name }) => name)).toContain('open-world-chart');
  });

  test('is read back as it was written, and told from the closed world in a study', () => {
    const text = JSON.stringify(result);
    expect(JSON.stringify(parseResult(text, 'r.json'))).toBe(text);
    expect(() => parseResult(text.replace('"oscr":', '"oscar":'), 'r.json')).toThrow(
      /^r\.json: cells\[0\]\.openWorld\.oscr: expected number/,
    );
    const { tool, environment } = result;
    const runs = [makeResult(), result];
    const study = renderStudyMarkdown({ schemaVersion: 1, kind: 'study', name: '', tool, environment, runs });
    expect(study).toContain('| defense | home one napt | home one napt 2 unknown |');
  });
});
