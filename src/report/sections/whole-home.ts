import type { Result } from '../../result/result.js';
import { curvesChart } from '../charts/curves.js';
import { breakable, type Content, type Html, html } from '../kit/escape.js';
import { type Chart, renderFigure } from '../kit/figure.js';
import { firstOf, fixed, isNumber, percent, percentage, roundDuration } from '../kit/format.js';
import { renderBySetting, renderSection, type Subject } from '../kit/panels.js';
import { orReason, renderTable } from '../kit/table.js';
import { wholeHomesOf } from '../over-time.js';
import { lineWords, markOf } from './curves.js';

const SCORES = [
  { id: 'home-found', key: 'recall', name: 'Devices present that are found' },
  { id: 'home-called', key: 'precision', name: 'Devices found that are present' },
] as const;

/** The set of devices that an observer knows after watching for some time; empty for results without it. */
export async function renderWholeHome(subject: Subject): Promise<Html> {
  const content = await renderBySetting(subject, async (result, place) => {
    if (wholeHomesOf(result).length === 0) return null;
    const charts = wholeHomeCharts(result);
    const figures = await Promise.all(charts.map((chart) => renderFigure(chart, place)));
    return html`${charts.length > 0 ? html`<div class="${charts.length > 1 ? 'pair' : 'single'}">\n${figures}</div>\n` : ''}${renderRows(result)}`;
  });
  return renderSection('whole-home', 'Devices known after an hour, a day, a week', INTRO, content);
}

const INTRO = html`<p>Which devices does an observer know are in the home after watching for some time? They call a device present if the attack is sure of enough of its packets. All devices that they can name are in this home, so after a long time there is hardly a mistake to make: judge precision after a short one.</p>
`;

/** Recall and precision against observation time; without those that are defined for fewer than two times. */
export function wholeHomeCharts(result: Result): Chart[] {
  const all = wholeHomesOf(result);
  return SCORES.flatMap(({ id, key, name }) => {
    const drawn = all.flatMap((one) => {
      const points = one.rows.flatMap((row) => {
        const share = row[key];
        if (!isNumber(share)) return [];
        const told = `${one.attack}, ${one.defense}, after ${roundDuration(row.seconds)}: ${percent(share)}`;
        return [{ time: row.seconds, share, told }];
      });
      return points.length > 1 ? [{ ...one, points }] : [];
    });
    if (drawn.length === 0) return [];
    const told = drawn.map(({ attack, defense, points }) => {
      const [first, last] = [points[0]!, points.at(-1)!];
      return `${attack} under ${defense} ${percent(first.share)} after ${roundDuration(first.time)}, ${percent(last.share)} after ${roundDuration(last.time)}`;
    });
    return [
      curvesChart(
        drawn.map((one) => ({ mark: markOf(result, one), defended: one.defense !== 'none', points: one.points })),
        { share: name, time: 'Observation time' },
        {
          id,
          width: 500,
          description: `${name}, by observation time: ${firstOf(told, 'the table below has them all')}.`,
          caption: html`${name} (${key}), of each attack by its stronger adversary, against how long they watch, mean over seeds. ${lineWords(result, drawn)}`,
        },
      ),
    ];
  });
}

function renderRows(result: Result): Html {
  const rows = wholeHomesOf(result).flatMap(({ attack, defense, adversary, rows }) =>
    rows.map((row): Content[] => [
      breakable(defense),
      breakable(attack),
      adversary,
      roundDuration(row.seconds),
      fixed(row.windows, Number.isInteger(row.windows) ? 0 : 1),
      share(row.recall, 'no known device is present'),
      share(row.precision, 'no device is called present'),
      share(row.present, 'no window has a packet'),
    ]),
  );
  return html`<details>
<summary>Every observation time in numbers</summary>
${renderTable(
  'Every observation time in numbers',
  'Recall: share of the known devices present in a window that the observer calls present. Precision: share of those called present that are. Over all windows of that length, at most ten; the last row of each is the whole test part. Present: share of known devices that are present, which is the precision of calling all of them. In percent, means over seeds.',
  [
    { title: 'Defense' },
    { title: 'Attack' },
    { title: 'Adversary' },
    { title: 'Watched', numeric: true },
    { title: 'Windows', numeric: true },
    { title: 'Recall', numeric: true },
    { title: 'Precision', numeric: true },
    { title: 'Present', numeric: true },
  ],
  rows,
)}
</details>`;
}

const share = (value: number | null, reason: string): Content => orReason(percentage(value), reason);
