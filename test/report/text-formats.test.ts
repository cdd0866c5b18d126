import { describe, expect, test } from 'vitest';
import { csvLines, renderCsv } from '../../src/report/csv.js';
import { renderFigures, renderStudyFigures } from '../../src/report/figures.js';
import { renderPng } from '../../src/report/kit/png.js';
import { renderMarkdown } from '../../src/report/markdown.js';
import { renderStudyCsv, renderStudyMarkdown } from '../../src/report/study-text.js';
import type { Result } from '../../src/result/result.js';
import { EDGE_CASES } from '../support/edge-cases.js';
import { DEFENSES, makeResult, makeStudy, withTransfer } from '../support/make-result.js';
import { needs, noPackage } from '../support/needs.js';

const withName = (name: string): Result => ({ ...makeResult(), dataset: { ...makeResult().dataset, name } });

/** The cell of an attack without defense, from the adversary who does better, in one seed. */
const strongerCell = ({ cells }: Result, attack: string) =>
  cells
    .filter((one) => one.defense === 'none' && one.attack === attack)
    .reduce((best, one) => (one.identification.accuracy > best.identification.accuracy ? one : best));

describe('CSV', () => {
  test('has no text that a spreadsheet would run, and numbers stay numbers', () => {
    expect(
      csvLines([
        ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', 'pad;=cmd|x', 'a-b', 'x=1'],
        [-3.2, 1e-9, 0, null, 'a,"b"', '', 'two\nlines', '−1', 'é'],
      ]),
    ).toBe(
      [
        `'=1+1,'+1,'-1,'@SUM(A1),"'\t'=1","'\r'=1","pad;'=cmd|x",a-b,x=1`,
        '-3.2,1e-9,0,,"a,""b""",,"two\nlines",−1,é\n',
      ].join('\n'),
    );
  });

  test('of a study has a cell for the setting in each row, whatever its name', () => {
    const study = makeStudy(1, { defenses: DEFENSES.slice(0, 1), attacks: ['a'], adversaries: ['static'], seeds: 1 });
    const [run] = study.runs;
    const data = { ...run!.spec.data, paths: ['=1+1\n"x"'] } as never;
    const text = renderStudyCsv({ ...study, runs: [{ ...run!, spec: { ...run!.spec, data } }] });
    expect(text).toContain(`\n"'=1+1\n""x"" napt",a,none,napt,`);
  });

  test('has a line for each cell, as wide as the line of names', () => {
    const result = makeResult();
    const [head, ...lines] = renderCsv(result).trimEnd().split('\n');
    expect(lines).toHaveLength(result.cells.length);
    for (const line of lines) expect(line.split(',')).toHaveLength(head!.split(',').length);
  });

  test('quotes labels with commas and quotes, and leaves empty what is undefined', () => {
    const first = makeResult().cells[0]!;
    const cost = { ...first.cost, bandwidthOverhead: null };
    const cell = { ...first, attack: 'rf', defense: 'pad:rule=mtu,size=1434 "x"', cost };
    const [, line] = renderCsv({ ...makeResult(), cells: [cell] }).split('\n');
    const { accuracy, accuracyLow, accuracyHigh, balancedAccuracy, macroF1, chance, majority } = cell.identification;
    const scores = [accuracy, accuracyLow, accuracyHigh, balancedAccuracy, macroF1, chance, majority].join(',');
    const label = '"pad:rule=mtu,size=1434 ""x"""';
    const start = `rf,${label},${cell.view},${cell.mix},${cell.adversary},${cell.seed},${scores},,`;
    expect(line!.slice(0, start.length)).toBe(start);
  });
});

