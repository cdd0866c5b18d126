import type { Interval } from '../../harness/result.js';
import { html, printable } from '../escape.js';
import { type Chart, chartBase, type Drawing } from '../figure.js';
import { percent } from '../format.js';
import type { Colors } from '../theme.js';
import { type CostAxis, costAxis } from './axis.js';
import { type Box, boxAround, overlap, placeLabels, textWidth } from './labels.js';

/** A defense in the plane of privacy and cost. */
export interface TradeoffPoint {
  /** Row in the summary table, from 1: stands for the label where that has no room. */
  readonly number: number;
  readonly label: string;
  /** Share (0.5 for half as much traffic again) or seconds. */
  readonly cost: number;
  readonly accuracy: Interval;
  /** Not beaten in accuracy, bandwidth and delay together. */
  readonly pareto: boolean;
  readonly undefended: boolean;
}

export interface Tradeoff {
  readonly points: readonly TradeoffPoint[];
  readonly chance: number;
  readonly majority: number;
  readonly costTitle: string;
  readonly costUnit: 'percent' | 'seconds';
}

const FONT_SIZE = 12;
/** Between the frame and the first and last place on the cost axis, so that a free defense does not lie on the frame. */
const INSET = 14;
const PADDING = { left: 46, right: 8, top: 26, bottom: 44 };
/** A longer label would cover half of the plot. */
const LONGEST_LABEL = 30;

/** Accuracy against cost: a point for each defense with its interval, the front of those that no other beats, both rates. */
export function tradeoffChart(
  tradeoff: Tradeoff,
  chart: Pick<Chart, 'id' | 'description' | 'caption' | 'width'>,
): Chart {
  return { ...chart, draw: (width, colors) => draw(tradeoff, width, colors) };
}

function draw({ points, chance, majority, costTitle, costUnit }: Tradeoff, full: number, colors: Colors): Drawing {
  const width = full - PADDING.left - PADDING.right;
  const height = full > 600 ? 360 : 290;
  const axis = costAxis(
    points.map((point) => point.cost),
    width > 400 ? 6 : 4,
  );
  const x = (cost: number) => INSET + axis.position(cost) * (width - 2 * INSET);
  const y = (accuracy: number) => height * (1 - accuracy);
  const frame = { left: 0, top: 0, right: width, bottom: height };

  const marks = points.flatMap(({ cost, accuracy: { mean, low, high } }): Box[] => [
    boxAround(x(cost), y(mean), 11, 11),
    { left: x(cost) - 1, right: x(cost) + 1, top: y(high ?? mean), bottom: y(low ?? mean) },
  ]);
  const rates = placeRates(chance, majority, y, frame, marks);
  const front = frontOf(points);
  const inOrder = [...front, ...points.filter((point) => !front.includes(point))];
  const requests = inOrder.map((point) => ({
    x: x(point.cost),
    y: y(point.accuracy.mean),
    texts: [...([...point.label].length <= LONGEST_LABEL ? [point.label] : []), String(point.number)],
    point,
  }));
  const placed = placeLabels(requests, frame, [...marks, ...rates.map((rate) => rate.box)], FONT_SIZE).flatMap(
    (label, i) => {
      const { point, texts } = requests[i]!;
      if (label.choice < 0) return [];
      return [{ ...label, point, text: texts[label.choice]!, numbered: label.choice === texts.length - 1 }];
    },
  );
  const labels = placed.map(({ point, text, dx, dy }) => ({
    cost: point.cost,
    accuracy: point.accuracy.mean,
    text: printable(text),
    dx,
    dy,
  }));
  const leaders = placed.flatMap(({ point, leader }) =>
    leader
      ? [
          {
            x: x(point.cost),
            y: y(point.accuracy.mean),
            x2: x(point.cost) + leader.dx,
            y2: y(point.accuracy.mean) + leader.dy,
          },
        ]
      : [],
  );
  const numbered = placed.filter((label) => label.numbered).sort((a, b) => a.point.number - b.point.number);

  // Every layer states scale and axis in full: Vega-Lite merges those of all layers, and stumbles where they differ.
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
      title: axisTitle(costTitle, costUnit, axis),
      titlePadding: 10,
      values: [...axis.ticks],
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
      padding: PADDING,
      layer: [
        {
          data: { values: rates.map(({ name, rate }) => ({ name, accuracy: rate })) },
          mark: { type: 'rule', color: colors.muted, strokeWidth: 1.25 },
          encoding: {
            y: accuracyChannel,
            strokeDash: {
              field: 'name',
              type: 'nominal',
              legend: null,
              scale: {
                domain: ['majority', 'chance'],
                range: [
                  [7, 3],
                  [2, 3],
                ],
              },
            },
          },
        },
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
            })),
          },
          mark: { type: 'point', size: 70, strokeWidth: 2, opacity: 1 },
          encoding: {
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
          data: { values: [{ text: 'Accuracy of the best attack' }] },
          mark: { type: 'text', align: 'left', fontSize: 12.5 },
          encoding: { text: { field: 'text' }, x: { value: -PADDING.left + 4 }, y: { value: -16 } },
        },
        ...[
          // The same text twice, first as a halo, so that lines do not run through it.
          { stroke: colors.paper, strokeWidth: 3, strokeJoin: 'round' as const },
          {},
        ].flatMap((halo) => [
          {
            data: { values: rates.map(({ x, y, text }) => ({ x, y, text })) },
            mark: { type: 'text' as const, fontSize: 11, color: colors.muted, ...halo },
            encoding: {
              x: { field: 'x', type: 'quantitative' as const, scale: null },
              y: { field: 'y', type: 'quantitative' as const, scale: null },
              text: { field: 'text' },
            },
          },
          {
            data: { values: labels },
            mark: { type: 'text' as const, dx: { expr: 'datum.dx' }, dy: { expr: 'datum.dy' }, ...halo },
            encoding: { x: costChannel, y: accuracyChannel, text: { field: 'text' } },
          },
        ]),
      ],
    },
    below:
      numbered.length === 0
        ? undefined
        : html`<ul class="key">${numbered.map(({ point }) => html`<li><b>${point.number}</b> ${point.label}</li>`)}</ul>`,
  };
}

