import type { Interval, Result, SummaryRow } from '../../harness/result.js';
import { breakable, type Content, type Html, html } from '../escape.js';
import { duration, fixed, isNumber, percentage } from '../format.js';
import { meanCost } from '../reading.js';
import { orReason, renderTable } from '../table.js';

const NOT_ASKED = 'this adversary was not part of the run';
const NO_REFERENCE = 'the run has no undefended traffic (defense none) to compare with';
const NO_BYTES = 'not defined: there was no traffic without defense to compare with';
const NO_PACKET = 'not defined: no packet was delivered';

/** One row per defense: how well it was identified, and what it costs. */
export function renderSummary(result: Result): Html {
  if (result.summary.length === 0) return html``;
  const rows = result.summary.map((row, i): Content[] => [
    html`<span class="numbered"><span class="number">${i + 1}</span><span>${breakable(row.defense)}${row.pareto ? html` <span class="tag">Pareto</span>` : ''}</span></span>`,
    renderInterval(row.static),
    renderInterval(row.adaptive),
    renderDrop(row),
    orReason(percentage(row.bandwidthOverhead), NO_BYTES),
    orReason(duration(row.addedDelayP95), NO_PACKET),
    percentage(row.chance),
    percentage(row.majority),
    breakable(row.bestAttack),
  ]);
  return html`<section aria-labelledby="summary">
<h2 id="summary">Defenses compared</h2>
${renderTable(
  'Defenses compared',
  'Share of real packets whose device the best attack names, by adversary, with 95 % intervals below. Drop: how much lower than without defense, in percentage points; its interval compares the same stretches of time with and without defense, so it can be narrower than theirs.',
  [
    { title: 'Defense' },
    { title: 'Static\u00A0%', numeric: true },
    { title: 'Adaptive\u00A0%', numeric: true },
    { title: 'Drop, points', numeric: true },
    { title: 'Bandwidth overhead %', numeric: true },
    { title: 'Delay p95', numeric: true },
    { title: 'Chance\u00A0%', numeric: true },
    { title: 'Majority\u00A0%', numeric: true },
    { title: 'Best attack' },
  ],
  rows,
)}
${renderCosts(result)}
</section>
`;
}

function renderInterval(interval: Interval | null): Content {
  if (interval === null) return orReason(percentage(null), NOT_ASKED);
  const { mean, low, high } = interval;
  if (low === null || high === null) return percentage(mean);
  return html`${percentage(mean)}<span class="interval">${range(low, high)}</span>`;
}

function renderDrop({ defense, drop, dropLow, dropHigh }: SummaryRow): Content {
  if (!isNumber(drop) || !isNumber(dropLow) || !isNumber(dropHigh) || defense === 'none') {
    return orReason(percentage(drop), NO_REFERENCE);
  }
  return html`${percentage(drop)}<span class="interval">${range(dropLow, dropHigh)}</span>`;
}

/** `3.5–5.1`, or `−0.4 to 1.2`: a dash would look like a minus sign. */
function range(low: number, high: number): string {
  return `${percentage(low)}${low < 0 ? ' to ' : '–'}${percentage(high)}`;
}

function renderCosts(result: Result): Html {
  const row = (summary: SummaryRow): Content[] => {
    const cost = meanCost(result, summary);
    return [
      breakable(summary.defense),
      orReason(percentage(cost.bandwidthOverhead), NO_BYTES),
      orReason(percentage(cost.packetOverhead), NO_BYTES),
      orReason(fixed(cost.megabytesPerDay, 1), 'not defined: the trace has no duration'),
      orReason(fixed(cost.gigabytesPerMonth, 2), 'not defined: the trace has no duration'),
      ...[cost.addedDelay.p50, cost.addedDelay.p95, cost.addedDelay.p99, cost.addedDelay.max].map((delay) =>
        orReason(duration(delay), NO_PACKET),
      ),
      orReason(fixed(cost.dropped, Number.isInteger(cost.dropped) ? 0 : 1), 'no cell of this defense'),
      orReason(fixed(cost.durationRatio, 3), 'not defined: the trace has no duration'),
    ];
  };
  return html`<details>
<summary>All costs</summary>
${renderTable(
  'All costs',
  'Costs of each defense, means over seeds.',
  [
    { title: 'Defense' },
    { title: 'Bandwidth %', numeric: true },
    { title: 'Packets %', numeric: true },
    { title: 'MB a day', numeric: true },
    { title: 'GB a month', numeric: true },
    { title: 'Delay p50', numeric: true },
    { title: 'p95', numeric: true },
    { title: 'p99', numeric: true },
    { title: 'max', numeric: true },
    { title: 'Packets lost', numeric: true },
    { title: 'Duration ratio', numeric: true },
  ],
  result.summary.map(row),
)}
</details>`;
}
