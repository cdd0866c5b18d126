import type { Interval } from '../../result/result.js';
import { percent } from '../kit/format.js';
import type { CostAxis } from './axis.js';
import { type Box, boxAround, overlap, type PlacedLabel, placeLabels, textWidth } from './labels.js';
import type { Rates } from './rates.js';

/** A defense in the plane of privacy and cost. */
export interface TradeoffPoint {
  /** Row in the summary table, from 1. It replaces a label that has no room. */
  readonly number: number;
  readonly label: string;
  /** Overhead as a share (0.5 for half as much traffic again), or seconds. */
  readonly cost: number;
  readonly accuracy: Interval;
  /** Whether no other defense beats it in accuracy, bandwidth and delay together. */
  readonly pareto: boolean;
  readonly undefended: boolean;
}

/** Size of the plot without its axes in pixels, and the positions of costs and accuracies. */
export interface Plane {
  readonly width: number;
  readonly height: number;
  x(cost: number): number;
  y(accuracy: number): number;
}

/** Distance of the ends of the cost axis from the frame, so that a free defense is not on the frame. */
export const INSET = 14;
export const LABEL_SIZE = 12;
export const RATE_SIZE = 11;
const RATE_HEIGHT = 14;
/** Longest label in characters; a longer one would cover half of the plot. */
const LONGEST_LABEL = 30;
/** Size of a point with the space in which a label would seem to be its own. */
const MARK_SIZE = 14;

export function planeOf(axis: CostAxis, width: number, height: number): Plane {
  return {
    width,
    height,
    x: (cost) => INSET + axis.position(cost) * (width - 2 * INSET),
    y: (accuracy) => height * (1 - accuracy),
  };
}

export interface PointLabel extends PlacedLabel {
  readonly point: TradeoffPoint;
  readonly text: string;
  /** Whether the text is the number of the point's row. */
  readonly numbered: boolean;
}

export interface RateLabel {
  readonly text: string;
  /** Centre in pixels. */
  readonly x: number;
  readonly y: number;
}

/** Places the labels of all points and of the two rates so that none covers a point or another label. */
export function layLabels(
  points: readonly TradeoffPoint[],
  rates: Rates,
  { width, height, x, y }: Plane,
): { readonly points: PointLabel[]; readonly rates: RateLabel[] } {
  const frame = { left: 0, top: 0, right: width, bottom: height };
  const marks = points.flatMap(({ cost, accuracy: { mean, low, high } }): Box[] => [
    boxAround(x(cost), y(mean), MARK_SIZE, MARK_SIZE),
    { left: x(cost) - 1, right: x(cost) + 1, top: y(high ?? mean), bottom: y(low ?? mean) },
  ]);
  const front = frontOf(points);
  const steps = stepsOf(front.map((point) => ({ x: x(point.cost), y: y(point.accuracy.mean) })));
  const references = Object.values(rates).map((rate) => boxAround(width / 2, y(rate), width, 2));
  const requests = [...front, ...points.filter((point) => !front.includes(point))].map((point) => ({
    x: x(point.cost),
    y: y(point.accuracy.mean),
    texts: [...([...point.label].length <= LONGEST_LABEL ? [point.label] : []), String(point.number)],
    point,
  }));
  // The names of the rates come first, since they have fewer places than labels.
  const named = placeRates(rates, frame, y, marks);
  const taken = [
    ...marks,
    ...named.map((name) => boxAround(name.x, name.y, textWidth(name.text, RATE_SIZE), RATE_HEIGHT)),
  ];
  const labels = placeLabels(requests, frame, taken, steps, LABEL_SIZE, references).flatMap((label, i) => {
    const { point, texts } = requests[i]!;
    if (label === null) return [];
    return [{ ...label, point, text: texts[label.choice]!, numbered: label.choice === texts.length - 1 }];
  });
  return { points: labels, rates: named };
}

/** The points that no other point beats in accuracy and this cost, cheapest first. */
export function frontOf(points: readonly TradeoffPoint[]): TradeoffPoint[] {
  const beats = (a: TradeoffPoint, b: TradeoffPoint) =>
    a.cost <= b.cost && a.accuracy.mean <= b.accuracy.mean && (a.cost < b.cost || a.accuracy.mean < b.accuracy.mean);
  return points.filter((point) => !points.some((other) => beats(other, point))).sort((a, b) => a.cost - b.cost);
}

/** The segments of a line that goes right from each point, then down to the next. */
function stepsOf(points: readonly { readonly x: number; readonly y: number }[]): Box[] {
  return points.slice(1).flatMap(({ x, y }, i) => [
    { left: points[i]!.x, right: x, top: points[i]!.y - 1, bottom: points[i]!.y + 1 },
    { left: x - 1, right: x + 1, top: points[i]!.y, bottom: y },
  ]);
}

/** Places the names of both rates at their lines, as far right as possible. */
function placeRates(rates: Rates, frame: Box, y: (rate: number) => number, taken: readonly Box[]): RateLabel[] {
  const [upper, lower] = Object.entries(rates)
    .map(([name, rate]) => ({ text: `${name} ${percent(rate)}`, line: y(rate) }))
    .sort((a, b) => a.line - b.line) as [{ text: string; line: number }, { text: string; line: number }];
  /** Places a text at the first of `centres` with room, else at the right of the first one. */
  const place = (text: string, ...centres: readonly number[]): RateLabel => {
    const width = textWidth(text, RATE_SIZE);
    const from = frame.right - INSET - width / 2;
    const to = frame.left + INSET + width / 2;
    const boxes = centres.flatMap((centre) =>
      Array.from({ length: 24 }, (_, i) => boxAround(from + ((to - from) * i) / 23, centre, width, RATE_HEIGHT)),
    );
    const box = boxes.find((candidate) => !taken.some((other) => overlap(candidate, other))) ?? boxes[0]!;
    return { text, x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
  };
  // The upper line has its name above, the lower one below. If the frame and the other line leave no room, one text
  // names both.
  const roomAbove = upper.line - 16 >= frame.top;
  const roomBelow = lower.line + 16 <= frame.bottom;
  if (lower.line - upper.line < 18 && !(roomAbove && roomBelow)) {
    return [place(`${upper.text}, ${lower.text}`, roomAbove ? upper.line - 8 : lower.line + 9)];
  }
  // One name or both may fit between the lines.
  const gap = lower.line - upper.line;
  return [
    place(
      upper.text,
      upper.line + (roomAbove ? -8 : 9),
      ...(gap >= 36 || (gap >= 20 && roomBelow) ? [upper.line + 9] : []),
    ),
    place(lower.text, lower.line + (roomBelow ? 9 : -8), ...(gap >= 36 ? [lower.line - 8] : [])),
  ];
}
