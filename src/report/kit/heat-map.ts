import type { Result } from '../../result/result.js';
import { matrixChart } from '../charts/matrix.js';
import { breakable, type Content, type Html, html } from './escape.js';
import { type Chart, lightSpec } from './figure.js';
import { count, isNumber, wholePercentage } from './format.js';
import type { Specs } from './specs.js';
import { orReason } from './table.js';
import { heatStep } from './theme.js';

/** Most columns with level names. More columns have upright names, to keep the table narrow. */
const LEVEL_HEADERS = 6;

/** A table of shares, shaded by size. */
export interface HeatMap {
  readonly id: string;
  /** Names the scrolling box, and the figure as a file. */
  readonly name: string;
  readonly caption: Content;
  /** Title of the row headers. */
  readonly corner: string;
  /** Title of a column of counts before the shares. */
  readonly counted?: string;
  readonly columns: readonly string[];
  readonly rows: readonly HeatRow[];
  readonly foot?: readonly HeatRow[];
  /** The reason why a share is not available. */
  readonly reason: string;
  /** Leaves shares empty that round to 0, which most are in a matrix of mistakes. */
  readonly sparse?: boolean;
}

interface HeatRow {
  /** Plain text of the header. */
  readonly name: string;
  readonly header?: Content;
  readonly count?: number | null;
  readonly shares: readonly (number | null)[];
}

export function renderHeatMap(map: HeatMap, specs: Specs): Html {
  const { name, caption, corner, counted, columns, rows, foot = [], reason, sparse } = map;
  const cell = (share: number | null): Content =>
    sparse && isNumber(share) && share < 0.005 ? html`<td></td>` : heatCell(share, reason);
  const row = ({ name, header, count: of, shares }: HeatRow, inBody: boolean): Html =>
    html`<tr><th scope="row">${header ?? breakable(name)}</th>${
      counted === undefined ? '' : html`<td class="num">${inBody ? count(of) : ''}</td>`
    }${shares.map(cell)}</tr>
`;
  const table = html`<div class="scroll" role="group" aria-label="${name}" tabindex="0">
<table class="heatmap${columns.length > LEVEL_HEADERS ? ' upright' : ''}" style="--columns:${Math.ceil(columns.length / 2) + 4}">
<caption>${caption}</caption>
<thead><tr><th scope="col">${corner}</th>${
    counted === undefined ? '' : html`<th scope="col" class="num">${counted}</th>`
  }${columns.map((column) => html`<th scope="col" class="share"><span>${breakable(column)}</span></th>`)}</tr></thead>
<tbody>
${rows.map((one) => row(one, true))}</tbody>
${foot.length > 0 ? html`<tfoot>${foot.map((one) => row(one, false))}</tfoot>` : ''}</table></div>`;
  return html`<figure class="matrix">
${table}
${specs.embed(map.id, lightSpec(heatChart(map)))}</figure>
`;
}

/** A heat map as a figure. */
export function heatChart({ id, name, columns, rows, foot = [], caption }: HeatMap): Chart {
  const all = [...rows, ...foot];
  return matrixChart(
    { rows: all.map((row) => row.name), columns, shares: all.map((row) => row.shares) },
    { id, width: 760, description: `${name}.`, caption: html`${caption}` },
  );
}

/** @param reason why the share is not available */
function heatCell(share: number | null, reason: string): Html {
  return isNumber(share)
    ? html`<td class="heat heat-${heatStep(share)}">${wholePercentage(share)}</td>`
    : html`<td class="heat">${orReason(wholePercentage(null), reason)}</td>`;
}

/** The name of a device, marked if it is no IoT device. */
export function deviceHeader({ dataset }: Result, device: string): Content {
  const isOther = dataset.devices.some(({ name, category }) => name === device && category === 'non-iot');
  return html`${device}${isOther ? html` <span class="tag">non-IoT</span>` : ''}`;
}
