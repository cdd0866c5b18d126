import type { Cost, Result, SummaryRow } from '../../result/result.js';
import { breakable, type Content, type Html, html } from '../kit/escape.js';
import { duration, fixed, isNumber, percentage } from '../kit/format.js';
import { renderBySetting, renderSection, type Subject } from '../kit/panels.js';
import { orReason, renderTable, sorted } from '../kit/table.js';
import { meanCost } from '../reading.js';
import { renderDelays } from './delays.js';

const NO_BYTES = 'not defined: there was no traffic without defense to compare with';
const NO_PACKET = 'not defined: no packet was delivered';
const NO_TIME = 'not defined: the trace has no duration';

/** Costs of each defense: a day of it in words, the delay of packets, and all costs in numbers. */
export async function renderCosts(subject: Subject): Promise<Html> {
  const content = await renderBySetting(subject, async (result, place) => {
    const defended = result.summary.filter((row) => row.defense !== 'none');
    if (result.summary.length === 0) return null;
    return html`${renderInWords(result, defended)}<h3>How long packets wait</h3>
${await renderDelays(result, place)}${renderAll(result)}`;
  });
  return renderSection('costs', 'Costs of a day', INTRO, content);
}

const INTRO = html`<p>Costs are at the rate of this traffic: a home that sends more pays more. An hour of high-definition video counts as 3 GB. Users do not notice a delay under 0.1 s. Up to 1 s they notice it, but keep their flow of thought. Beyond that they wait (Nielsen 1993).</p>
`;

function renderInWords(result: Result, rows: readonly SummaryRow[]): Html {
  if (rows.length === 0) return html``;
  return html`<dl class="definitions">
${rows.map((row) => html`<dt><code>${breakable(row.defense)}</code></dt><dd>${inWords(result, row)}</dd>\n`)}</dl>
`;
}

/** MB of an hour of high-definition video, at the highest rate that Netflix states. */
const VIDEO_HOUR = 3000;

/** Cost of a defense in words: traffic a day and a month, delay, loss. */
function inWords(result: Result, row: SummaryRow): string {
  const { megabytesPerDay, gigabytesPerMonth, addedDelay, dropped } = meanCost(result, row);
  return `${[trafficWords(megabytesPerDay, gigabytesPerMonth), delayWords(addedDelay), lossWords(dropped)]
    .filter((words) => words !== '')
    .join('; ')}.`;
}

function trafficWords(megabytes: number | null, gigabytes: number | null): string {
  if (!isNumber(megabytes) || !isNumber(gigabytes)) return 'Traffic a day is not defined';
  const size = Math.abs(megabytes);
  if (size < 0.05) return 'No extra traffic';
  const more = megabytes > 0 ? 'more' : 'less';
  const minutes = (size / VIDEO_HOUR) * 60;
  const video =
    minutes < 0.5 ? '' : `, as ${minutes < 90 ? about(minutes, 'minute') : about(minutes / 60, 'hour')} of video a day`;
  return `${amount(size, 'MB', 'GB')} ${more} a day, ${amount(Math.abs(gigabytes) * 1000, 'MB', 'GB')} a month${video}`;
}

function about(value: number, unit: string): string {
  const whole = Math.round(value);
  return `${fixed(whole, 0)}\u00A0${unit}${whole === 1 ? '' : 's'}`;
}

/** `4.2 MB`, `350 MB`, `1.3 GB`. */
function amount(megabytes: number, small: string, large: string): string {
  const [value, unit] = megabytes < 999.5 ? [megabytes, small] : [megabytes / 1000, large];
  return `${fixed(value, value < 9.95 ? 1 : 0)}\u00A0${unit}`;
}

function delayWords({ p50: median, p95, max }: Cost['addedDelay']): string {
  if (!isNumber(median) || !isNumber(p95)) return 'no packet was delivered';
  if (max === 0) return 'no packet waits';
  if (p95 === 0) return 'hardly any packet waits';
  const felt =
    p95 < 0.1 ? 'nobody notices' : p95 <= 1 ? 'a switch responds noticeably later' : 'users of a switch have to wait';
  return `half of the packets wait ${median === 0 ? 'not at all' : `up to ${duration(median)}`}, 19 of 20 up to ${duration(p95)}: ${felt}`;
}

function lossWords(dropped: number | null): string {
  return isNumber(dropped) && dropped > 0 ? `${fixed(dropped, 0)} packets of the test part are lost` : '';
}

function renderAll(result: Result): Html {
  const row = (summary: SummaryRow) => {
    const cost = meanCost(result, summary);
    const { p50, p95, p99, max } = cost.addedDelay;
    return [
      breakable(summary.defense),
      sorted(cost.bandwidthOverhead, orReason(percentage(cost.bandwidthOverhead), NO_BYTES)),
      sorted(cost.packetOverhead, orReason(percentage(cost.packetOverhead), NO_BYTES)),
      sorted(cost.megabytesPerDay, orReason(fixed(cost.megabytesPerDay, 1), NO_TIME)),
      sorted(cost.gigabytesPerMonth, orReason(fixed(cost.gigabytesPerMonth, 2), NO_TIME)),
      ...[p50, p95, p99, max].map((delay) => sorted(delay, orReason(duration(delay), NO_PACKET))),
      sorted(
        cost.dropped,
        orReason(fixed(cost.dropped, Number.isInteger(cost.dropped) ? 0 : 1), 'no cell of this defense'),
      ),
      sorted(cost.durationRatio, orReason(fixed(cost.durationRatio, 3), NO_TIME)),
    ];
  };
  const numeric = (title: Content) => ({ title, numeric: true });
  return html`<details>
<summary>All costs in numbers</summary>
${renderTable(
  'All costs in numbers',
  'Costs of each defense, means over seeds.',
  [
    { title: 'Defense' },
    ...['Bandwidth %', 'Packets %', 'MB a day', 'GB a month', 'Delay p50', 'p95', 'p99', 'max'].map(numeric),
    ...['Packets lost', 'Duration ratio'].map(numeric),
  ],
  result.summary.map(row),
  { sortable: true },
)}
</details>
`;
}
