import { benchCommand } from '../result/command.js';
import { labelOf } from '../result/label.js';
import { checkVersion } from '../result/parse.js';
import type { Result, StudyResult, SummaryRow } from '../result/result.js';
import { renderContents, renderHtml } from './html.js';
import { breakable, type Content, type Html, html, render } from './kit/escape.js';
import { count, counted, duration, isNumber, NOT_AVAILABLE, percent, percentage } from './kit/format.js';
import { renderHeatMap } from './kit/heat-map.js';
import { renderPage } from './kit/page.js';
import { subjectOf } from './kit/panels.js';
import type { Specs } from './kit/specs.js';
import { renderTable, sorted, type TableCell } from './kit/table.js';
import { observedBy } from './observers.js';
import { attacksOf, strongestDefense, undefendedRow } from './reading.js';
import { renderAttacks } from './sections/attacks.js';
import { renderCosts } from './sections/costs.js';
import { price, rates, renderHeadline } from './sections/headline.js';
import { renderDefinitions } from './sections/method.js';
import { isOpenWorld } from './sections/open-world.js';
import { renderRecall } from './sections/recall.js';
import { renderSummary } from './sections/summary.js';
import { renderTradeoff } from './sections/tradeoff.js';
import { renderTransfer } from './sections/transfer.js';
import { renderWarnings, type Warning } from './sections/warnings.js';

/** A page of a report and the name of its file. */
export interface NamedPage {
  readonly name: string;
  readonly text: string;
}

/** The study's own page, `report.html`, and the full report of each setting, to which it links. */
export async function renderStudyPages(study: StudyResult): Promise<NamedPage[]> {
  const links = study.runs.map(({ spec }, i) => `${i + 1}-${slug(labelOf(spec))}.html`);
  const pages = [{ name: 'report.html', text: await renderStudyHtml(study, links) }];
  for (const [i, run] of study.runs.entries()) pages.push({ name: links[i]!, text: await renderHtml(run) });
  return pages;
}

/** `text` as a part of a file name. */
export const slug = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');

/**
 * A study on one page: all settings side by side, then each in detail, one at a time. Only the report of a setting has confusion,
 * presence, bounds and data.
 * @param links to the reports of the settings, in order; null for none
 * @throws InputError for a result of another schema version
 */
export async function renderStudyHtml(study: StudyResult, links: readonly string[] | null): Promise<string> {
  checkVersion(study.schemaVersion, 'result');
  const { name, runs, tool, warnings = [] } = study;
  const title = name === '' ? 'Homeveil study' : name;
  const subject = subjectOf(runs);
  const sections = [
    { id: 'settings', title: 'Settings', content: renderSettings(runs, links) },
    { id: 'compared', title: 'Side by side', content: renderCompared(runs, subject.specs) },
    { id: 'tradeoff', title: 'Privacy and price', content: await renderTradeoff(subject) },
    { id: 'summary', title: 'Defenses', content: await renderSummary(subject) },
    { id: 'costs', title: 'Costs', content: await renderCosts(subject) },
    { id: 'devices', title: 'Devices', content: await renderRecall(subject) },
    { id: 'attacks', title: 'Attacks', content: await renderAttacks(subject) },
    { id: 'transfer', title: 'Transfer', content: await renderTransfer(subject) },
    { id: 'method', title: 'Method', content: renderMethod(links !== null, runs.some(isOpenWorld)) },
    { id: 'run', title: 'Reproduce', content: renderCommands(study) },
  ].filter(({ content }) => render(content) !== '');
  const isSynthetic = runs.some(({ dataset }) => dataset.synthetic);
  return renderPage(title, tool, {
    header: html`<p class="eyebrow">Homeveil study</p>
<h1>${title}${isSynthetic ? html`<span class="badge">synthetic data</span>` : ''}</h1>
${renderStudyHeadline(runs)}
<ul class="facts">${factsOf(runs).map((fact) => html`<li>${fact}</li>`)}</ul>`,
    nav: renderContents(sections),
    main: html`${renderWarnings([...warnings.map((text) => ({ where: '', text })), ...warningsOf(runs)])}${sections.map(({ content }) => content)}`,
  });
}

/** All defenses of a study, in the order of their first occurrence. */
export function defensesOf(runs: readonly Result[]): string[] {
  return [...new Set(runs.flatMap(({ summary }) => summary.map((row) => row.defense)))];
}

function factsOf(runs: readonly Result[]): string[] {
  const attacks = new Set(runs.flatMap(({ spec }) => spec.attacks.map(({ label }) => label)));
  const seeds = [...new Set(runs.map(({ spec }) => spec.seeds))];
  return [
    counted(runs.length, 'setting'),
    counted(defensesOf(runs).length, 'defense'),
    counted(attacks.size, 'attack'),
    ...(seeds.length === 1 ? [counted(seeds[0], 'seed')] : []),
    counted(
      runs.reduce((sum, { cells }) => sum + cells.length, 0),
      'cell',
    ),
  ];
}

