import { type Html, html } from '../escape.js';
import { counted } from '../format.js';

/** More than these stay folded, so that they do not push the findings off the page. */
const SHOWN = 6;

/** What the run itself says against its numbers. */
export function renderWarnings(warnings: readonly string[]): Html {
  if (warnings.length === 0) return html``;
  const items = warnings.map((warning) => html`<li>${warning}</li>`);
  const rest = items.slice(SHOWN);
  return html`<section class="notice" aria-labelledby="warnings">
<h2 id="warnings">${counted(warnings.length, 'warning')}</h2>
<ul>${items.slice(0, SHOWN)}</ul>
${rest.length > 0 ? html`<details><summary>${counted(rest.length, 'more warning')}</summary><ul>${rest}</ul></details>` : ''}
</section>
`;
}
