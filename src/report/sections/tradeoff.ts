import type { Result, SummaryRow } from '../../result/result.js';
import { type Tradeoff, tradeoffChart } from '../charts/tradeoff.js';
import { type Html, html } from '../kit/escape.js';
import { type Chart, renderFigure } from '../kit/figure.js';
import { duration, firstOf, isNumber, listed, percent } from '../kit/format.js';
import { type Place, renderByObserver, renderSection, type Subject } from '../kit/panels.js';
import { majorityWords } from '../reading.js';

interface CostKind {
  readonly id: string;
  readonly of: (row: SummaryRow) => number | null;
  readonly format: (cost: number) => string;
  readonly name: string;
  readonly title: string;
  readonly unit: Tradeoff['costUnit'];
  /** The sentence in place of a chart if no defense costs anything. */
  readonly free: string;
}

const KINDS: readonly CostKind[] = [
  {
    id: 'privacy-traffic',
    of: (row) => row.bandwidthOverhead,
    format: percent,
    name: 'bandwidth overhead',
    title: 'Bandwidth overhead',
    unit: 'percent',
    free: 'No defense in this run changes the amount of traffic.',
  },
  {
    id: 'privacy-delay',
    of: (row) => row.addedDelayP95,
    format: duration,
    name: 'added delay',
    title: 'Added delay, 95th percentile',
    unit: 'seconds',
    free: 'No defense in this run delays packets.',
  },
];

/** Privacy against each cost: a chart, or a sentence if there is no such cost. */
export async function renderTradeoff(subject: Subject): Promise<Html> {
  return renderSection('tradeoff', 'Privacy and its price', '', await renderByObserver(subject, renderCharts));
}

async function renderCharts(result: Result, place: Place): Promise<Html | null> {
  if (result.summary.length === 0) return null;
  const { kinds, charts } = drawnKinds(result);
  const figures: Html[] = [];
  for (const chart of tradeoffCharts(result, place.observer)) {
    figures.push(await renderFigure(chart, place));
  }
  const sentences = kinds
    .filter((one) => !one.drawn)
    .map(({ kind, known, all }) => {
      if (all) return kind.free;
      return known
        ? `The ${kind.name} is 0 for all defenses with a defined value.`
        : `The ${kind.name} is not defined for any defense in this run.`;
    });
  return html`<p>${charts.length > 0 ? 'Lower is more private; further left is cheaper. ' : ''}${sentences.join(' ')}</p>
<div class="${charts.length > 1 ? 'pair' : 'single'}">
${figures}</div>
`;
}

function drawnKinds({ summary }: Result) {
  const kinds = KINDS.map((kind) => {
    const costs = summary.map(kind.of).filter(isNumber);
    const all = costs.length === summary.length;
    return { kind, drawn: costs.some((cost) => cost !== 0), known: costs.length > 0, all };
  });
  // If all defenses are free, one chart still shows them, unless `none` is the only one.
  const drawn = kinds.filter((one) => one.drawn);
  const charts = drawn.length > 0 ? drawn : kinds.filter((one) => summary.length > 1 && one.known).slice(0, 1);
  return { kinds, charts };
}

/** The charts of the costs that a result has. */
export function tradeoffCharts(result: Result, observer = 'the best attack'): Chart[] {
  const kinds = drawnKinds(result).charts;
  return kinds.map(({ kind }) => chartOf(result, kind, observer, kinds.length > 1 ? 500 : 760));
}

function chartOf(result: Result, kind: CostKind, observer: string, width: number): Chart {
  const { summary } = result;
  const points = summary.flatMap((row, i) => {
    const cost = kind.of(row);
    if (!isNumber(cost) || !isNumber(row.accuracy.mean)) return [];
    const { defense: label, accuracy, pareto } = row;
    return [{ number: i + 1, label, cost, accuracy, pareto, undefended: label === 'none' }];
  });
  const missing = summary.filter((row) => !isNumber(kind.of(row))).map((row) => row.defense);
  const told = points.map(({ label, accuracy, cost }) => `${label} ${percent(accuracy.mean)} at ${kind.format(cost)}`);
  const { chance, majority: rate } = summary[0]!;
  const majority = majorityWords(result);
  return tradeoffChart(
    { points, chance, majority: rate, observer, costTitle: kind.title, costUnit: kind.unit },
    {
      id: kind.id,
      width,
      description: `Accuracy of ${observer} against ${kind.name}, by defense: ${firstOf(told, 'the table below has them all')}.`,
      caption: html`Accuracy of ${observer} against ${kind.name}. <span class="on-front">Filled</span>: no other defense has lower accuracy, lower traffic and lower delay at once; hollow: one has. Square: no defense. The stepped line joins those unbeaten on these two axes; vertical bars are 95 % intervals.${majority === '' ? '' : ` ${majority}`}${missing.length > 0 ? html` Not drawn, since their ${kind.name} is not defined: ${listed(missing)}.` : ''}`,
    },
  );
}