/** The warnings of all settings. A warning that several settings give is listed once. */
export function warningsOf(runs: readonly Result[]): Warning[] {
  const said = new Map<string, Result[]>();
  for (const run of runs) {
    for (const warning of run.warnings) said.set(warning, [...(said.get(warning) ?? []), run]);
  }
  return [...said].map(([text, by]) => ({ where: by.length === runs.length ? '' : nameAll(by, runs), text }));
}

/** Names some of the settings: by dataset if they are all of its settings, else at most three by their labels. */
function nameAll(some: readonly Result[], runs: readonly Result[]): string {
  const datasets = new Set(some.map(({ dataset }) => dataset.name));
  if (runs.filter(({ dataset }) => datasets.has(dataset.name)).length === some.length) return [...datasets].join('; ');
  const labels = some.map(({ spec }) => labelOf(spec));
  return labels.length <= 3 ? labels.join('; ') : `${labels[0]!} and ${counted(labels.length - 1, 'other setting')}`;
}

/** Settings shown; the rest is folded. */
const SHOWN = 4;

function renderStudyHeadline(runs: readonly Result[]): Html {
  if (runs.length === 1) return renderHeadline(runs[0]!);
  const known = runs.flatMap((run) => {
    const best = strongestDefense(run);
    const none = undefendedRow(run);
    return best ? [{ label: labelOf(run.spec), best, none }] : [];
  });
  if (known.length === 0)
    return html`<p class="headline">No defense was measured. The table shows what attacks reach without one.</p>`;
  const left = spanOf(known.map(({ best }) => best.accuracy.mean));
  const before = known.flatMap(({ none }) => (none ? [none.accuracy.mean] : []));
  const items = known.map(
    ({ label, best, none }) =>
      html`<li><b>${breakable(label)}</b>: ${percent(best.accuracy.mean)} with <code>${breakable(best.defense)}</code>${
        none ? `, against ${percent(none.accuracy.mean)} without defense` : ''
      } (${rates(best, none)}), ${price(best)}</li>`,
  );
  const rest = items.slice(SHOWN);
  return html`<p class="headline">With the strongest defense, an observer still names the right device for <strong>${left}</strong> of packets${
    before.length > 0 ? `, against ${spanOf(before)} without defense` : ''
  }, by setting:</p>
<ul class="told">${items.slice(0, SHOWN)}</ul>
${rest.length > 0 ? html`<details><summary>${counted(rest.length, 'more setting')}</summary><ul class="told">${rest}</ul></details>` : ''}`;
}

/** `42 % to 63 %`. */
function spanOf(shares: readonly number[]): string {
  const [low, high] = [percent(Math.min(...shares)), percent(Math.max(...shares))];
  return low === high ? low : `${low} to ${high}`;
}

function renderSettings(runs: readonly Result[], links: readonly string[] | null): Html {
  const hasFailures = runs.some(({ failures = [] }) => failures.length > 0);
  const attacks = attacksOf(runs);
  const observers = attacks.length > 1 ? attacks : [null];
  const rows = runs.map((run, i): TableCell[] => {
    const { spec, dataset, summary, failures = [] } = run;
    const label = breakable(labelOf(spec));
    const devices = dataset.devices.filter((device) => device.test > 0).length;
    const undefended = observers.map(
      (attack) => undefendedRow(observedBy(run, { attack, adversary: null }))?.accuracy.mean,
    );
    return [
      sorted(i, links ? html`<a href="${links[i]!}">${label}</a>` : label),
      sorted(devices, count(devices)),
      sorted(dataset.packets, count(dataset.packets)),
      ...undefended.map((accuracy) => sorted(accuracy, percentage(accuracy))),
      sorted(summary[0]?.majority, percentage(summary[0]?.majority)),
      ...(hasFailures ? [sorted(failures.length, failures.length > 0 ? count(failures.length) : '')] : []),
    ];
  });
  return html`<section aria-labelledby="settings">
<h2 id="settings">Settings</h2>
${renderTable(
  'Settings',
  `Dataset and view of each setting, with mix, window and link if they are not the defaults. Accuracy of ${attacks.length > 1 ? 'each' : 'the'} attack without defense, and of always naming the most common device.${
    links ? ' Each links to its full report.' : ''
  }`,
  [
    { title: 'Setting' },
    { title: 'Devices', numeric: true },
    { title: 'Packets', numeric: true },
    ...observers.map((attack) => ({
      title: attack === null ? 'Undefended\u00A0%' : html`${breakable(attack)}\u00A0%`,
      numeric: true,
    })),
    { title: 'Majority\u00A0%', numeric: true },
    ...(hasFailures ? [{ title: 'Failed cells', numeric: true }] : []),
  ],
  rows,
  { sortable: true },
)}
</section>
`;
}

