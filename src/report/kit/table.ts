import { type Content, type Html, html } from './escape.js';
import { isNumber, NOT_AVAILABLE } from './format.js';

export interface Column {
  readonly title: Content;
  /** Numbers are set right, in figures of equal width. */
  readonly numeric?: boolean;
}

/** What stands in a table, or {@link sorted} what it is sorted by as well. */
export type TableCell = Content | Sorted;

interface Sorted {
  readonly sort: number | null;
  readonly content: Content;
}

/** `content`, in its place among others by `value`; last where that is not available. */
export function sorted(value: number | null | undefined, content: Content): Sorted {
  return { sort: isNumber(value) ? value : null, content };
}

const isSorted = (cell: TableCell): cell is Sorted =>
  typeof cell === 'object' && !Array.isArray(cell) && Object.hasOwn(cell, 'sort');

/**
 * A table that scrolls sideways inside its own box where the page is too narrow. The first cell of a row is its header.
 * @param name what a screen reader calls the box
 * @param sortable whether its headers sort it, by text or, where cells are {@link sorted}, by that
 */
export function renderTable(
  name: string,
  caption: Content,
  columns: readonly Column[],
  rows: readonly (readonly TableCell[])[],
  { sortable = false } = {},
): Html {
  return html`<div class="scroll" role="group" aria-label="${name}" tabindex="0"><table style="--columns:${columns.length}"${sortable ? html` data-sortable` : ''}>
<caption>${caption}</caption>
<thead><tr>${columns.map(({ title, numeric }) => html`<th scope="col"${numericClass(numeric)}>${title}</th>`)}</tr></thead>
<tbody>
${rows.map(
  ([header, ...cells]) =>
    html`<tr><th scope="row"${sortValue(header!)}>${contentOf(header!)}</th>${cells.map(
      (cell, i) => html`<td${numericClass(columns[i + 1]?.numeric)}${sortValue(cell)}>${contentOf(cell)}</td>`,
    )}</tr>
`,
)}</tbody>
</table></div>
`;
}

const contentOf = (cell: TableCell): Content => (isSorted(cell) ? cell.content : cell);

function sortValue(cell: TableCell): Content {
  return isSorted(cell) ? html` data-sort="${cell.sort ?? ''}"` : '';
}

function numericClass(numeric: boolean | undefined): Content {
  return numeric ? html` class="num"` : '';
}

/** `text`, or, where it is not available, why. */
export function orReason(text: string, reason: string): Content {
  return text === NOT_AVAILABLE ? html`<abbr title="${reason}">${text}</abbr>` : text;
}
