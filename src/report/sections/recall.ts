import type { Result, SummaryRow } from '../../harness/result.js';
import { breakable, type Html, html } from '../escape.js';
import { counted, listed } from '../format.js';
import { deviceHeader, renderHeatMap } from '../heat-map.js';
import { deviceScores, mean, scoredDevices, strongestDefense, undefendedRow } from '../reading.js';

/** Which devices are still told, in words and as a heat map of recall. */
export function renderRecall(result: Result): Html {
  const devices = scoredDevices(result);
  if (devices.length === 0) return html``;
  return html`<section aria-labelledby="devices">
<h2 id="devices">What an observer can still tell</h2>
${renderInWords(result, devices)}
${renderRecallMap(result, devices)}
</section>
`;
}

type Level = 'reliably' | 'often' | 'seldom';

/**
 * How far the best attack of `row` tells `device`. Recall alone would call the commonest device well known to an
 * attack that always answers with it, so precision has to be as high.
 */
function levelOf(result: Result, row: SummaryRow, device: string): Level | null {
  const { recall, precision } = deviceScores(result, row, device);
  if (recall === null) return null;
  const least = Math.min(recall, precision ?? 0);
  return least >= 0.8 ? 'reliably' : least >= 0.5 ? 'often' : 'seldom';
}

function renderInWords(result: Result, devices: readonly string[]): Html {
  const none = undefendedRow(result);
  const strongest = strongestDefense(result);
  const told = (row: SummaryRow) => {
    const at = (level: Level) => devices.filter((device) => levelOf(result, row, device) === level);
    return { reliably: at('reliably'), often: at('often'), seldom: at('seldom') };
  };
  const first = [none, strongest].filter((row) => row !== null);
  const others = result.summary.filter((row) => !first.includes(row));
  const entry = (row: SummaryRow): Html => {
    const { reliably, often, seldom } = told(row);
    const part = (title: string, names: readonly string[]) =>
      names.length > 0 ? html`<li><b>${title}</b> (${names.length} of ${devices.length}): ${listed(names)}</li>` : '';
    return html`<h3>${row === none ? 'Without defense' : html`With <code>${breakable(row.defense)}</code>`}</h3>
<ul class="told">${part('Reliably', reliably)}${part('More often than not', often)}${part('Seldom or never', seldom)}</ul>
`;
  };
  return html`<p>A device is told <em>reliably</em> where at least four in five of its packets are recognised and at least four in five packets given its name are its own; <em>more often than not</em> where both are at least half.</p>
${first.map(entry)}
${others.length > 0 ? html`<details><summary>With the ${counted(others.length, 'other defense')}</summary>${others.map(entry)}</details>` : ''}`;
}

function renderRecallMap(result: Result, devices: readonly string[]): Html {
  const { summary } = result;
  const table = devices.map((device) => summary.map((row) => deviceScores(result, row, device)));
  return renderHeatMap({
    name: 'Recall of each device under each defense',
    caption:
      'Recall: share of each device’s packets, in percent, that the best attack gives to it. Darker is better known to the observer in a light page, lighter in a dark one. Packets: those scored, mean over seeds.',
    counted: 'Packets',
    defenses: summary.map((row) => row.defense),
    rows: devices.map((device, i) => ({
      header: deviceHeader(result, device),
      count: mean(table[i]!.map((scores) => scores.support)),
      shares: table[i]!.map((scores) => scores.recall),
    })),
    foot: [
      {
        header: 'Mean over devices',
        shares: summary.map((_, column) => mean(table.map((row) => row[column]!.recall))),
      },
    ],
    reason: 'no packet of this device was scored',
  });
}
