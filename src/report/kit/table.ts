import { type Content, type Html, html } from './escape.js';
import { isNumber, NOT_AVAILABLE } from './format.js';

export interface Column {
  readonly title: Content;
  /** Aligns cells to the right, in figures of equal width. */
  readonly numeric?: boolean;
}

/** The content of a cell, or {@link sorted} with a value to sort by. */
export type TableCell = Content | Sorted;

interface Sorted {
  readonly sort: number | null;
  readonly content: Content;
}

/** `content`, sorted by `value`; last if that is not available. */
export function sorted(value: number | null | undefined, content: Content): Sorted {
  return { sort: isNumber(value) ? value : null, content };
}

const isSorted = (cell: TableCell): cell is Sorted =>
  typeof cell === 'object' && !Array.isArray(cell) && Object.hasOwn(cell, 'sort');

/**
 * Renders a table that scrolls sideways in a box if the page is too narrow. The first cell of a row is its header.
 * @param name name of the box for screen readers
 * @param sortable whether headers sort the table, by the value of {@link sorted} cells or else by text
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

/** `text`, with the reason as its title if it is not available. */
export function orReason(text: string, reason: string): Content {
  return text === NOT_AVAILABLE ? html`<abbr title="${reason}">${text}</abbr>` : text;
}
