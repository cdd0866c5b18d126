import type { Interval } from '../../result/result.js';
import { breakable, type Html, html, printable } from '../kit/escape.js';
import { type Chart, chartBase, type Drawing } from '../kit/figure.js';
import { duration, percent, shortened } from '../kit/format.js';
import { type Colors, PAGE_COLORS } from '../kit/theme.js';
import { type CostAxis, costAxis } from './axis.js';
import { textWidth } from './labels.js';
import { type Rates, ratesLayer } from './rates.js';
import {
  frontOf,
  INSET,
  LABEL_SIZE,
  layLabels,
  type Plane,
  type PointLabel,
  planeOf,
  RATE_SIZE,
  type TradeoffPoint,
} from './tradeoff-layout.js';

export interface Tradeoff extends Rates {
  readonly points: readonly TradeoffPoint[];
  /** The name of the observer. */
  readonly observer: string;
  readonly costTitle: string;
  readonly costUnit: 'percent' | 'seconds';
}

/** Distance from the plot to the middle of the first line of the axis title, which may have two. */
const TITLE = 36;
const TITLE_SIZE = 12.5;
const TITLE_LINE = 17;
const TICK_SIZE = 12;
const KEY_SIZE = 12;
const KEY_LINE = 18;
const PADDING = { left: 48, right: 16, top: 26, bottom: 44 };
/** Longest key. A longer one would be longer than the table that it repeats. */
const LONGEST_KEY = 8;

/** Accuracy against cost: a point with interval for each defense, the Pareto front, and both rates. */
export function tradeoffChart(
  tradeoff: Tradeoff,
  chart: Pick<Chart, 'id' | 'description' | 'caption' | 'width'>,
): Chart {
  return { ...chart, draw: (width, colors) => draw(tradeoff, width, colors) };
}