describe('Markdown', () => {
  test('shows each defense with its accuracy, interval and cost', () => {
    const result = makeResult();
    const row = result.summary[1]!;
    const line = renderMarkdown(result)
      .split('\n')
      .find((one) => one.includes('`pad:rule=mtu`') && one.includes('random-forest'))!;
    const { mean, low, high } = row.adaptive!;
    const shown = [mean, low!, high!].map((share) => (100 * share).toFixed(1));
    expect(line).toContain(`${shown[0]} (${shown[1]}–${shown[2]})`);
    expect(line).toContain('+128.0 %');
  });

  test('has every attack by itself, with the interval of its own, and what it finds of each device', () => {
    const result = makeResult({ attacks: ['random-forest', 'blstm'], seeds: 1 });
    const lines = renderMarkdown(result).split('\n');
    const cell = (attack: string) => strongerCell(result, attack);
    // The best attack has the interval of the run, the other one that of its seed.
    const { accuracy, accuracyLow, accuracyHigh } = cell('blstm').identification;
    const own = { mean: accuracy, low: accuracyLow, high: accuracyHigh };
    const [row] = result.summary;
    expect(row!.bestAttack).toBe('random-forest');
    const shown = [row![cell('random-forest').adversary]!, own].map(({ mean, low, high }) => {
      const [at, from, to] = [mean, low!, high!].map((share) => (100 * share).toFixed(1));
      return `${at} (${from}–${to})`;
    });
    expect(shown[0]).not.toBe(shown[1]);
    const at = lines.indexOf('| attack by attack | `random-forest` | `blstm` |');
    expect(lines[at + 2]).toBe(`| \`none\` | ${shown.join(' | ')} |`);
    const [device] = Object.keys(cell('blstm').identification.perDevice);
    const recall = ['random-forest', 'blstm'].map((attack) =>
      (100 * cell(attack).identification.perDevice[device!]!.recall!).toFixed(1),
    );
    expect(lines.slice(lines.indexOf('| recall without defense | `random-forest` | `blstm` |'))).toContain(
      `| ${device} | ${recall.join(' | ')} |`,
    );
    expect(renderMarkdown(makeResult({ attacks: ['random-forest'] }))).not.toContain('attack by attack');
  });

  test('of a study has each attack in each setting without defense, beside chance and majority', () => {
    const study = makeStudy(2, { attacks: ['a', 'b'], defenses: DEFENSES.slice(0, 2), seeds: 1 });
    const text = renderStudyMarkdown({ ...study, warnings: ['home *two* is not there'] });
    expect(text).toContain('> home \\*two\\* is not there');
    const [head, , ...rows] = text
      .split('\n\n')
      .find((block) => block.startsWith('| without defense'))!
      .split('\n');
    expect(head).toBe('| without defense | `a` | `b` | chance | majority |');
    expect(rows).toHaveLength(2);
    for (const [i, run] of study.runs.entries()) {
      const [a, b] = ['a', 'b'].map((attack) => (100 * strongerCell(run, attack).identification.accuracy).toFixed(1));
      const { chance, majority } = run.summary[0]!;
      const rates = [chance, majority].map((share) => (100 * share).toFixed(1)).join(' | ');
      expect(rows[i]).toMatch(new RegExp(`^\\| home one napt.* \\| ${a} \\(.*\\) \\| ${b} \\(.*\\) \\| ${rates} \\|$`));
    }
  });

  test('groups warnings by kind, and a study says once what several settings warn of', () => {
    const left = (device: string) => `${device} is left out: too few packets`;
    const warnings = [left('Lamp'), 'cut *short*', left('Hub'), left('Plug')];
    const shown = [
      `> ${left('Lamp')}\n>\n> 2 more of this kind:\n>\n> - ${left('Hub')}\n> - ${left('Plug')}`,
      '> cut \\*short\\*',
    ].join('\n\n');
    expect(renderMarkdown({ ...makeResult(), warnings })).toContain(`\n\n${shown}\n\n`);
    const { runs, ...rest } = makeStudy(2, { attacks: ['a'], defenses: DEFENSES.slice(0, 2), seeds: 1 });
    const study = renderStudyMarkdown({ ...rest, runs: runs.map((run) => ({ ...run, warnings })) });
    expect(study.split(shown)).toHaveLength(2);
  });

  test('has tables whose lines all have as many cells as their head', () => {
    const text = renderMarkdown(withName('a|b *c* <d>'));
    expect(text).toContain('# a\\|b \\*c\\* \\<d\\>');
    for (const block of text.split('\n\n').filter((one) => one.startsWith('|'))) {
      const widths = block.split('\n').map((line) => line.replaceAll('\\|', '').split('|').length);
      expect(new Set(widths).size).toBe(1);
    }
  });
});

