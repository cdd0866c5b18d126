import type { Result } from '../../result/result.js';
import { curvesChart } from '../charts/curves.js';
import { breakable, type Html, html } from '../kit/escape.js';
import { type Chart, renderFigure } from '../kit/figure.js';
import { count, firstOf, isNumber, percent, percentage } from '../kit/format.js';
import { renderBySetting, renderSection, type Subject } from '../kit/panels.js';
import { orReason, renderTable } from '../kit/table.js';
import { agesOf, ageWords } from '../over-time.js';
import { lineWords, markOf } from './curves.js';

const SCORES = [
  { id: 'age-accuracy', key: 'accuracy', name: 'Accuracy' },
  { id: 'age-balanced', key: 'balancedAccuracy', name: 'Balanced accuracy' },
] as const;

/** Identification by the time since training; empty where the test part spans a single age. */
export async function renderAges(subject: Subject): Promise<Html> {
  const content = await renderBySetting(subject, async (result, place) => {
    const charts = ageCharts(result);
    if (charts.length === 0) return null;
    const figures = await Promise.all(charts.map((chart) => renderFigure(chart, place)));
    return html`<div class="pair">
${figures}</div>
${renderRows(result)}`;
  });
  return renderSection('ages', 'How long knowledge lasts', INTRO, content);
}

const INTRO = html`<p>The test part is cut by the time since the last training packet. A curve that falls means that what the observer learned holds less and less. But each stretch of time also has traffic of its own: compare attacks and defenses at the same age first.</p>
`;

/** Accuracy and balanced accuracy against age; empty where there is a single age. */
export function ageCharts(result: Result): Chart[] {
  const all = agesOf(result);
  if (all.length === 0) return [];
  return SCORES.map(({ id, key, name }) => {
    const curves = all.map((one) => ({
      mark: markOf(result, one),
      defended: one.defense !== 'none',
      points: one.rows.map((row) => ({
        time: (row.from + row.to) / 2,
        share: row[key],
        told: `${one.attack}, ${one.defense}, ${ageWords(row)} after training: ${percent(row[key])}`,
      })),
    }));
    const told = all.map(({ attack, defense, rows }) => {
      const [first, last] = [rows[0]!, rows.at(-1)!];
      return `${attack} under ${defense} ${percent(first[key])} ${ageWords(first)} after training, ${percent(last[key])} ${ageWords(last)} after it`;
    });
    return curvesChart(
      curves,
      { share: name, time: 'Time since training' },
      {
        id,
        width: 500,
        description: `${name} by the time since training: ${firstOf(told, 'the table below has them all')}.`,
        caption: html`${name} of each attack, by its stronger adversary, in stretches of the time since the last training packet, mean over seeds. ${lineWords(result, all)} Each point is in the middle of its stretch.`,
      },
    );
  });
}

function renderRows(result: Result): Html {
  const rows = agesOf(result).flatMap(({ attack, defense, adversary, rows }) =>
    rows.map((row) => [
      breakable(defense),
      breakable(attack),
      adversary,
      ageWords(row),
      count(row.packets),
      percentage(row.accuracy),
      isNumber(row.accuracyLow) && isNumber(row.accuracyHigh)
        ? `${percentage(row.accuracyLow)}–${percentage(row.accuracyHigh)}`
        : orReason(percentage(null), 'too few packets for an interval'),
      percentage(row.balancedAccuracy),
      percentage(row.majority),
    ]),
  );
  return html`<details>
<summary>Every age in numbers</summary>
${renderTable(
  'Every age in numbers',
  'Scores in percent, means over seeds; the interval spans those of all seeds. Majority: accuracy of always naming the most common device of the stretch. Stretches in which fewer than two devices have 50 real packets are left out.',
  [
    { title: 'Defense' },
    { title: 'Attack' },
    { title: 'Adversary' },
    { title: 'Since training', numeric: true },
    { title: 'Packets', numeric: true },
    { title: 'Accuracy', numeric: true },
    { title: '95 % interval', numeric: true },
    { title: 'Balanced', numeric: true },
    { title: 'Majority', numeric: true },
  ],
  rows,
)}
</details>`;
}
