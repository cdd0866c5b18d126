import type { Result, SummaryRow } from '../../result/result.js';
import { breakable, type Content, type Html, html } from '../kit/escape.js';
import { counted, listed, percent } from '../kit/format.js';
import { deviceHeader, type HeatMap, renderHeatMap } from '../kit/heat-map.js';
import { renderByObserver, renderSection, type Subject } from '../kit/panels.js';
import { deviceScores, mean, scoredDevices, strongestDefense, undefendedRow } from '../reading.js';

/** The devices that can still be identified, in words and as a heat map of recall. */
export async function renderRecall(subject: Subject): Promise<Html> {
  const content = await renderByObserver(subject, (result, place) => {
    const devices = scoredDevices(result);
    if (devices.length === 0) return null;
    return html`${renderInWords(result, devices)}${renderHeatMap(recallMap(result), place.specs)}${renderByDevice(result, devices)}`;
  });
  return renderSection('devices', 'Which devices an observer still identifies', INTRO, content);
}

const INTRO = html`<p>A device is identified <em>reliably</em> if at least four in five of its packets are recognised, and at least four in five of the packets given its name are its own. It is identified <em>more often than not</em> if both shares are at least one half.</p>
`;

type Level = 'reliably' | 'often' | 'seldom';

/**
 * How well the best attack of `row` identifies `device`. An attack that always names the most common device has full recall for it,
 * so precision must be as high.
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
  return html`<div class="levels">${first.map((row) => html`<div>${entry(row)}</div>`)}</div>
${others.length > 0 ? html`<details><summary>With the ${counted(others.length, 'other defense')}</summary><div class="levels">${others.map((row) => html`<div>${entry(row)}</div>`)}</div></details>` : ''}`;
}

const LEVEL_WORDS: Record<Level, string> = {
  reliably: 'identified reliably',
  often: 'identified more often than not',
  seldom: 'seldom or never identified',
};

/** A sentence for each device: how well it is identified without defense, and with the defense that hides it best. */
function renderByDevice(result: Result, devices: readonly string[]): Html {
  const none = undefendedRow(result);
  const others = result.summary.filter((row) => row !== none);
  if (others.length === 0) return html``;
  const sentence = (device: string): Content => {
    const recallOf = (row: SummaryRow) => deviceScores(result, row, device).recall;
    const scored = others.flatMap((row) => {
      const recall = recallOf(row);
      return recall === null ? [] : [{ row, recall }];
    });
    scored.sort((a, b) => a.recall - b.recall);
    const best = scored[0];
    const level = none && levelOf(result, none, device);
    const before = none && recallOf(none);
    if (!best) return 'has no packets that were scored.';
    const after = html`${percent(best.recall)} of its packets recognised with <code>${breakable(best.row.defense)}</code>`;
    if (!level || before === null) return html`${after}, fewer than with any other defense.`;
    if (best.recall >= before) {
      return html`${LEVEL_WORDS[level]} without defense (${percent(before)} of its packets recognised); no defense here hides it better.`;
    }
    const left = levelOf(result, best.row, device)!;
    return html`${LEVEL_WORDS[level]} without defense (${percent(before)} of its packets recognised), ${
      left === level ? html`and still ${left === 'seldom' ? 'so' : LEVEL_WORDS[left]}` : LEVEL_WORDS[left]
    } at best: ${after}.`;
  };
  return html`<details>
<summary>Device by device</summary>
<ul class="told">${devices.map((device) => html`<li><b>${device}</b>: ${sentence(device)}</li>\n`)}</ul>
</details>
`;
}

/** Recall of each device under each defense, for the page and as a figure. */
export function recallMap(result: Result): HeatMap {
  const { summary } = result;
  const devices = scoredDevices(result);
  const table = devices.map((device) => summary.map((row) => deviceScores(result, row, device)));
  return {
    id: 'recall',
    name: 'Recall of each device under each defense',
    caption:
      'Recall: share of each device’s packets, in percent, that the attack attributes to it. A stronger colour means a higher share. Packets: number scored, mean over seeds.',
    corner: 'Device',
    counted: 'Packets',
    columns: summary.map((row) => row.defense),
    rows: devices.map((device, i) => ({
      name: device,
      header: deviceHeader(result, device),
      count: mean(table[i]!.map((scores) => scores.support)),
      shares: table[i]!.map((scores) => scores.recall),
    })),
    foot: [
      {
        name: 'Mean over devices',
        shares: summary.map((_, column) => mean(table.map((row) => row[column]!.recall))),
      },
    ],
    reason: 'no packet of this device was scored',
  };
}
