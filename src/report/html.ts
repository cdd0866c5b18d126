import { checkVersion } from '../result/parse.js';
import type { Result } from '../result/result.js';
import { type Html, html, render } from './kit/escape.js';
import { renderPage } from './kit/page.js';
import { subjectOf } from './kit/panels.js';
import { renderAges } from './sections/ages.js';
import { renderAttacks } from './sections/attacks.js';
import { renderBounds } from './sections/bounds.js';
import { renderConfusion } from './sections/confusion.js';
import { renderCosts } from './sections/costs.js';
import { renderDataset } from './sections/dataset.js';
import { renderFacts, renderHeadline } from './sections/headline.js';
import { renderLive } from './sections/live.js';
import { renderMethod } from './sections/method.js';
import { renderOpenWorld } from './sections/open-world.js';
import { renderPresence } from './sections/presence.js';
import { renderRecall } from './sections/recall.js';
import { renderRun } from './sections/run.js';
import { renderSummary } from './sections/summary.js';
import { renderTradeoff } from './sections/tradeoff.js';
import { renderTransfer } from './sections/transfer.js';
import { renderWarnings } from './sections/warnings.js';
import { renderWholeHome } from './sections/whole-home.js';

/**
 * Renders the report on a run as one self-contained HTML file, a pure function of `result`. It needs no font and no network.
 * Without scripts all content can be read; with scripts, readers can choose what is shown.
 * @throws InputError for a result of another schema version
 */
export async function renderHtml(result: Result): Promise<string> {
  checkVersion(result.schemaVersion, 'result');
  const { dataset, tool } = result;
  const subject = subjectOf([result]);
  const sections = [
    { id: 'tradeoff', title: 'Privacy and price', content: await renderTradeoff(subject) },
    { id: 'summary', title: 'Defenses', content: await renderSummary(subject) },
    { id: 'costs', title: 'Costs', content: await renderCosts(subject) },
    { id: 'devices', title: 'Devices', content: await renderRecall(subject) },
    { id: 'confusion', title: 'Confusion', content: renderConfusion(subject) },
    { id: 'presence', title: 'Presence', content: await renderPresence(subject) },
    { id: 'whole-home', title: 'Whole home', content: await renderWholeHome(subject) },
    { id: 'ages', title: 'Age', content: await renderAges(subject) },
    { id: 'open-world', title: 'Open world', content: await renderOpenWorld(result, subject.specs) },
    { id: 'attacks', title: 'Attacks', content: await renderAttacks(subject) },
    { id: 'bounds', title: 'Bounds', content: renderBounds(result) },
    { id: 'transfer', title: 'Transfer', content: await renderTransfer(subject) },
    { id: 'dataset', title: 'Data', content: renderDataset(result) },
    { id: 'live', title: 'Live', content: renderLive(result) },
    { id: 'method', title: 'Method', content: renderMethod(result) },
    { id: 'run', title: 'Reproduce', content: renderRun(result) },
  ].filter(({ content }) => render(content) !== '');
  return renderPage(`${dataset.name}: Homeveil report`, tool, {
    header: html`<p class="eyebrow">Homeveil report</p>
<h1>${dataset.name}${dataset.synthetic ? html`<span class="badge">synthetic data</span>` : ''}${result.spec.live ? html`<span class="badge">live</span>` : ''}</h1>
${renderHeadline(result)}
${renderFacts(result)}`,
    nav: renderContents(sections),
    main: html`${renderWarnings(result.warnings.map((text) => ({ where: '', text })))}${sections.map(({ content }) => content)}`,
  });
}

/** Links to the sections of a page. */
export function renderContents(sections: readonly { readonly id: string; readonly title: string }[]): Html {
  return html`<nav aria-label="Contents"><ul>
${sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>\n`)}</ul></nav>
`;
}
