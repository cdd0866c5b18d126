import type { Result } from '../harness/result.js';
import { breakable, type Content, type Html, html } from './escape.js';
import { count, isNumber, wholePercentage } from './format.js';
import { orReason } from './table.js';
import { heatStep } from './theme.js';

/** More defenses than these have their names set upright, to keep the table narrow. */
const LEVEL_HEADERS = 6;

/** A table of shares, shaded by size: a row for each device, a column for each defense. */
export interface HeatMap {
  /** What a screen reader calls its box. */
  readonly name: string;
  readonly caption: Content;
  /** Title of the column of counts. */
  readonly counted: string;
  readonly defenses: readonly string[];
  readonly rows: readonly { readonly header: Content; readonly count: number | null; readonly shares: Shares }[];
  readonly foot: readonly { readonly header: Content; readonly shares: Shares }[];
  /** Why a share is not available. */
  readonly reason: string;
}

type Shares = readonly (number | null)[];

export function renderHeatMap({ name, caption, counted, defenses, rows, foot, reason }: HeatMap): Html {
  const cell = (share: number | null): Content => heatCell(share, reason);
  return html`<div class="scroll" role="region" aria-label="${name}" tabindex="0">
<table class="heatmap${defenses.length > LEVEL_HEADERS ? ' upright' : ''}">
<caption>${caption}</caption>
<thead><tr><th scope="col">Device</th><th scope="col" class="num">${counted}</th>${defenses.map((defense) => html`<th scope="col" class="num"><span>${breakable(defense)}</span></th>`)}</tr></thead>
<tbody>
${rows.map(
  (row) =>
    html`<tr><th scope="row">${row.header}</th><td class="num">${count(row.count)}</td>${row.shares.map(cell)}</tr>
`,
)}</tbody>
<tfoot>${foot.map((row) => html`<tr><th scope="row">${row.header}</th><td></td>${row.shares.map(cell)}</tr>`)}</tfoot>
</table></div>
`;
}

/** @param reason why the share is not available */
export function heatCell(share: number | null, reason: string): Html {
  return isNumber(share)
    ? html`<td class="heat heat-${heatStep(share)}">${wholePercentage(share)}</td>`
    : html`<td class="heat">${orReason(wholePercentage(null), reason)}</td>`;
}

/** A device's name, marked where it is no IoT device. */
export function deviceHeader({ dataset }: Result, device: string): Content {
  const isOther = dataset.devices.some(({ name, category }) => name === device && category === 'non-iot');
  return html`${device}${isOther ? html` <span class="tag">non-IoT</span>` : ''}`;
}
