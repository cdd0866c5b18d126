import type { Interval, Result, StudyResult } from '../harness/result.js';
import { labelOf } from '../harness/setting.js';
import { renderCsv } from './csv.js';
import { breakable, type Content, type Html, html } from './escape.js';
import { counted, duration, isNumber, percentage } from './format.js';
import { code, renderMarkdown, table } from './markdown.js';
import { renderPage } from './page.js';
import { renderTable } from './table.js';

/**
 * The overview of a study: every defense in every setting, and where each setting's own report lies.
 * @param links of the reports of the runs, in their order; null for none
 */
export function renderStudyHtml(study: StudyResult, links: readonly string[] | null): string {
  const { name, runs, tool } = study;
  const title = name === '' ? 'Homeveil study' : name;
  const facts = [
    counted(runs.length, 'setting'),
    counted(defensesOf(runs).length, 'defense'),
    counted(cellsOf(runs), 'cell'),
  ];
  const accuracy =
    'Share of real packets whose device the best attack names, in percent: of the static adversary, then of the adaptive one.';
  const traffic = 'Bytes on the wire over those without defense, less one, in percent.';
  return renderPage(title, tool, {
    header: html`<p class="eyebrow">Homeveil study</p>
<h1>${title}</h1>
<ul class="facts">${facts.map((fact) => html`<li>${fact}</li>`)}</ul>`,
    nav: html``,
    main: html`${renderSettings(runs, links)}
${renderMatrix(runs, 'accuracy', 'Identification', accuracy, scores)}
${renderMatrix(runs, 'traffic', 'Bandwidth', traffic, (row) => percentage(row.bandwidthOverhead))}
${renderMatrix(runs, 'delay', 'Delay', 'Delay added to a packet, 95th percentile.', (row) => duration(row.addedDelayP95))}
`,
  });
}

type Row = Result['summary'][number];

/** All defenses of a study, in the order in which they first stand. */
function defensesOf(runs: readonly Result[]): string[] {
  return [...new Set(runs.flatMap(({ summary }) => summary.map((row) => row.defense)))];
}

const cellsOf = (runs: readonly Result[]): number => runs.reduce((sum, { cells }) => sum + cells.length, 0);

function renderSettings(runs: readonly Result[], links: readonly string[] | null): Html {
  const rows = runs.map((run, i): Content[] => {
    const { spec, dataset, summary, failures = [] } = run;
    const label = breakable(labelOf(spec));
    const best = summary.find((row) => row.defense === 'none');
    return [
      links ? html`<a href="${links[i]!}">${label}</a>` : label,
      counted(dataset.devices.filter((device) => device.test > 0).length, 'device'),
      counted(dataset.packets, 'packet'),
      best ? percentage(best.accuracy.mean) : '',
      percentage(summary[0]?.majority),
      failures.length > 0 ? counted(failures.length, 'cell') : '',
    ];
  });
  return html`<section aria-labelledby="settings">
<h2 id="settings">Settings</h2>
${renderTable(
  'Settings',
  'Dataset and view of each setting, and mix, window and link where they are not the usual ones; the best attack without defense, and what naming the commonest device would give.',
  [
    { title: 'Setting' },
    { title: 'Devices', numeric: true },
    { title: 'Traffic', numeric: true },
    { title: 'Undefended\u00A0%', numeric: true },
    { title: 'Majority\u00A0%', numeric: true },
    { title: 'Failed', numeric: true },
  ],
  rows,
)}
</section>
`;
}

function renderMatrix(
  runs: readonly Result[],
  id: string,
  title: string,
  caption: string,
  show: (row: Row) => Content,
): Html {
  const rows = defensesOf(runs).map((defense): Content[] => [
    breakable(defense),
    ...runs.map(({ summary }) => {
      const row = summary.find((one) => one.defense === defense);
      return row ? show(row) : '';
    }),
  ]);
  const heads = runs.map(({ spec }) => ({ title: breakable(labelOf(spec)), numeric: true }));
  return html`<section aria-labelledby="${id}">
<h2 id="${id}">${title}</h2>
${renderTable(title, caption, [{ title: 'Defense' }, ...heads], rows)}
</section>
`;
}

function scores(row: Row): Content {
  const shown = (interval: Interval | null) => (interval && isNumber(interval.mean) ? percentage(interval.mean) : '–');
  return `${shown(row.static)} / ${shown(row.adaptive)}`;
}

/** One table with all settings as columns, then the tables of each. */
export function renderStudyMarkdown(study: StudyResult): string {
  const { runs } = study;
  const heads = runs.map(({ spec }) => labelOf(spec));
  const matrix = table(
    ['defense', ...heads],
    defensesOf(runs).map((defense) => {
      const cells = runs.map(({ summary }) => {
        const row = summary.find((one) => one.defense === defense);
        if (!row) return '';
        const overhead = row.bandwidthOverhead === null ? 'n/a' : `${Math.round(100 * row.bandwidthOverhead)}`;
        return `${scores(row)}, +${overhead} %, ${duration(row.addedDelayP95)}`;
      });
      return [code(defense), ...cells];
    }),
  );
  const title = study.name === '' ? 'Study' : study.name;
  const key = 'Accuracy of the best attack in per cent, static / adaptive adversary; bandwidth overhead; delay p95.';
  return [`# ${title}`, matrix, key, ...runs.map((run) => renderMarkdown(run).replace(/^# /, '## '))].join('\n\n');
}

/** All cells of all settings; the first column names the setting. */
export function renderStudyCsv({ runs }: StudyResult): string {
  return runs
    .map((run, i) => {
      const [head, ...lines] = renderCsv(run).trimEnd().split('\n');
      const setting = `"${labelOf(run.spec).replaceAll('"', '""')}"`;
      return [...(i === 0 ? [`setting,${head}`] : []), ...lines.map((line) => `${setting},${line}`)].join('\n');
    })
    .join('\n')
    .concat('\n');
}
