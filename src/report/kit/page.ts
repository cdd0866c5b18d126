import type { Result } from '../../result/result.js';
import { type Html, html, render, trusted } from './escape.js';
import { SCRIPT, SCRIPT_HASH } from './script.js';
import { STYLE } from './style.js';

/** A self-contained page: it needs no font and no network, and can be read without a script. */
export function renderPage(
  title: string,
  tool: Result['tool'],
  { header, nav, main }: Record<'header' | 'nav' | 'main', Html>,
): string {
  return render(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src ${SCRIPT_HASH}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="${tool.name} ${tool.version}">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${trusted(STYLE)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the findings</a>
<div class="page">
<header>
${header}
</header>
${nav}<main id="main">
${main}</main>
<footer><p>Made by ${tool.name} ${tool.version} from result.json alone.</p></footer>
</div>
${SCRIPT}
</body>
</html>
`);
}
