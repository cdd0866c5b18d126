import { FEWEST } from '../harness/conclude.js';
import type { WatchView } from '../live/watch/watch.js';
import {
  ago,
  caveat,
  changeRows,
  inOrder,
  noiseWord,
  percent,
  phaseText,
  rate,
  seenInPeriods,
  seenNames,
  seenWord,
  span,
} from '../live/watch/words.js';
import { formatCount, table, wrap } from './terminal.js';

/** Lines of what is concluded now; of the devices as many as there is room for. */
export function watchLines(view: WatchView, url: string | null, rows = Number.POSITIVE_INFINITY): string[] {
  const { state, source, model } = view;
  const { traffic } = state;
  const head = [
    ...wrap(`${source.name}, as ${model.attack} sees it in the ${model.view} view`),
    `${traffic.packets.toFixed(1)} packets/s, out ${rate(traffic.outbound)}, in ${rate(traffic.inbound)}${lossText(view)}`,
    ...wrap(
      `noise ${noiseWord(view)}; unsure ${percent(state.now.packets === 0 ? null : state.now.unsure.packets / state.now.packets)}${view.isLabelled ? `; named right ${percent(state.now.accuracy)}` : ''}`,
    ),
    '',
  ];
  const warnings = view.warnings.flatMap((warning) => wrap(`warning: ${warning}`, 9, 0));
  const tail = ['', ...comparisonLines(view), ...warnings];
  if (url !== null) tail.push(url);
  const devices = devicesLines(view);
  const room = Math.max(3, rows - head.length - tail.length - 1);
  const shown =
    devices.length <= room ? devices : [...devices.slice(0, room - 1), `… ${devices.length - room + 1} more`];
  return [...head, ...shown, ...tail];
}

function devicesLines({ state }: WatchView): string[] {
  return table(
    [
      { title: 'device', shrink: true },
      { title: 'seen' },
      { title: 'confidence', align: 'right' },
      { title: `packets, ${span(state.span)}`, align: 'right' },
      { title: 'share', align: 'right' },
      { title: 'all', align: 'right' },
      { title: 'ago', align: 'right' },
    ],
    inOrder(state.devices).map((device) => [
      device.name,
      seenWord(device, FEWEST),
      device.now.confidence?.toFixed(2) ?? '–',
      formatCount(device.now.packets),
      percent(device.now.packetShare),
      formatCount(device.all.packets),
      ago(device.last, state.time),
    ]),
  ).split('\n');
}

/** For what is no terminal: one line for each so many seconds. */
export function watchLine(view: WatchView): string {
  const { state } = view;
  const time = state.time === null ? '–' : new Date(state.time * 1000).toISOString().slice(11, 19);
  const names = seenNames(view);
  const phase = view.comparison === null ? '' : phaseText(view.comparison);
  return `${time} ${state.traffic.packets.toFixed(1)} packets/s${lossText(view)}; seen: ${names.length === 0 ? 'none' : names.join(', ')}${phase && `; ${phase}`}`;
}

/** At the end: of all that came, and the last comparison. */
export function summaryLines(view: WatchView): string[] {
  const { state, source, model } = view;
  const { all } = state;
  const seen = state.devices.filter((device) => device.all.seen).map(({ name }) => name);
  const lines = wrap(
    `${source.name}: ${formatCount(all.packets)} packets in the ${model.view} view, as ${model.attack} sees them (${model.path}, trained on ${model.data})`,
  );
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
    ),
    '',
    ...wrap(seen.length === 0 ? 'Seen: none.' : `Seen: ${seen.join(', ')}.`),
  );
  if (view.isLabelled) lines.push(`Against the labels: ${percent(all.accuracy)} of packets named right.`);
  const comparison = comparisonLines(view);
  if (comparison.length > 0) lines.push('', ...comparison);
  if (view.warnings.length > 0)
    lines.push('', ...view.warnings.flatMap((warning) => wrap(`warning: ${warning}`, 9, 0)));
  return lines;
}

function comparisonLines(view: WatchView): string[] {
  const { comparison } = view;
  if (comparison === null) return [];
  const { result } = comparison;
  if (result === null) return wrap(phaseText(comparison));
  return [
    'Before and after:',
    ...changeRows(result).flatMap(({ what, off, on, difference }) =>
      wrap(`${what}: off ${off}, on ${on}; difference ${difference}`, 4, 2),
    ),
    ...wrap(`Seen with the noise off: ${seenInPeriods(result, false)}; on: ${seenInPeriods(result, true)}.`, 4, 2),
    ...wrap(caveat(view), 2),
  ];
}

function lossText({ lost, forgotten }: WatchView): string {
  const engine = lost.engine ? `, ${formatCount(lost.engine)} lost` : '';
  const skipped = lost.skipped === 0 ? '' : `, ${formatCount(lost.skipped)} skipped: the model does not keep up`;
  return `${engine}${skipped}${forgotten === 0 ? '' : `, ${formatCount(forgotten)} silent conversations forgotten`}`;
}
