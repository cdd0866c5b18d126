import stringWidth from 'string-width';
import { FEWEST } from '../harness/observer/conclude.js';
import { visibleLine } from '../shared/visible.js';
import type { ComparisonResult } from '../watch/comparison.js';
import type { WatchView } from '../watch/watch.js';
import type { WatchedDevice } from '../watch/watcher.js';
import {
  ago,
  type ChangeRow,
  caveat,
  changeRows,
  inOrder,
  noiseWord,
  percent,
  phaseText,
  seenInPeriods,
  seenNames,
  seenWord,
  span,
  trafficWords,
} from '../watch/words.js';
import { breakText, fitLine, fitName, formatCount, type TableColumn, table, wrap } from './terminal.js';

/** Size of the terminal. */
export interface Room {
  readonly rows: number;
  readonly columns: number;
}

/** Lines of devices that take precedence over less important parts. */
const FEWEST_DEVICES = 5;
/** In a terminal of fewer rows, each line above the devices is cut, not wrapped. */
const LOW = 20;

/**
 * Lines of the current conclusions, fitted to the terminal. The traffic and some devices come first, then the comparison, the warnings
 * and the limits of the comparison, as far as there is room. The other devices fill the rest.
 */
export function watchLines(
  view: WatchView,
  url: string | null,
  { rows, columns }: Room = { rows: Number.POSITIVE_INFINITY, columns: 80 },
): string[] {
  const { state, source, model } = view;
  // In the last column of the last line a terminal may begin a new one.
  const width = Math.max(20, columns - 1);
  const lay: Lay =
    rows < LOW
      ? (text) => (text === '' ? [] : [fitLine(text, width)])
      : (text, indent = 0, first = indent) => wrap(text, indent, first, width);
  const unsure = percent(state.now.packets === 0 ? null : state.now.unsure.packets / state.now.packets);
  const head = [
    ...lay(`${source.name}, as ${model.attack} sees it in the ${model.view} view`),
    ...lay(`${trafficWords(view)}${lossText(view)}`),
    ...lay(
      `noise ${noiseWord(view)}; unsure ${unsure}${view.isLabelled ? `; identified correctly ${percent(state.now.accuracy)}` : ''}`,
    ),
    '',
  ];
  const devices = devicesLines(view, width);
  const place = url === null ? [] : breakText(url, width);
  const [heading, line, ...own] = devices;
  let room = rows - 1 - head.length - place.length - 3 - Math.min(own.length, FEWEST_DEVICES);
  /** Parts in order of importance; one without room for its long form has its short form. */
  const below = sections(view, lay, width).map(([all, short]) => {
    const lines = all.length <= room ? all : short.length <= room ? short : [];
    room -= lines.length;
    return lines;
  });
  const most = Math.max(1, room + Math.min(own.length, FEWEST_DEVICES));
  const shown = own.length <= most ? own : [...own.slice(0, most - 1), `… ${formatCount(own.length - most + 1)} more`];
  return [...head, heading!, line!, ...shown, '', ...below.flat(), ...place].slice(0, Math.max(1, rows - 1));
}

type Lay = (text: string, indent?: number, first?: number) => string[];

function sections(view: WatchView, lay: Lay, width: number): [lines: string[], short: string[]][] {
  const { comparison, warnings } = view;
  const result = comparison?.result ?? null;
  const warned = warnings.flatMap((warning) => lay(`warning: ${warning}`, 9, 0));
  return [
    [
      result === null ? (comparison === null ? [] : lay(phaseText(comparison))) : changeLines(result, width),
      lay('The comparison is shown at the end.'),
    ],
    [warned, lay(`${warnings.length} warning${warnings.length === 1 ? '' : 's'}, shown at the end`)],
    ...(result === null
      ? []
      : ([
          [lay(seenWords(result), 2, 0), []],
          [lay(caveat(view), 2, 0), lay('The limits of this comparison are shown at the end.')],
        ] as [string[], string[]][])),
  ];
}

interface ShownColumn<Row> {
  readonly column: TableColumn;
  readonly of: (row: Row) => string;
}

/** Columns are left out before names are cut to fewer characters. */
const NAME = 16;
const GAP = 2;

/**
 * Lays out a table no wider than `width`, one line a row. Where there is no room, the last columns, which matter least, are left out,
 * and names are cut in the middle.
 */
function tableWithin<Row>(columns: readonly ShownColumn<Row>[], rows: readonly Row[], width: number): string[] {
  const cells = rows.map((row) => columns.map(({ of }) => visibleLine(of(row))));
  const widths = columns.map(({ column }, i) =>
    Math.max(stringWidth(column.title), ...cells.map((row) => stringWidth(row[i]!))),
  );
  const least = Math.min(NAME, widths[0]!);
  const roomFor = (count: number) => width - widths.slice(1, count).reduce((sum, one) => sum + one + GAP, 0);
  let count = columns.length;
  while (count > 2 && roomFor(count) < least) count--;
  return table(
    columns.slice(0, count).map(({ column }) => column),
    cells.map(([name, ...others]) => [fitName(name!, Math.max(8, roomFor(count))), ...others.slice(0, count - 1)]),
    width,
  ).split('\n');
}

