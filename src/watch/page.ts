import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { FEWEST } from '../harness/observer/conclude.js';
import { type Html, html, render, trusted } from '../report/kit/escape.js';
import type { ComparisonStatus } from './comparison.js';
import { WATCH_STYLE } from './style.js';
import type { WatchView } from './watch.js';
import type { WatchedDevice } from './watcher.js';
import {
  ago,
  caveat,
  changeRows,
  inOrder,
  noiseWord,
  percent,
  phaseText,
  rate,
  seenInPeriods,
  seenNames,
  seenWord,
  span,
  trafficWords,
} from './words.js';

const script = readFileSync(new URL('./page-script.js', import.meta.url), 'utf8').replace(
  /\n\/\/# sourceMappingURL=.*/,
  '',
);

/** Allows only the page's own script and styles, and connections to its own server. */
export const POLICY = [
  "default-src 'none'",
  `script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`,
  "style-src 'unsafe-inline'",
  'img-src data:',
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Renders the page in its present state. A script keeps its parts up to date; without scripts it stays as it is. */
export function renderWatchPage(view: WatchView | null): string {
  const parts = view === null ? null : partsOf(view);
  const part = (name: keyof Parts): Html => parts?.[name] ?? html``;
  return render(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>homeveil watch</title>
<link rel="icon" href="data:,">
<style>${trusted(WATCH_STYLE)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the conclusions</a>
<div class="page">
<header>
<p class="eyebrow">homeveil watch</p>
<h1>What an observer could conclude right now</h1>
<p id="connection" role="status">Shows the state at the time the page was loaded.</p>
</header>
<main id="main">
<p class="headline" id="headline" aria-live="polite">${part('headline')}</p>
<ul class="facts" id="facts">${part('facts')}</ul>
<section>
<h2>Traffic</h2>
<div id="traffic">${part('traffic')}</div>
</section>
<section>
<h2 id="devices-title">Devices</h2>
<div class="scroll" role="region" aria-labelledby="devices-title" tabindex="0">
<table id="devices-table" aria-labelledby="devices-title">
<thead id="columns">${part('columns')}</thead>
<tbody id="devices">${part('devices')}</tbody>
</table>
</div>
<p id="rules">${part('rules')}</p>
</section>
<section>
<h2>Before and after</h2>
<div id="controls">${part('controls')}</div>
<p id="problem" role="alert"></p>
<p id="phase">${part('phase')}</p>
<div id="done">${part('done')}</div>
</section>
<section id="warnings">${part('warnings')}</section>
</main>
</div>
<script type="module">${trusted(script)}</script>
</body>
</html>
`);
}

/** Renders the parts that change, by the id of the element that holds each. */
export function renderParts(view: WatchView): Record<keyof Parts, string> {
  return Object.fromEntries(Object.entries(partsOf(view)).map(([id, part]) => [id, render(part)])) as never;
}

type Parts = ReturnType<typeof partsOf>;

function partsOf(view: WatchView) {
  const { state, model, source, comparison } = view;
  const { traffic, now, all } = state;
  const names = seenNames(view);
  const facts = [
    `${source.kind} ${source.name}`,
    `${model.attack}, ${model.view} view`,
    ...(view.hosts === null ? [] : [`${view.hosts} ${view.hosts === 1 ? 'host' : 'hosts'}`]),
    `${all.packets.toLocaleString('en-US')} packets since ${clock(state.since)}`,
    ...(view.lost.engine ? [`${view.lost.engine.toLocaleString('en-US')} lost`] : []),
    ...(view.lost.skipped
      ? [`${view.lost.skipped.toLocaleString('en-US')} skipped because the model is too slow`]
      : []),
    ...(view.forgotten ? [`${view.forgotten.toLocaleString('en-US')} idle connections dropped`] : []),
    ...(source.isOver ? ['finished'] : []),
  ];
  return {
    headline:
      names.length === 0
        ? html`In the last ${span(state.span)} the model sees <strong>no device</strong>.`
        : html`In the last ${span(state.span)} the model sees <strong>${names.join(', ')}</strong>.`,
    facts: html`${facts.map((fact) => html`<li>${fact}</li>`)}`,
    traffic: html`${
      view.nothingLeaves
        ? html`<p class="notice">${sentence(trafficWords(view))}</p>`
        : html`<dl class="figures">
${figure('packets', `${traffic.packets.toFixed(1)} /s`)}
${figure('out', rate(traffic.outbound))}
${figure('in', rate(traffic.inbound))}
${figure('noise, according to the model', model.hasCover ? noiseWord(view) : 'unknown')}
${figure('attributed to no device', percent(now.packets === 0 ? null : now.unsure.packets / now.packets))}
${view.isLabelled ? figure('identified correctly', percent(now.accuracy)) : ''}
</dl>`
    }
<figure><svg class="course" viewBox="0 0 59 20" preserveAspectRatio="none" role="img" aria-label="${courseLabel(view)}"><path d="${line(state.history.packets, 20)}"/></svg>
<figcaption>Packets in each ${span(state.history.seconds)} of the last ${span(state.span)}; peak ${Math.max(...state.history.packets).toLocaleString('en-US')}.${model.hasCover ? '' : ' The model was trained without noise, so it cannot recognise noise.'}</figcaption></figure>`,
    columns: html`<tr><th scope="col">device</th><th scope="col">seen</th><th scope="col">confidence</th><th scope="col" class="num">packets</th><th scope="col" class="num">share</th><th scope="col" class="num">since start</th><th scope="col" class="num">ago</th><th scope="col">last ${span(state.span)}</th></tr>`,
    devices: html`${inOrder(state.devices).map((device) => deviceRow(device, view))}`,
    rules: html`A device is seen if the model attributes at least ${FEWEST} packets of the last ${span(state.span)} to it, and more than twice as many as its mistakes alone would explain. If only the second condition fails, the device is unclear. Confidence is the model's own estimate, not how often it is right.`,
    controls:
      comparison === null ? html`<p>Available on a live interface, not for a capture file.</p>` : controls(comparison),
    phase: comparison === null ? html`` : html`${phaseText(comparison)}`,
    done: comparison?.result ? done(view, comparison) : html``,
    warnings:
      view.warnings.length === 0
        ? html``
        : html`<div class="notice"><h2>Keep in mind</h2><ul>${view.warnings.map((warning) => html`<li>${warning}</li>`)}</ul></div>`,
  };
}

/** Makes a sentence of a text: a capital letter first, a full stop at the end. */
const sentence = (text: string) => `${text[0]!.toUpperCase()}${text.slice(1)}.`;

function figure(name: string, value: string): Html {
  return html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
}

function deviceRow(device: WatchedDevice, { state }: WatchView): Html {
  const { name, now, all, last, history } = device;
  const word = seenWord(device, FEWEST);
  const confidence =
    now.confidence === null
      ? html`–`
      : html`<span class="meter"><svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect width="${(now.confidence * 100).toFixed(1)}" height="8"/></svg></span>${now.confidence.toFixed(2)}`;
  const course =
    now.packets === 0
      ? html``
      : html`<svg class="spark" viewBox="0 0 59 20" preserveAspectRatio="none" aria-hidden="true"><path d="${line(history, 20)}"/></svg>`;
  return html`<tr${word === 'no' ? trusted(' class="quiet"') : ''}><th scope="row">${name}</th><td class="seen-${word}">${word}</td><td>${confidence}</td><td class="num">${now.packets.toLocaleString('en-US')}</td><td class="num">${percent(now.packetShare)}</td><td class="num">${all.packets.toLocaleString('en-US')}</td><td class="num">${ago(last, state.time)}</td><td>${course}</td></tr>`;
}

function controls({ phase, request, isAutomatic }: ComparisonStatus): Html {
  const cancel = html`<form method="post" action="cancel"><button class="plain">Cancel</button></form>`;
  if (phase === 'turn off' || phase === 'turn on') {
    if (isAutomatic) return cancel;
    return html`<form method="post" action="confirm"><button>The noise is ${phase === 'turn on' ? 'on' : 'off'} now</button></form>${cancel}`;
  }
  if (phase === 'off' || phase === 'on' || phase === 'late packets') return cancel;
  return html`<p>Measures in turn with the noise off and on, then shows the difference and what the noise costs. ${isAutomatic ? 'The noise command is started and stopped for you.' : 'You will be asked to switch the noise off and on.'}</p>
<form method="post" action="compare"><label>minutes per period<input name="minutes" type="number" min="0" step="any" required value="${request.seconds / 60}"></label><label>rounds, off and on<input name="pairs" type="number" min="1" max="100" step="1" required value="${request.pairs}"></label><button>Compare before and after</button></form>`;
}

function done(view: WatchView, { result }: ComparisonStatus): Html {
  const rows = changeRows(result!);
  return html`<div class="scroll" role="region" aria-label="Before and after" tabindex="0"><table><thead><tr><th scope="col">measure</th><th scope="col" class="num">noise off</th><th scope="col" class="num">noise on</th><th scope="col" class="num">difference</th><th scope="col">95 % interval</th></tr></thead>
<tbody>${rows.map(({ what, off, on, difference, interval }) => html`<tr><th scope="row">${what}</th><td class="num">${off}</td><td class="num">${on}</td><td class="num">${difference}</td><td>${interval}</td></tr>`)}</tbody></table></div>
<p>Seen with the noise off: ${seenInPeriods(result!, false)}. Seen with it on: ${seenInPeriods(result!, true)}.</p>
<p>${caveat(view)}</p>`;
}

function courseLabel({ state }: WatchView): string {
  const { packets, seconds } = state.history;
  return `Packets in each ${span(seconds)} of the last ${span(state.span)}: peak ${Math.max(...packets)}, now ${packets.at(-1)}.`;
}

/** SVG path through values, with the highest at the top. */
function line(values: readonly number[], height: number): string {
  const most = Math.max(1, ...values);
  return values
    .map((value, i) => `${i === 0 ? 'M' : 'L'}${i} ${(height - (height * value) / most).toFixed(2)}`)
    .join('');
}

function clock(seconds: number | null): string {
  return seconds === null ? 'the start' : `${new Date(seconds * 1000).toISOString().slice(11, 19)} UTC`;
}