function draw(
  { points, chance, majority, observer, costTitle, costUnit }: Tradeoff,
  full: number,
  colors: Colors,
): Drawing {
  const width = full - PADDING.left - PADDING.right;
  const height = full > 600 ? 360 : 290;
  const axis = costAxis(
    points.map((point) => point.cost),
    width > 400 ? 8 : 5,
  );
  const plane = planeOf(axis, width, height);
  const front = frontOf(points);
  const placed = layLabels(points, { majority, chance }, plane);
  const labels = placed.points.map(({ point, text, align, dx, dy }) => ({
    cost: point.cost,
    accuracy: point.accuracy.mean,
    text: printable(text),
    align,
    dx,
    dy,
  }));
  // In a page the key is text below the figure; a file needs it in the drawing.
  const key = colors === PAGE_COLORS ? [] : keyLines(placed.points, full);
  const title = axisTitle(costTitle, costUnit, axis, width);
  const bottom = PADDING.bottom + (title.length - 1) * TITLE_LINE;
  const leaders = placed.points.flatMap(({ point, leader }) => {
    if (!leader) return [];
    const [x, y] = [plane.x(point.cost), plane.y(point.accuracy.mean)];
    return [{ x, y, x2: x + leader.dx, y2: y + leader.dy }];
  });

  // Every layer has the same scale and axis, since Vega-Lite merges those of all layers.
  const costChannel = {
    field: 'cost',
    type: 'quantitative' as const,
    scale: {
      domain: [...axis.domain],
      range: [INSET, width - INSET],
      nice: false,
      zero: false,
      ...(axis.linearUpTo === null ? {} : { type: 'symlog' as const, constant: axis.linearUpTo }),
    },
    axis: {
      title: null,
      values: clearTicks(axis, plane, costUnit),
      labelExpr: tickLabel(costUnit, axis),
      labelFlush: false,
    },
  };
  const accuracyChannel = {
    field: 'accuracy',
    type: 'quantitative' as const,
    scale: { domain: [0, 1], nice: false },
    axis: {
      title: null,
      values: [0, 0.2, 0.4, 0.6, 0.8, 1],
      labelExpr: "format(datum.value * 100, '.0f') + ' %'",
    },
  };
  return {
    spec: {
      ...chartBase(colors),
      width,
      height,
      padding: { ...PADDING, bottom: bottom + (key.length > 0 ? key.length * KEY_LINE + 8 : 0) },
      layer: [
        ratesLayer(
          { chance, majority },
          { x: { value: INSET }, x2: { value: width - INSET }, y: accuracyChannel },
          colors,
        ),
        {
          data: { values: front.map(({ label, cost, accuracy }) => ({ label, cost, accuracy: accuracy.mean })) },
          mark: { type: 'line', interpolate: 'step-after', color: colors.accent, strokeWidth: 1.5, opacity: 0.6 },
          encoding: { x: costChannel, y: accuracyChannel, order: { field: 'cost', type: 'quantitative' } },
        },
        {
          data: {
            values: points.flatMap(({ label, cost, accuracy: { low, high }, pareto }) =>
              low === null || high === null ? [] : [{ label, cost, low, high, pareto }],
            ),
          },
          mark: { type: 'rule', strokeWidth: 2, opacity: 0.55 },
          encoding: {
            x: costChannel,
            y: { ...accuracyChannel, field: 'low' },
            y2: { field: 'high' },
            color: paretoColor(colors),
          },
        },
        {
          data: { values: leaders },
          mark: { type: 'rule', color: colors.muted, strokeWidth: 0.75 },
          encoding: {
            x: { field: 'x', type: 'quantitative', scale: null },
            x2: { field: 'x2' },
            y: { field: 'y', type: 'quantitative', scale: null },
            y2: { field: 'y2' },
          },
        },
        {
          data: {
            values: points.map(({ number, label, cost, accuracy, pareto, undefended }) => ({
              number,
              label,
              cost,
              accuracy: accuracy.mean,
              pareto,
              undefended,
              told: printable(describe(label, accuracy, costUnit === 'percent' ? percent(cost) : duration(cost))),
            })),
          },
          mark: { type: 'point', size: 50, strokeWidth: 2, opacity: 1, aria: true },
          encoding: {
            description: { field: 'told' },
            x: costChannel,
            y: accuracyChannel,
            shape: {
              field: 'undefended',
              type: 'nominal',
              legend: null,
              scale: { domain: [true, false], range: ['square', 'circle'] },
            },
            color: paretoColor(colors),
            fill: {
              field: 'pareto',
              type: 'nominal',
              legend: null,
              scale: { domain: [true, false], range: [colors.accent, colors.paper] },
            },
          },
        },
        {
          data: { values: [{ text: printable(`Accuracy of ${shortened(observer, Math.floor(full / 9))}`) }] },
          mark: { type: 'text', align: 'left', fontSize: 12.5 },
          encoding: { text: { field: 'text' }, x: { value: -PADDING.left + 2 }, y: { value: -16 } },
        },
        {
          data: { values: title.map((text, i) => ({ text, y: height + TITLE + i * TITLE_LINE })) },
          mark: { type: 'text', fontSize: TITLE_SIZE },
          encoding: {
            text: { field: 'text' },
            x: { value: width / 2 },
            y: { field: 'y', type: 'quantitative', scale: null },
          },
        },
        ...(key.length === 0
          ? []
          : [
              {
                data: { values: key.map((text, i) => ({ text, y: height + bottom + (i + 0.5) * KEY_LINE })) },
                mark: { type: 'text' as const, align: 'left' as const, fontSize: KEY_SIZE },
                encoding: {
                  text: { field: 'text' },
                  x: { value: -PADDING.left + 2 },
                  y: { field: 'y', type: 'quantitative' as const, scale: null },
                },
              },
            ]),
        ...[
          // The first copy of the text is a halo, so that lines do not cross it. In a page the style does that.
          { stroke: colors.paper, strokeWidth: 3, strokeJoin: 'round' as const },
          ...(colors === PAGE_COLORS ? [] : [{}]),
        ].flatMap((halo) => [
          {
            data: { values: placed.rates },
            mark: { type: 'text' as const, fontSize: RATE_SIZE, color: colors.muted, ...halo },
            encoding: {
              x: { field: 'x', type: 'quantitative' as const, scale: null },
              y: { field: 'y', type: 'quantitative' as const, scale: null },
              text: { field: 'text' },
            },
          },
          {
            data: { values: labels },
            mark: {
              type: 'text' as const,
              fontSize: LABEL_SIZE,
              align: { expr: 'datum.align' },
              dx: { expr: 'datum.dx' },
              dy: { expr: 'datum.dy' },
              ...halo,
            },
            encoding: { x: costChannel, y: accuracyChannel, text: { field: 'text' } },
          },
        ]),
      ],
    },
    below: renderKey(placed.points),
  };
}