function devicesLines({ state }: WatchView, width: number): string[] {
  const columns: ShownColumn<WatchedDevice>[] = [
    { column: { title: 'device' }, of: ({ name }) => name },
    { column: { title: 'seen' }, of: (device) => seenWord(device, FEWEST) },
    { column: { title: `packets, ${span(state.span)}`, align: 'right' }, of: ({ now }) => formatCount(now.packets) },
    { column: { title: 'confidence', align: 'right' }, of: ({ now }) => now.confidence?.toFixed(2) ?? '–' },
    { column: { title: 'share', align: 'right' }, of: ({ now }) => percent(now.packetShare) },
    { column: { title: 'ago', align: 'right' }, of: ({ last }) => ago(last, state.time) },
    { column: { title: 'all', align: 'right' }, of: ({ all }) => formatCount(all.packets) },
  ];
  return tableWithin(columns, inOrder(state.devices), width);
}

/** One line for output that is not a terminal. */
export function watchLine(view: WatchView): string {
  const { state } = view;
  const time = state.time === null ? '–' : new Date(state.time * 1000).toISOString().slice(11, 19);
  const names = seenNames(view);
  const phase = view.comparison === null ? '' : phaseText(view.comparison);
  return visibleLine(
    `${time} ${view.nothingLeaves ? trafficWords(view) : `${state.traffic.packets.toFixed(1)} packets/s`}${lossText(view)}; seen: ${names.length === 0 ? 'none' : names.join(', ')}${phase && `; ${phase}`}`,
  );
}

/** Lines of the final summary: all packets and the last comparison, at most `width` columns wide. */
export function summaryLines(view: WatchView, width = 80): string[] {
  const { state, source, model } = view;
  const { all } = state;
  const seen = state.devices.filter((device) => device.all.seen).map(({ name }) => name);
  const lay = (text: string, indent = 0, first = indent) => wrap(text, indent, first, width);
  const lines = lay(
    `${source.name}: ${formatCount(all.packets)} packets in the ${model.view} view, as ${model.attack} sees them (${model.path}, trained on ${model.data})`,
  );
  if (view.nothingLeaves) lines.push(...lay(trafficWords(view)));
  lines.push('');
  lines.push(
    table(
      [
        { title: 'device', shrink: true },
        { title: 'seen' },
        { title: 'packets', align: 'right' },
        { title: 'share', align: 'right' },
        { title: 'confidence', align: 'right' },
      ],
      [
        ...[...state.devices]
          .sort((a, b) => b.all.packets - a.all.packets)
          .map(({ name, all: own }) => [
            name,
            own.seen ? 'yes' : own.packets < FEWEST ? 'no' : 'unclear',
            formatCount(own.packets),
            percent(own.packetShare),
            own.confidence?.toFixed(2) ?? '–',
          ]),
        ...(all.cover === null ? [] : [['(noise)', '', formatCount(all.cover * all.packets), percent(all.cover), '–']]),
        [
          '(unsure)',
          '',
          formatCount(all.unsure.packets),
          percent(all.packets === 0 ? null : all.unsure.packets / all.packets),
          '–',
        ],
      ],
      width,
    ),
    '',
    ...lay(seen.length === 0 ? 'Seen: none.' : `Seen: ${seen.join(', ')}.`),
  );
  if (view.isLabelled)
    lines.push(...lay(`Compared with the labels: ${percent(all.accuracy)} of packets identified correctly.`));
  const { comparison } = view;
  if (comparison?.result) {
    lines.push('', ...changeLines(comparison.result, width), ...lay(seenWords(comparison.result), 2, 0));
    lines.push(...lay(caveat(view)));
  } else if (comparison !== null && phaseText(comparison) !== '') lines.push('', ...lay(phaseText(comparison)));
  if (view.warnings.length > 0) lines.push('', ...view.warnings.flatMap((warning) => lay(`warning: ${warning}`, 9, 0)));
  return lines;
}

function changeLines(result: ComparisonResult, width: number): string[] {
  const columns: ShownColumn<ChangeRow>[] = [
    { column: { title: 'noise' }, of: ({ short }) => short },
    { column: { title: 'off', align: 'right' }, of: ({ off }) => off },
    { column: { title: 'on', align: 'right' }, of: ({ on }) => on },
    { column: { title: 'difference', align: 'right' }, of: ({ difference }) => difference },
    { column: { title: '95 % interval' }, of: ({ interval }) => interval },
  ];
  return tableWithin(columns, changeRows(result), width);
}

function seenWords(result: ComparisonResult): string {
  return `Seen with the noise off: ${seenInPeriods(result, false)}; on: ${seenInPeriods(result, true)}.`;
}

function lossText({ lost, forgotten }: WatchView): string {
  const engine = lost.engine ? `, ${formatCount(lost.engine)} lost` : '';
  const skipped = lost.skipped === 0 ? '' : `, ${formatCount(lost.skipped)} skipped because the model is too slow`;
  return `${engine}${skipped}${forgotten === 0 ? '' : `, ${formatCount(forgotten)} idle connections dropped`}`;
}
