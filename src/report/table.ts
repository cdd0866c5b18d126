import { type Content, type Html, html } from './escape.js';
import { NOT_AVAILABLE } from './format.js';

export interface Column {
  readonly title: Content;
  /** Numbers are set right, in figures of equal width. */
  readonly numeric?: boolean;
}

/**
 * A table that scrolls sideways inside its own box where the page is too narrow. The first cell of a row is its header.
 * @param name what a screen reader calls the box
 */
export function renderTable(
  name: string,
  caption: Content,
  columns: readonly Column[],
  rows: readonly (readonly Content[])[],
): Html {
  return html`<div class="scroll" role="region" aria-label="${name}" tabindex="0"><table>
<caption>${caption}</caption>
<thead><tr>${columns.map(({ title, numeric }) => html`<th scope="col"${numericClass(numeric)}>${title}</th>`)}</tr></thead>
<tbody>
${rows.map(
  ([header, ...cells]) =>
    html`<tr><th scope="row">${header!}</th>${cells.map(
      (cell, i) => html`<td${numericClass(columns[i + 1]?.numeric)}>${cell}</td>`,
    )}</tr>
`,
)}</tbody>
</table></div>
`;
}

function numericClass(numeric: boolean | undefined): Content {
  return numeric ? html` class="num"` : '';
}

/** `text`, or, where it is not available, why. */
export function orReason(text: string, reason: string): Content {
  return text === NOT_AVAILABLE ? html`<abbr title="${reason}">${text}</abbr>` : text;
}
