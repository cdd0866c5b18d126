import { labelOf } from '../result/label.js';
import type { Interval, Result, StudyResult, SummaryRow } from '../result/result.js';
import { csvHeader, csvLines, csvRows } from './csv.js';
import { duration, isNumber, percentage } from './kit/format.js';
import { accuracyByAttack, code, escaped, renderMarkdown, table, warningBlocks } from './markdown.js';
import { attacksOf, undefendedRow } from './reading.js';
import { defensesOf, warningsOf } from './study.js';

/** The settings of a study side by side, by defense and by attack, then the tables of each. */
export function renderStudyMarkdown(study: StudyResult): string {
  const { runs, warnings = [] } = study;
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
  return [
    `# ${title}`,
    ...warningBlocks([...warnings.map((text) => ({ where: '', text })), ...warningsOf(runs)]),
    matrix,
    key,
    ...attacks(runs),
    ...runs.map((run) => renderMarkdown({ ...run, warnings: [] }).replace(/^# /, '## ')),
  ].join('\n\n');
}

/** Accuracy of each attack without defense in each setting; nothing for one attack, or without an undefended run. */
function attacks(runs: readonly Result[]): string[] {
  const labels = attacksOf(runs);
  const rows = runs.flatMap((run) => {
    const row = undefendedRow(run);
    if (!row) return [];
    const rates = [percentage(row.chance), percentage(row.majority)];
    return [[escaped(labelOf(run.spec)), ...accuracyByAttack(run, row.defense, labels), ...rates]];
  });
  if (labels.length < 2 || rows.length === 0) return [];
  return [
    table(['without defense', ...labels.map(code), 'chance', 'majority'], rows),
    'Accuracy of each attack (95 % interval).',
  ];
}

/** The cells of all settings as CSV; the first column names the setting. */
export function renderStudyCsv({ runs }: StudyResult): string {
  return csvLines([['setting', ...csvHeader()], ...runs.flatMap((run) => csvRows(run, labelOf(run.spec)))]);
}

function scores(row: SummaryRow): string {
  const shown = (interval: Interval | null) => (interval && isNumber(interval.mean) ? percentage(interval.mean) : '–');
  return `${shown(row.static)} / ${shown(row.adaptive)}`;
}
