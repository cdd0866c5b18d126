import type { Result } from '../../result/result.js';
import { type DelayRow, delayAxisStart, delaysChart } from '../charts/delays.js';
import { type Html, html } from '../kit/escape.js';
import { type Chart, renderFigure } from '../kit/figure.js';
import { duration, firstOf, isNumber, listed } from '../kit/format.js';
import type { Place } from '../kit/panels.js';
import { meanCost, pooledDelays } from '../reading.js';

/** The distribution of delays for each defense that delays packets. */
export async function renderDelays(result: Result, place: Place): Promise<Html> {
  const chart = delayChart(result);
  if (!chart) return html`<p>No defense in this run delays packets.</p>\n`;
  return renderFigure(chart, place);
}

/** Null if no defense delays a packet. */
export function delayChart(result: Result): Chart | null {
  const rows = result.summary.flatMap((row): DelayRow[] => {
    const { p50, p95, max } = meanCost(result, row).addedDelay;
    if (!isNumber(p50) || !isNumber(p95) || !isNumber(max) || max <= 0) return [];
    return [{ defense: row.defense, percentiles: { p50, p95, max }, histogram: pooledDelays(result, row) }];
  });
  if (rows.length === 0) return null;
  const others = result.summary.filter((row) => !rows.some(({ defense }) => defense === row.defense));
  const told = rows.map(
    ({ defense, percentiles: { p50, p95, max } }) =>
      `${defense} median ${duration(p50)}, 95th percentile ${duration(p95)}, longest ${duration(max)}`,
  );
  const start = delayAxisStart(rows);
  const left =
    start === null
      ? '; the bar at “none” counts delays under 0.1 ms'
      : `; delays under ${duration(10 ** start)}, of fewer than one packet in a hundred, are left out`;
  return delaysChart(rows, {
    id: 'delay-distribution',
    width: 760,
    description: `Delay added to packets, by defense: ${firstOf(told, 'the table of all costs has them')}.`,
    caption: html`Delay added to each real packet, on a logarithmic axis${
      rows.some(({ histogram }) => histogram !== null)
        ? `. Bars show shares of packets, each defense on its own scale${left}`
        : ' (this result has percentiles only)'
    }. Filled: median; hollow: 95th percentile; dash: maximum.${
      others.length > 0 ? ` No delay, or no packet delivered: ${listed(others.map((row) => row.defense))}.` : ''
    }`,
  });
}
