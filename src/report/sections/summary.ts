import type { Interval, SummaryRow } from '../../result/result.js';
import { breakable, type Content, type Html, html } from '../kit/escape.js';
import { duration, isNumber, percentage } from '../kit/format.js';
import { renderBySetting, renderSection, type Subject } from '../kit/panels.js';
import { orReason, renderTable, sorted, type TableCell } from '../kit/table.js';
import { readsAddresses } from '../reading.js';

const NOT_ASKED = 'this adversary was not part of the run';
const ALL_READ = 'every attack of the run reads remote addresses';
const NO_REFERENCE = 'the run has no undefended traffic (defense none) to compare with';
const NO_BYTES = 'not defined: there was no traffic without defense to compare with';
const NO_PACKET = 'not defined: no packet was delivered';

/** One row per defense: accuracy of identification, and costs. */
export async function renderSummary(subject: Subject): Promise<Html> {
  const content = await renderBySetting(subject, ({ summary }) => (summary.length === 0 ? null : renderRows(summary)));
  return renderSection('summary', 'Defenses compared', '', content);
}

function renderRows(summary: readonly SummaryRow[]): Html {
  const reads = summary.some(readsAddresses);
  const rows = summary.map((row, i): TableCell[] => [
    sorted(
      i,
      html`<span class="numbered"><span class="number">${i + 1}</span><span>${breakable(row.defense)}${row.pareto ? html` <span class="tag">Pareto</span>` : ''}</span></span>`,
    ),
    sorted(row.static?.mean, renderInterval(row.static)),
    sorted(row.adaptive?.mean, renderInterval(row.adaptive)),
    ...(reads
      ? [sorted(row.withoutAddresses?.accuracy.mean, renderInterval(row.withoutAddresses?.accuracy ?? null, ALL_READ))]
      : []),
    sorted(row.drop, renderDrop(row)),
    sorted(row.bandwidthOverhead, orReason(percentage(row.bandwidthOverhead), NO_BYTES)),
    sorted(row.addedDelayP95, orReason(duration(row.addedDelayP95), NO_PACKET)),
    sorted(row.chance, percentage(row.chance)),
    sorted(row.majority, percentage(row.majority)),
    breakable(row.bestAttack),
  ]);
  return renderTable(
    'Defenses compared',
    `Share of real packets whose device the best attack names, by adversary, with 95 % intervals below. Drop: difference to the accuracy without defense, in percentage points. Its interval compares the same times with and without defense, so it can be narrower.${reads ? ' Addresses unread: the best attack that reads packets alone, as the observer of Dong et al. does; a provider reads addresses, too.' : ''}`,
    [
      { title: 'Defense' },
      { title: 'Static\u00A0%', numeric: true },
      { title: 'Adaptive\u00A0%', numeric: true },
      ...(reads ? [{ title: 'Addresses unread %', numeric: true }] : []),
      { title: 'Drop, points', numeric: true },
      { title: 'Bandwidth overhead %', numeric: true },
      { title: 'Delay p95', numeric: true },
      { title: 'Chance\u00A0%', numeric: true },
      { title: 'Majority\u00A0%', numeric: true },
      { title: 'Best attack' },
    ],
    rows,
    { sortable: true },
  );
}

function renderInterval(interval: Interval | null, reason = NOT_ASKED): Content {
  if (interval === null) return orReason(percentage(null), reason);
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
