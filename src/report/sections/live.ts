import type { LiveFigures, Result } from '../../result/result.js';
import { breakable, type Html, html } from '../kit/escape.js';
import { count, duration, fixed } from '../kit/format.js';
import { renderTable } from '../kit/table.js';

/** How live traffic was played under each defense; empty for simulated traffic. */
export function renderLive({ cells }: Result): Html {
  const played = new Map<string, { readonly defense: string; readonly seed: number; readonly live: LiveFigures }>();
  for (const { defense, seed, live } of cells) if (live) played.set(`${defense} ${seed}`, { defense, seed, live });
  if (played.size === 0) return html``;
  return html`<section aria-labelledby="live">
<h2 id="live">How it was played</h2>
<p>The home's devices and their servers were real clients and servers, in network namespaces of one machine. The defense acted on the network between them, and the traffic beyond the gateway was captured. Times are those of the home's clock.</p>
${renderTable(
  'Live traffic',
  'How live traffic was played, by defense.',
  [
    { title: 'Defense' },
    { title: 'Seed', numeric: true },
    { title: 'Times as fast', numeric: true },
    { title: 'Took', numeric: true },
    { title: 'Connections', numeric: true },
    { title: 'Failed', numeric: true },
    { title: 'Messages late, p95', numeric: true },
    { title: 'Frames late, p95', numeric: true },
    { title: 'Capture lost', numeric: true },
  ],
  [...played.values()].map(({ defense, seed, live }) => [
    html`<code>${breakable(defense)}</code>`,
    count(seed),
    fixed(live.speed, Number.isInteger(live.speed) ? 0 : 1),
    duration(live.seconds),
    count(live.connections.opened),
    count(live.connections.failed),
    duration(live.late.p95),
    live.tunnel ? duration(live.tunnel.late.p95) : '–',
    count(live.lost),
  ]),
)}
</section>
`;
}
