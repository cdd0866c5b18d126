import { benchCommand } from '../result/command.js';
import { checkVersion } from '../result/parse.js';
import type { Interval, Result, SummaryRow } from '../result/result.js';
import { count, counted, duration, fixed, listed, percentage, roundDuration } from './kit/format.js';
import { observedBy } from './observers.js';
import { agesOf, ageWords, type OverTime, wholeHomesOf } from './over-time.js';
import {
  attacksOf,
  cellsOf,
  deviceScores,
  mean,
  meanCost,
  readsAddresses,
  scoredDevices,
  undefendedRow,
} from './reading.js';
import { isOpenWorld, OPEN_WORLD_COLUMNS, openWorldFigures } from './sections/open-world.js';
import { groupWarnings, type Warning, wordsOf } from './sections/warnings.js';

/**
 * The tables of a report as Markdown, for the draft of a paper, a README or an issue: defenses, costs, devices, and the command that
 * reproduces them. Shares are in percent.
 * @throws InputError for a result of another schema version
 */
export function renderMarkdown(result: Result): string {
  checkVersion(result.schemaVersion, 'result');
  const { dataset, spec, tool } = result;
  const blocks = [
    `# ${escaped(dataset.name)}${dataset.synthetic ? ' (synthetic data)' : ''}`,
    `${spec.view.label} view${spec.live ? ', live' : ''}, mix ${spec.mix}, ${counted(dataset.devices.filter((device) => device.test > 0).length, 'device')}, ${counted(dataset.packets, 'packet')}, ${counted(spec.seeds, 'seed')}, windows of ${count(spec.window)} packets.`,
    ...warningBlocks(result.warnings.map((text) => ({ where: '', text }))),
    defenses(result),
    'Share of real packets whose device the best attack names (95 % interval): trained on undefended traffic (static), or on traffic under the same defense (adaptive). In bold: no other defense has both lower accuracy and lower cost.',
    costs(result),
    wholeHome(result),
    ages(result),
    openWorld(result),
    attacks(result),
    devices(result),
    devicesByAttack(result),
    `\`\`\`sh\n${benchCommand(spec).join(' \\\n  ')}\n\`\`\``,
    `Made by ${tool.name} ${tool.version}.`,
  ];
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`;
}

/** A quote for each kind of warning: the first in full, the others as a list. */
export function warningBlocks(warnings: readonly Warning[]): string[] {
  return groupWarnings(warnings).map((kind) => {
    const [first, ...others] = kind.map((warning) => escaped(wordsOf(warning)));
    const more = ['', `${count(others.length)} more of this kind:`, '', ...others.map((text) => `- ${text}`)];
    return [first!, ...(others.length > 0 ? more : [])].map((line) => `> ${line}`.trimEnd()).join('\n');
  });
}

function defenses({ summary }: Result): string {
  if (summary.length === 0) return '';
  const { chance, majority } = summary[0]!;
  const reads = summary.some(readsAddresses);
  const heading = `Chance ${percentage(chance)}, majority ${percentage(majority)}.\n\n`;
  return (
    heading +
    table(
      [
        'defense',
        'static',
        'adaptive',
        ...(reads ? ['addresses unread'] : []),
        'drop',
        'bandwidth',
        'delay p95',
        'best attack',
      ],
      summary.map((row) => [
        row.pareto ? `**${code(row.defense)}**` : code(row.defense),
        interval(row.static),
        interval(row.adaptive),
        ...(reads ? [interval(row.withoutAddresses?.accuracy ?? null)] : []),
        percentage(row.drop),
        signed(row.bandwidthOverhead),
        duration(row.addedDelayP95),
        code(row.bestAttack),
      ]),
    )
  );
}

function costs(result: Result): string {
  return table(
    ['defense', 'packets', 'MB a day', 'delay p50', 'p99', 'max', 'lost', 'duration'],
    result.summary.map((row) => {
      const cost = meanCost(result, row);
      return [
        code(row.defense),
        signed(cost.packetOverhead),
        fixed(cost.megabytesPerDay, 1),
        duration(cost.addedDelay.p50),
        duration(cost.addedDelay.p99),
        duration(cost.addedDelay.max),
        fixed(cost.dropped, Number.isInteger(cost.dropped) ? 0 : 1),
        `× ${fixed(cost.durationRatio, 3)}`,
      ];
    }),
  );
}

/** The set of devices that an observer knows after some time; empty for results without it. */
function wholeHome(result: Result): string {
  const all = wholeHomesOf(result);
  const times = columnsOf(all, ({ seconds }) => seconds);
  if (times.length === 0) return '';
  const rows = all.map((one) => [
    attackWords(one),
    ...times.map((time) => {
      const row = one.rows.find(({ seconds }) => seconds === time);
      return row ? `${percentage(row.recall)} / ${percentage(row.precision)}` : '';
    }),
  ]);
  const key =
    'Devices present that the observer calls present / devices called present that are, by how long they watch; by the stronger adversary.';
  return `${table(['recall / precision of the set of devices', ...times.map((time) => roundDuration(time))], rows)}\n\n${key}`;
}

/** Scores by the time since training; empty for a single age. */
function ages(result: Result): string {
  const all = agesOf(result);
  const starts = columnsOf(all, ({ from }) => from);
  if (starts.length === 0) return '';
  const rows = all.map((one) => [
    attackWords(one),
    ...starts.map((start) => {
      const row = one.rows.find(({ from }) => from === start);
      return row ? `${percentage(row.accuracy)} / ${percentage(row.balancedAccuracy)}` : '';
    }),
  ]);
  const heads = starts.map((start) => ageWords(all.flatMap((one) => one.rows).find(({ from }) => from === start)!));
  const key = 'Accuracy / balanced accuracy by the time since the last training packet; by the stronger adversary.';
  return `${table(['by age', ...heads], rows)}\n\n${key}`;
}

function columnsOf<Row>(all: readonly OverTime<Row>[], of: (row: Row) => number): number[] {
  return [...new Set(all.flatMap(({ rows }) => rows.map(of)))].sort((a, b) => a - b);
}

const attackWords = ({ attack, defense }: OverTime<unknown>): string => `${code(defense)}, ${code(attack)}`;

/** The scores of an open world; empty in a closed one. */
function openWorld(result: Result): string {
  if (!isOpenWorld(result)) return '';
  const rows = result.summary.map((row) => [code(row.defense), ...openWorldFigures(result, row)]);
  const key =
    'Open world: accuracy counts a packet of an unknown device as named where it is called unknown. Known named: of known devices, if none is called unknown.';
  return `${table(['open world', ...OPEN_WORLD_COLUMNS], rows)}\n\n${key}`;
}

/** Accuracy of every attack; empty for one attack. */
function attacks(result: Result): string {
  const labels = attacksOf([result]);
  if (labels.length < 2) return '';
  const rows = result.summary.map((row) => [code(row.defense), ...accuracyByAttack(result, row.defense, labels)]);
  return `${table(['attack by attack', ...labels.map(code)], rows)}\n\nAccuracy of the stronger adversary (95 % interval).`;
}

/** Accuracy of each attack under a defense, by the stronger adversary; empty for an attack that was not run. */
export function accuracyByAttack(result: Result, defense: string, labels: readonly string[]): string[] {
  return labels.map((attack) => {
    const { summary } = observedBy(result, { attack, adversary: null });
    return interval(summary.find((row) => row.defense === defense)?.accuracy ?? null);
  });
}

/** Recall of each device without defense, by attack; empty for one attack. */
function devicesByAttack(result: Result): string {
  const labels = attacksOf([result]);
  const names = scoredDevices(result);
  if (labels.length < 2 || names.length === 0 || !undefendedRow(result)) return '';
  const rows = labels.map((attack) => undefendedRow(observedBy(result, { attack, adversary: null })));
  const recall = (row: SummaryRow | null, name: string) =>
    row ? percentage(deviceScores(result, row, name).recall) : '';
  return table(
    ['recall without defense', ...labels.map(code)],
    names.map((name) => [escaped(name), ...rows.map((row) => recall(row, name))]),
  );
}

/** Recall of each device without defense and under the first other defenses. */
function devices(result: Result): string {
  const undefended = undefendedRow(result);
  const others = result.summary.filter((row) => row !== undefended).slice(0, 6);
  const rows = undefended ? [undefended, ...others] : others;
  const names = scoredDevices(result);
  if (names.length === 0) return '';
  const left = result.summary.length - rows.length;
  const recall = table(
    ['recall of the best attack', ...rows.map((row) => code(row.defense))],
    names.map((name) => [escaped(name), ...rows.map((row) => percentage(deviceScores(result, row, name).recall))]),
  );
  const macro = rows.map((row) => {
    const scores = cellsOf(result, row).map((cell) => cell.identification.macroF1);
    return `${code(row.defense)} ${fixed(mean(scores), 3)}`;
  });
  return `${recall}\n\nMacro-F1: ${listed(macro)}.${left > 0 ? ` ${counted(left, 'more defense')} in the result file.` : ''}`;
}

function interval(value: Interval | null): string {
  if (value === null) return '';
  const { low, high } = value;
  const shown = percentage(value.mean);
  return low === null || high === null ? shown : `${shown} (${percentage(low)}–${percentage(high)})`;
}

/** A relative cost: `+12.3 %`. */
function signed(share: number | null): string {
  if (share === null) return percentage(share);
  const text = percentage(share);
  return `${share >= 0 ? '+' : ''}${text} %`;
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/** Escapes the characters of Markdown in text from the data. */
export function escaped(text: string): string {
  return text.replaceAll(/[\\`*_[\]<>|#]/g, '\\$&').replaceAll(/\s+/g, ' ');
}

export function code(text: string): string {
  return text.includes('`') ? escaped(text) : `\`${text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ')}\``;
}
