import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Html, html, trusted } from './escape.js';

const source = readFileSync(new URL('./page-script.js', import.meta.url), 'utf8').replace(
  /\n\/\/# sourceMappingURL=.*/,
  '',
);

/** The only script of a page, which its Content-Security-Policy allows by hash. */
export const SCRIPT: Html = html`<script type="module">${trusted(source)}</script>`;

/** Source expression of a Content-Security-Policy for {@link SCRIPT}. */
export const SCRIPT_HASH = `'sha256-${createHash('sha256').update(source).digest('base64')}'`;
