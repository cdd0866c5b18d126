import { checkVersion } from '../result/parse.js';
import type { Cell, Result } from '../result/result.js';

/** Columns of {@link renderCsv}, in order. */
const COLUMNS: readonly (readonly [string, (cell: Cell) => string | number | null])[] = [
  ['attack', (cell) => cell.attack],
  ['defense', (cell) => cell.defense],
  ['view', (cell) => cell.view],
  ['mix', (cell) => cell.mix],
  ['adversary', (cell) => cell.adversary],
  ['seed', (cell) => cell.seed],
  ['accuracy', (cell) => cell.identification.accuracy],
  ['accuracy_low', (cell) => cell.identification.accuracyLow],
  ['accuracy_high', (cell) => cell.identification.accuracyHigh],
  ['balanced_accuracy', (cell) => cell.identification.balancedAccuracy],
  ['macro_f1', (cell) => cell.identification.macroF1],
  ['chance', (cell) => cell.identification.chance],
  ['majority', (cell) => cell.identification.majority],
  ['bandwidth_overhead', (cell) => cell.cost.bandwidthOverhead],
  ['packet_overhead', (cell) => cell.cost.packetOverhead],
  ['megabytes_per_day', (cell) => cell.cost.megabytesPerDay],
  ['delay_p50_s', (cell) => cell.cost.addedDelay.p50],
  ['delay_p95_s', (cell) => cell.cost.addedDelay.p95],
  ['delay_p99_s', (cell) => cell.cost.addedDelay.p99],
  ['delay_max_s', (cell) => cell.cost.addedDelay.max],
  ['dropped_packets', (cell) => cell.cost.dropped],
  ['duration_ratio', (cell) => cell.cost.durationRatio],
  ['open_known_accuracy', (cell) => cell.openWorld?.known.accuracy ?? null],
  ['open_auroc', (cell) => cell.openWorld?.auroc ?? null],
  ['open_oscr', (cell) => cell.openWorld?.oscr ?? null],
  ['open_recall', (cell) => cell.openWorld?.recall ?? null],
  ['open_false_alarms', (cell) => cell.openWorld?.falseAlarms ?? null],
  ['fit_s', (cell) => cell.seconds.fit],
  ['predict_s', (cell) => cell.seconds.predict],
  ['defend_s', (cell) => cell.seconds.defend],
];

/**
 * Renders cells as CSV: a line of names, then a line per cell (RFC 4180, lines end in LF). Shares are from 0 to 1, times in seconds,
 * undefined values empty. Texts that a spreadsheet would run are neutralised, see {@link csvLines}.
 * @throws InputError for a result of another schema version
 */
export function renderCsv(result: Result): string {
  return csvLines([csvHeader(), ...csvRows(result)]);
}

/**
 * The cells of a result as rows.
 * @param setting value of an additional first column
 * @throws InputError for a result of another schema version
 */
export function csvRows(result: Result, setting?: string): (string | number | null)[][] {
  checkVersion(result.schemaVersion, 'result');
  const first = setting === undefined ? [] : [setting];
  return result.cells.map((cell) => [...first, ...COLUMNS.map(([, of]) => of(cell))]);
}

/** Names of the columns of {@link csvRows} without a setting. */
export function csvHeader(): string[] {
  return COLUMNS.map(([name]) => name);
}

/**
 * Rows as CSV for spreadsheets. An apostrophe, which marks text, precedes a text that would begin a formula, at the start or after a
 * semicolon, at which a spreadsheet may split. Numbers stay numbers.
 */
export function csvLines(rows: readonly (readonly (string | number | null)[])[]): string {
  return rows.map((fields) => `${fields.map(quoted).join(',')}\n`).join('');
}

function quoted(value: string | number | null): string {
  const text = typeof value === 'string' ? value.replaceAll(/(?<=^|[;\t\r\n])(?=[=+\-@\t\r])/g, "'") : `${value ?? ''}`;
  return /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