function paretoColor(colors: Colors) {
  return {
    field: 'pareto',
    type: 'nominal' as const,
    legend: null,
    scale: { domain: [true, false], range: [colors.accent, colors.muted] },
  };
}

/** The points that no other beats in accuracy and this one cost, cheapest first. */
export function frontOf(points: readonly TradeoffPoint[]): TradeoffPoint[] {
  const beats = (a: TradeoffPoint, b: TradeoffPoint) =>
    a.cost <= b.cost && a.accuracy.mean <= b.accuracy.mean && (a.cost < b.cost || a.accuracy.mean < b.accuracy.mean);
  return points.filter((point) => !points.some((other) => beats(other, point))).sort((a, b) => a.cost - b.cost);
}

/** Both rates with the places of their names: at the right end of their lines, or further left where a mark is in the way. */
function placeRates(chance: number, majority: number, y: (rate: number) => number, frame: Box, marks: readonly Box[]) {
  const upper = majority >= chance ? 'majority' : 'chance';
  return [
    { name: 'majority', rate: majority },
    { name: 'chance', rate: chance },
  ].map(({ name, rate }) => {
    const text = `${name} ${percent(rate)}`;
    const width = textWidth(text, 11);
    // The upper line has its name above, the lower below, however close they lie; but the frame ends at 0 and 100 %.
    const above = name === upper ? y(rate) > 16 : y(rate) > frame.bottom - 16;
    const labelY = y(rate) + (above ? -8 : 9);
    const boxes = Array.from({ length: 9 }, (_, step) =>
      boxAround(frame.right - 4 - width / 2 - (step / 8) * (frame.right - 8 - width), labelY, width, 13),
    );
    const box = boxes.find((candidate) => !marks.some((mark) => overlap(candidate, mark))) ?? boxes[0]!;
    return { name, rate, text, box, x: (box.left + box.right) / 2, y: labelY };
  });
}

function axisTitle(title: string, unit: Tradeoff['costUnit'], axis: CostAxis): string {
  if (axis.linearUpTo === null) return title;
  const bound = unit === 'percent' ? percent(axis.linearUpTo) : `${axis.linearUpTo * 1000} ms`;
  return `${title}, logarithmic above ${bound}`;
}

function tickLabel(unit: Tradeoff['costUnit'], axis: CostAxis): string {
  if (unit === 'percent') return "format(datum.value * 100, ',~r') + ' %'";
  return axis.domain[1] <= 2 ? "format(datum.value * 1000, ',~r') + ' ms'" : "format(datum.value, ',~r') + ' s'";
}