describe('figures', () => {
  test('carry the key of every number in them, within their frame', async () => {
    const label = (i: number) => `pad:rule=random,width=${i},with=a-name-that-has-no-room`;
    const defenses = Array.from({ length: 12 }, (_, i) => ({
      label: i === 0 ? 'none' : label(i),
      keeps: 1 - i / 20,
      bandwidth: i / 10,
      delay: i / 10,
    }));
    const made = makeResult({ defenses, attacks: ['a'], seeds: 1, devices: ['camera', 'plug'] });
    for (const { name, svg } of (await renderFigures(made)).slice(0, 2)) {
      expect(name).toMatch(/^privacy-/);
      const [, width, height] = svg.match(/viewBox="0 0 ([\d.]+) ([\d.]+)"/)!.map(Number);
      const texts = [...svg.matchAll(/<text[^>]*transform="translate\(([-\d.]+),([-\d.]+)\)[^>]*>([^<]+)<\/text>/g)];
      const numbers = new Set(texts.map(([, , , text]) => text!).filter((text) => /^\d+$/.test(text)));
      expect(numbers.size).toBeGreaterThan(5);
      const keys = texts.filter(([, , , text]) => text!.includes('with=a-name'));
      const key = keys.map(([, , , text]) => text).join(' ');
      for (const number of numbers) expect(key).toContain(`${number} ${label(Number(number) - 1)}`);
      for (const [, , y, text] of keys) {
        expect(Number(y)).toBeLessThan(height!);
        expect(text!.length * 6).toBeLessThan(width!);
      }
    }
  });

  test('are SVG files that need nothing but themselves', async () => {
    const figures = await renderFigures(withTransfer(makeResult({ attacks: ['random-forest'] })));
    expect(figures.map(({ name }) => name)).toEqual([
      'privacy-traffic',
      'privacy-delay',
      'attacks-chart',
      'home-found',
      'home-called',
      'age-accuracy',
      'age-balanced',
      'delay-distribution',
      'recall',
      'presence-map',
      'transfer-matrix',
      'confusion-undefended',
      'confusion-strongest',
    ]);
    for (const { svg } of figures) {
      expect(svg).toMatch(/^<\?xml [^>]*>\n<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/);
      expect(svg).not.toMatch(/NaN|var\(|<image|href=/);
    }
  });

  test('of a study bear the number and name of their setting', async () => {
    const figures = await renderStudyFigures(
      makeStudy(2, { attacks: ['a'], defenses: DEFENSES.slice(0, 2), seeds: 1 }),
    );
    expect(figures.map(({ name }) => name).filter((name) => name.endsWith('recall'))).toEqual([
      '1-home-one-napt-recall',
      '2-home-one-napt-window-110-recall',
    ]);
  });

  needs(noPackage('sharp')).test('become PNG of as many pixels as asked for', async () => {
    const [figure] = await renderFigures(makeResult({ seeds: 1, attacks: ['a'] }));
    const [, width, height] = figure!.svg.match(/width="(\d+)" height="(\d+)"/)!;
    for (const scale of [1, 3]) {
      const data = await renderPng(figure!.svg, scale);
      // The header of a PNG file: signature, then length and name of the first chunk, then width and height.
      const view = new DataView(data.buffer, data.byteOffset);
      expect([view.getUint32(16), view.getUint32(20)]).toEqual([Number(width) * scale, Number(height) * scale]);
    }
  });
});

test.each(Object.entries(EDGE_CASES))('no format breaks on %s', async (_, result) => {
  for (const text of [
    renderCsv(result),
    renderMarkdown(result),
    ...(await renderFigures(result)).map(({ svg }) => svg),
  ]) {
    expect(text).not.toMatch(/NaN|undefined|Infinity/);
  }
});
