import { printable } from '../kit/escape.js';
import { type Chart, chartBase, type Drawing } from '../kit/figure.js';
import type { Colors } from '../kit/theme.js';
import { DASHED_WITHOUT_DEFENSE } from './curve-style.js';
import { INSET } from './tradeoff-layout.js';

/** A share that changes over time, for one attack under one defense. */
export interface Curve {
  /** The text at its end, of one or two characters; '' for none. */
  readonly mark: string;
  readonly defended: boolean;
  /** In order of time, at least one. */
  readonly points: readonly CurvePoint[];
}

interface CurvePoint {
  /** Seconds; less than one is drawn as one. */
  readonly time: number;
  readonly share: number;
  /** The point in words, for its title where curves are few. */
  readonly told: string;
}

const FONT_SIZE = 12;
const LINE = 15;
const HEIGHT = 260;
const PADDING = { left: 48, right: 34, top: 30, bottom: 46 };
/** Curves up to which points are drawn, with titles: they take more room in the page than all else in the chart. */
const FEW = 4;
/** Least distance of two ticks in pixels, enough for `10 min`. */
const BETWEEN_TICKS = 46;

const HOUR = 3600;
const DAY = 24 * HOUR;
const TICKS = [
  ...[1 / 6, 1, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 4, 7, 14, 28, 56, 112, 224, 364].map((days) => days * DAY),
];

/**
 * Shares against time on a logarithmic axis: dashed without defense, solid with one. Each curve is marked at its end.
 * @param titles of the share and of the time
 */
export function curvesChart(
  curves: readonly Curve[],
  titles: { readonly share: string; readonly time: string },
  chart: Pick<Chart, 'id' | 'description' | 'caption' | 'width'>,
): Chart {
  return { ...chart, draw: (width, colors) => draw(curves, titles, width, colors) };
}

function draw(
  curves: readonly Curve[],
  titles: { readonly share: string; readonly time: string },
  full: number,
  colors: Colors,
): Drawing {
  const width = full - PADDING.left - PADDING.right;
  const height = Math.max(HEIGHT, curves.length * LINE);
  const places = curves.flatMap(({ points }) => points.map(placeOf));
  const [lowest, highest] = [Math.min(...places), Math.max(...places)];
  const across = (place: number) => INSET + ((place - lowest) / (highest - lowest || 1)) * (width - 2 * INSET);
  const x = {
    field: 'place',
    type: 'quantitative' as const,
    scale: { domain: [lowest, highest], nice: false, zero: false, range: [INSET, width - INSET] },
    axis: {
      title: titles.time,
      titlePadding: 10,
      values: ticksBetween(lowest, highest, across),
      labelOverlap: false,
      labelExpr:
        "datum.value < 3.5 ? format(pow(10, datum.value) / 60, '.0f') + ' min' : datum.value < 4.9 ? format(pow(10, datum.value) / 3600, '.0f') + ' h' : format(pow(10, datum.value) / 86400, '.0f') + ' d'",
      labelFlush: false,
    },
  };
  const y = {
    field: 'share',
    type: 'quantitative' as const,
    scale: { domain: [0, 1], nice: false },
    axis: { title: null, values: [0, 0.2, 0.4, 0.6, 0.8, 1], labelExpr: "format(datum.value * 100, '.0f') + ' %'" },
  };
  const color = {
    field: 'defended',
    type: 'nominal' as const,
    legend: null,
    scale: { domain: [false, true], range: [colors.muted, colors.accent] },
  };
  const areFew = curves.length <= FEW;
  const points = curves.flatMap(({ defended, points }, curve) =>
    points.map((point) => ({
      ...{ curve, defended, share: point.share, place: placeOf(point) },
      ...(areFew && { told: printable(point.told) }),
    })),
  );
  const marks = {
    values: placeMarks(curves, height).map(({ curve: { mark, defended, points }, at }) => {
      const end = points.at(-1)!;
      return { text: printable(mark), defended, place: placeOf(end), share: end.share, at: 1 - at / height };
    }),
  };
  return {
    spec: {
      ...chartBase(colors),
      width,
      height,
      padding: PADDING,
      data: { values: points },
      layer: [
        {
          mark: { type: 'line', strokeWidth: 2 },
          encoding: {
            x,
            y,
            detail: { field: 'curve', type: 'nominal' },
            color,
            strokeDash: DASHED_WITHOUT_DEFENSE,
          },
        },
        {
          // A line of one point is not seen.
          ...(!areFew && { data: { values: points.filter(({ curve }) => curves[curve]!.points.length === 1) } }),
          mark: { type: 'point', filled: true, size: 34, opacity: 1, aria: areFew },
          encoding: { x, y, color, ...(areFew && { description: { field: 'told' } }) },
        },
        {
          data: marks,
          mark: { type: 'rule', strokeWidth: 1, opacity: 0.5 },
          encoding: { x, x2: { value: width + 6 }, y, y2: { field: 'at' }, color },
        },
        {
          data: marks,
          mark: { type: 'text', align: 'left', fontSize: FONT_SIZE },
          encoding: { text: { field: 'text' }, x: { value: width + 10 }, y: { ...y, field: 'at' }, color },
        },
        {
          data: { values: [{ text: titles.share }] },
          mark: { type: 'text', align: 'left', fontSize: 12.5 },
          encoding: { text: { field: 'text' }, x: { value: -PADDING.left + 2 }, y: { value: -18 } },
        },
      ],
    },
  };
}

const placeOf = ({ time }: CurvePoint): number => Math.log10(Math.max(1, time));

/** Round times as powers of ten, as many as there is room for. */
function ticksBetween(lowest: number, highest: number, across: (place: number) => number): number[] {
  const ticks: number[] = [];
  for (const at of TICKS.map((seconds) => Math.log10(seconds))) {
    if (at < lowest - 0.01 || at > highest + 0.01) continue;
    if (ticks.length === 0 || across(at) - across(ticks.at(-1)!) >= BETWEEN_TICKS) ticks.push(at);
  }
  return ticks;
}

/** The height in pixels of each mark, as near to the end of its curve as the others let it. */
function placeMarks(curves: readonly Curve[], height: number): { readonly curve: Curve; readonly at: number }[] {
  const wanted = curves
    .filter(({ mark }) => mark !== '')
    .map((curve) => ({ curve, at: height * (1 - curve.points.at(-1)!.share) }))
    .sort((a, b) => a.at - b.at);
  // Pushes marks down to below one another, then back up from the lower edge.
  let above = Number.NEGATIVE_INFINITY;
  const pushed = wanted.map(({ curve, at }) => {
    above = Math.max(at, above + LINE);
    return { curve, at: above };
  });
  let below = height + LINE;
  return pushed.reverse().map(({ curve, at }) => {
    below = Math.min(at, below - LINE);
    return { curve, at: below };
  });
}