function describe(label: string, { mean, low, high }: Interval, cost: string): string {
  const range = low === null || high === null ? '' : ` (${percent(low)} to ${percent(high)})`;
  return `${label}: ${percent(mean)}${range} at ${cost}`;
}

/** The defenses that the numbers in the plot stand for. */
function renderKey(labels: readonly PointLabel[]): Html | undefined {
  const numbered = labels.filter((label) => label.numbered).map((label) => label.point);
  if (numbered.length === 0) return undefined;
  if (numbered.length > LONGEST_KEY) {
    return html`<p class="key">Numbers are rows of the table <a href="#summary">Defenses compared</a>.</p>`;
  }
  numbered.sort((a, b) => a.number - b.number);
  return html`<ul class="key">${numbered.map(({ number, label }) => html`<li><b>${number}</b> ${breakable(label)}</li>`)}</ul>`;
}

function paretoColor(colors: Colors) {
  return {
    field: 'pareto',
    type: 'nominal' as const,
    legend: null,
    scale: { domain: [true, false], range: [colors.accent, colors.muted] },
  };
}

/** The key as lines in the drawing: numbers with their labels, as many on a line as fit. */
function keyLines(labels: readonly PointLabel[], full: number): string[] {
  const numbered = labels.filter((label) => label.numbered).map((label) => label.point);
  const widest = full - 4;
  const longest = Math.floor(widest / (KEY_SIZE * 0.65));
  const lines: string[] = [];
  for (const { number, label } of numbered.sort((a, b) => a.number - b.number)) {
    const entry = printable(shortened(`${number} ${label}`, longest));
    const joined = `${lines.at(-1)}\u2003${entry}`;
    if (lines.length > 0 && textWidth(joined, KEY_SIZE) <= widest) lines[lines.length - 1] = joined;
    else lines.push(entry);
  }
  return lines;
}

/** The axis title, in two lines if it does not fit in one. */
function axisTitle(title: string, unit: Tradeoff['costUnit'], axis: CostAxis, width: number): string[] {
  if (axis.linearUpTo === null) return [title];
  const bound = unit === 'percent' ? percent(axis.linearUpTo) : `${axis.linearUpTo * 1000} ms`;
  const scale = `logarithmic above ${bound}`;
  return textWidth(`${title}, ${scale}`, TITLE_SIZE) <= width ? [`${title}, ${scale}`] : [title, scale];
}

/** The ticks whose labels fit between earlier ones, 0 first. */
function clearTicks(axis: CostAxis, plane: Plane, unit: Tradeoff['costUnit']): number[] {
  const factor = unit === 'percent' ? 100 : axis.domain[1] <= 2 ? 1000 : 1;
  let end = Number.NEGATIVE_INFINITY;
  return axis.ticks.filter((tick) => {
    const label = `${Number((tick * factor).toPrecision(12)).toLocaleString('en-US')} ${factor === 1000 ? 'ms' : '%'}`;
    const half = textWidth(label, TICK_SIZE) / 2;
    if (plane.x(tick) - half < end) return false;
    end = plane.x(tick) + half;
    return true;
  });
}

function tickLabel(unit: Tradeoff['costUnit'], axis: CostAxis): string {
  if (unit === 'percent') return "format(datum.value * 100, ',~r') + ' %'";
  return axis.domain[1] <= 2 ? "format(datum.value * 1000, ',~r') + ' ms'" : "format(datum.value, ',~r') + ' s'";
}