/** Every defense in every setting: accuracy as a heat map, costs as tables. */
function renderCompared(runs: readonly Result[], specs: Specs): Html {
  const defenses = defensesOf(runs);
  if (defenses.length === 0) return html``;
  const labels = runs.map(({ spec }) => labelOf(spec));
  const rowOf = ({ summary }: Result, defense: string) => summary.find((row) => row.defense === defense);
  const matrix = (
    title: string,
    caption: string,
    value: (row: SummaryRow) => number | null,
    show: (row: SummaryRow) => Content,
  ) =>
    html`<details>
<summary>${title}</summary>
${renderTable(
  title,
  caption,
  [{ title: 'Defense' }, ...labels.map((label) => ({ title: breakable(label), numeric: true }))],
  defenses.map((defense, i) => [
    sorted(i, breakable(defense)),
    ...runs.map((run) => {
      const row = rowOf(run, defense);
      return row ? sorted(value(row), show(row)) : sorted(null, '');
    }),
  ]),
  { sortable: true },
)}</details>
`;
  return html`<section aria-labelledby="compared">
<h2 id="compared">Settings side by side</h2>
${renderHeatMap(
  {
    id: 'settings-compared',
    name: 'Accuracy of the observer, by defense and setting',
    caption:
      'Share of real packets whose device the best attack of the stronger adversary names, in percent. Last row: accuracy of always naming the most common device, without defense. An accuracy that is not above it tells nothing.',
    corner: 'Defense',
    columns: labels,
    rows: defenses.map((defense) => ({
      name: defense,
      shares: runs.map((run) => rowOf(run, defense)?.accuracy.mean ?? null),
    })),
    foot: [
      { name: 'Majority', shares: runs.map(({ summary }) => summary[0]?.majority ?? null) },
      ...defenses.flatMap((defense) => {
        const rows = runs.map((run) => rowOf(run, defense) ?? null);
        const differs = rows.some((row, i) => row && percent(row.majority) !== percent(runs[i]!.summary[0]!.majority));
        return differs ? [{ name: `Majority under ${defense}`, shares: rows.map((row) => row?.majority ?? null) }] : [];
      }),
    ],
    reason: 'this defense was not run in this setting',
  },
  specs,
)}${(['static', 'adaptive'] as const).map((adversary) =>
  matrix(
    `Accuracy of the ${adversary} adversary`,
    `Share of real packets whose device the best attack of the ${adversary} adversary names, in percent.`,
    (row) => row[adversary]?.mean ?? null,
    (row) => (isNumber(row[adversary]?.mean) ? percentage(row[adversary].mean) : NOT_AVAILABLE),
  ),
)}${matrix(
  'Bandwidth overhead',
  'Additional bytes on the wire, in percent of those without defense.',
  (row) => row.bandwidthOverhead,
  (row) => percentage(row.bandwidthOverhead),
)}${matrix(
  'Delay',
  'Delay added to a packet, 95th percentile.',
  (row) => row.addedDelayP95,
  (row) => duration(row.addedDelayP95),
)}</section>
`;
}

function renderMethod(hasLinks: boolean, isOpen: boolean): Html {
  return html`<section aria-labelledby="method">
<h2 id="method">Method</h2>
<p>A <em>static</em> adversary is trained on undefended traffic, an <em>adaptive</em> one on traffic under the same defense. The stronger of the two counts, with its best attack.${
    hasLinks
      ? ' The report of each setting describes how its data were split, observed and scored, and has confusion, presence, bounds and data.'
      : ''
  }</p>
<details>
<summary>Definitions of terms</summary>
${renderDefinitions(isOpen)}</details>
</section>
`;
}

function renderCommands({ runs, tool, environment }: StudyResult): Html {
  return html`<section aria-labelledby="run">
<h2 id="run">Reproduce this</h2>
<p>One command for each setting. The same data give the same result except for the times. Made by ${tool.name} ${tool.version}${
    tool.commit ? html`, commit <code class="hash">${tool.commit}</code>,` : ''
  } on ${environment.cpu}, ${environment.cores} cores, ${environment.os}, Node ${environment.node}.</p>
${runs.map(
  ({ spec }) => html`<details>
<summary>${breakable(labelOf(spec))}</summary>
<pre tabindex="0"><code>${benchCommand(spec).join(' \\\n  ')}</code></pre>
</details>
`,
)}</section>
`;
}
