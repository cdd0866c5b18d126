import type { Result } from '../../result/result.js';
import { type DelayRow, delayAxisStart, delaysChart } from '../charts/delays.js';
import { type Html, html } from '../kit/escape.js';
import { type Chart, renderFigure } from '../kit/figure.js';
import { duration, isNumber, listed } from '../kit/format.js';
import type { Place } from '../kit/panels.js';
import { meanCost, pooledDelays } from '../reading.js';

/** How long packets wait: a distribution for each defense that delays any. */
export async function renderDelays(result: Result, place: Place): Promise<Html> {
  const chart = delayChart(result);
  if (!chart) return html`<p>No defense in this run delays packets.</p>\n`;
  return renderFigure(chart, place);
}

/** Null where no defense delays any packet. */
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
  const rest = told.length > 12 ? `, and ${told.length - 12} more; the table of all costs has them` : '';
  const start = delayAxisStart(rows);
  const left =
    start === null
      ? '; the bar at “none” counts delays under 0.1 ms'
      : `; what waits less than ${duration(10 ** start)}, not one packet in a hundred, is left out`;
  return delaysChart(rows, {
    id: 'delay-distribution',
    width: 760,
    description: `Delay added to packets, by defense: ${told.slice(0, 12).join('; ')}${rest}.`,
    caption: html`Delay added to each real packet, on a logarithmic axis${
      rows.some(({ histogram }) => histogram !== null)
        ? `: the higher the bar, the larger the share of packets, each defense to its own scale${left}`
        : ' (this result has percentiles only)'
    }. Filled: median; hollow: 95th percentile; dash: the longest.${
      others.length > 0
        ? ` Without delay, or without any packet delivered: ${listed(others.map((row) => row.defense))}.`
        : ''
    }`,
  });
}
