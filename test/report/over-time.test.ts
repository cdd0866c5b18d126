import { describe, expect, test } from 'vitest';
import { curvesChart } from '../../src/report/charts/curves.js';
import { renderHtml } from '../../src/report/html.js';
import { html } from '../../src/report/kit/escape.js';
import { LIGHT } from '../../src/report/kit/theme.js';
import { renderMarkdown } from '../../src/report/markdown.js';
import { ageWords } from '../../src/report/over-time.js';
import type { Cell, Result } from '../../src/result/result.js';
import { DEFENSES, makeOlderResult, makeResult } from '../support/make-result.js';

const made = makeResult({ defenses: DEFENSES.slice(0, 2), attacks: ['a', 'b'], adversaries: ['adaptive'], seeds: 2 });

/** `made` with figures that differ by attack, defense and seed in round steps. */
const result: Result = withCells(made, ({ attack, defense, seed }) => {
  const share = 0.8 - (attack === 'b' ? 0.1 : 0) - (defense === 'none' ? 0 : 0.3) + 0.02 * seed;
  const age = { packets: 100, balancedAccuracy: share / 2, majority: 0.25, accuracyLow: share - 0.1 };
  return {
    ages: [
      { ...age, from: 2, to: 3600, accuracy: share, accuracyHigh: share + 0.1 },
      { ...age, from: 3600, to: 9000, accuracy: share - 0.1, accuracyHigh: null },
    ],
    wholeHome: [
      { seconds: 600, windows: 10, present: 0.5, precision: null, recall: share },
      { seconds: 3600, windows: 2, present: 0.75, precision: share, recall: 1 },
      { seconds: 9000, windows: 1, present: 1, precision: 1, recall: 1 },
    ],
  };
});

function withCells(of: Result, change: (cell: Cell) => Partial<Cell>): Result {
  return { ...of, cells: of.cells.map((cell) => ({ ...cell, ...change(cell) })) };
}

const section = (page: string, id: string) =>
  page.match(new RegExp(`<section aria-labelledby="${id}">.*?</section>`, 's'))?.[0];

const rowsOf = (text: string) =>
  [...text.matchAll(/<tr><th scope="row">(.*?)<\/tr>/g)].map(([, row]) =>
    row!
      .split(/<\/t[hd]>(?:<td[^>]*>)?/)
      .map((cell) => cell.replaceAll(/<[^>]*>/g, '').replaceAll('\u00A0', ' '))
      .slice(0, -1),
  );

describe('the age of knowledge', () => {
  test('has a row for each attack and stretch, without defense and under the strongest, means over seeds', async () => {
    const rows = rowsOf(section(await renderHtml(result), 'ages')!);
    expect(rows).toEqual([
      ['none', 'a', 'adaptive', 'up to 1 h', '100', '83.0', '72.0–94.0', '41.5', '25.0'],
      ['none', 'a', 'adaptive', '1 to 2.5 h', '100', '73.0', 'n/a', '41.5', '25.0'],
      ['none', 'b', 'adaptive', 'up to 1 h', '100', '73.0', '62.0–84.0', '36.5', '25.0'],
      ['none', 'b', 'adaptive', '1 to 2.5 h', '100', '63.0', 'n/a', '36.5', '25.0'],
      ['pad:rule=mtu', 'a', 'adaptive', 'up to 1 h', '100', '53.0', '42.0–64.0', '26.5', '25.0'],
      ['pad:rule=mtu', 'a', 'adaptive', '1 to 2.5 h', '100', '43.0', 'n/a', '26.5', '25.0'],
      ['pad:rule=mtu', 'b', 'adaptive', 'up to 1 h', '100', '43.0', '32.0–54.0', '21.5', '25.0'],
      ['pad:rule=mtu', 'b', 'adaptive', '1 to 2.5 h', '100', '33.0', 'n/a', '21.5', '25.0'],
    ]);
    expect(renderMarkdown(result)).toContain('| `pad:rule=mtu`, `b` | 43.0 / 21.5 | 33.0 / 21.5 |');
  });

  test('is shown only where the test part spans several ages', async () => {
    const single = withCells(result, ({ ages }) => ({ ages: ages!.slice(0, 1) }));
    for (const other of [single, withCells(result, () => ({ ages: null })), makeOlderResult()]) {
      expect(section(await renderHtml(other), 'ages')).toBeUndefined();
      expect(renderMarkdown(other)).not.toContain('by age');
    }
  });

  test('is told in hours and days', () => {
    const words = (from: number, to: number) =>
      ageWords({ from: from * 3600, to: to * 3600 }).replaceAll('\u00A0', ' ');
    expect(words(0, 0.5)).toBe('up to 30 min');
    expect(words(3, 6)).toBe('3 to 6 h');
    expect(words(12, 24)).toBe('12 h to 1 day');
    expect(words(24, 48)).toBe('1 to 2 days');
    expect(words(96, 24 * 6.84)).toBe('4 to 6.8 days');
  });
});

describe('the whole home', () => {
  test('has recall and precision for each attack and observation time', async () => {
    const text = section(await renderHtml(result), 'whole-home')!;
    expect(rowsOf(text).slice(0, 4)).toEqual([
      ['none', 'a', 'adaptive', '10 min', '10', '83.0', 'n/a', '50.0'],
      ['none', 'a', 'adaptive', '1 h', '2', '100.0', '83.0', '75.0'],
      ['none', 'a', 'adaptive', '2.5 h', '1', '100.0', '100.0', '100.0'],
      ['none', 'b', 'adaptive', '10 min', '10', '73.0', 'n/a', '50.0'],
    ]);
    expect(text).toContain('<abbr title="no device is called present">n/a</abbr>');
    expect(text).toContain('Dashed: without defense. Solid: with pad:<wbr>rule=<wbr>mtu. Attacks: 1 a, 2 b.');
    const line = '| `none`, `a` | 83.0 / n/a | 100.0 / 83.0 | 100.0 / 100.0 |';
    expect(renderMarkdown(result)).toContain(line);
  });

  test('is missing from results that are older than it', async () => {
    expect(section(await renderHtml(makeOlderResult()), 'whole-home')).toBeUndefined();
    expect(renderMarkdown(makeOlderResult())).not.toContain('set of devices');
  });
});

test('marks at the ends of curves are apart and within the chart, and points are drawn only where curves are few', () => {
  const layersOf = (curves: number) => {
    const chart = curvesChart(
      Array.from({ length: curves }, (_, i) => ({
        mark: String(i + 1),
        defended: i % 2 === 1,
        points: [1, 24].map((hours) => ({ time: hours * 3600, share: 0.02, told: 'x' })),
      })),
      { share: 'Share', time: 'Time' },
      { id: 'x', description: '', caption: html``, width: 350 },
    );
    return (chart.draw(350, LIGHT).spec as unknown as { layer: { data?: { values: { at: number }[] } }[] }).layer;
  };
  const at = layersOf(30)[3]!.data!.values.map((mark) => mark.at);
  for (const [i, place] of at.entries()) {
    expect(place).toBeGreaterThanOrEqual(0);
    expect(place).toBeLessThanOrEqual(1);
    if (i > 0) expect((place - at[i - 1]!) * 30 * 15).toBeGreaterThan(14.9);
  }
  expect(layersOf(30)[1]!.data!.values).toEqual([]);
  expect(layersOf(2)[1]).not.toHaveProperty('data');
});
