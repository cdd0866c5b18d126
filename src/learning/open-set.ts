import { areaUnderRoc } from './auc.js';
import { NO_CLASS } from './windows.js';

/**
 * Measures for an observer who meets devices that they have not learned: they name a packet's device where they are certain enough,
 * and otherwise call it unknown. See {@link OpenSetScores} for the definitions.
 */

/** Steps of the curve, evenly from 0 to 1. */
const STEPS = 20;

/** Quantities that are 0 / 0 are null. */
export interface OpenSetScores {
  /**
   * Area under the ROC curve: the probability that a packet of a known device is named with more certainty than one of an unknown
   * device, where equal certainty counts half (Hendrycks and Gimpel, ICLR 2017, section 2). 0.5 is guessing; below that, unknown devices look
   * more like known ones than known ones themselves.
   */
  readonly auroc: number | null;
  /**
   * Area under the curve of open-set classification rates (OSCR; Dhamija, Günther and Boult, NeurIPS 2018, section 4): over all
   * thresholds, the share of the known devices' packets that is named correctly against the share of the unknown devices' packets
   * that is named at all. At most the accuracy among known devices, which it reaches where certainty separates the two.
   */
  readonly oscr: number | null;
  /** That curve: the first share where the second is 0, 0.05, ... 1, interpolated between thresholds. Empty where it is undefined. */
  readonly curve: readonly number[];
}

/**
 * @param certainty of the answer for each packet, at least 0
 * @param known class of a packet of a known device, NO_CLASS for an unknown one's
 * @param predicted class that each packet is given if it is named
 */
export function scoreOpenSet(certainty: Float32Array, known: Uint16Array, predicted: Uint16Array): OpenSetScores {
  const isKnown = Uint8Array.from(known, (c) => Number(c !== NO_CLASS));
  const points = openSetCurve(certainty, isKnown, (i) => predicted[i] === known[i]);
  let area = 0;
  for (let i = 1; i < points.length; i++) {
    const [before, after] = [points[i - 1]!, points[i]!];
    area += ((after.named - before.named) * (after.right + before.right)) / 2;
  }
  return {
    auroc: areaUnderRoc(certainty, isKnown),
    oscr: points.length === 0 ? null : area,
    curve: points.length === 0 ? [] : Array.from({ length: STEPS + 1 }, (_, i) => rightAt(points, i / STEPS)),
  };
}

interface Point {
  /** Share of the unknown devices' packets that is named. */
  readonly named: number;
  /** Share of the known devices' packets that is named correctly. */
  readonly right: number;
}

/** A point for each threshold, from naming nothing to naming all; none where either kind of packet is missing. */
function openSetCurve(certainty: Float32Array, isKnown: Uint8Array, isRight: (packet: number) => boolean): Point[] {
  const order = Uint32Array.from(certainty, (_, i) => i).sort((a, b) => certainty[b]! - certainty[a]!);
  let knowns = 0;
  for (const one of isKnown) knowns += one;
  const unknowns = order.length - knowns;
  if (knowns === 0 || unknowns === 0) return [];
  const points: Point[] = [{ named: 0, right: 0 }];
  let named = 0;
  let right = 0;
  for (let i = 0; i < order.length; i++) {
    const packet = order[i]!;
    if (isKnown[packet] === 0) named++;
    else if (isRight(packet)) right++;
    // No threshold lies between packets of equal certainty.
    const next = order[i + 1];
    if (next !== undefined && certainty[next] === certainty[packet]) continue;
    points.push({ named: named / unknowns, right: right / knowns });
  }
  return points;
}

/** The highest share of known packets named correctly where the share of unknown packets named is `named`. */
function rightAt(points: readonly Point[], named: number): number {
  const after = points.findIndex((point) => point.named > named);
  if (after < 0) return points.at(-1)!.right;
  const [low, high] = [points[after - 1]!, points[after]!];
  return low.right + ((high.right - low.right) * (named - low.named)) / (high.named - low.named);
}

/**
 * The highest threshold of certainty below which at most the share `falseAlarms` of these packets lies. All packets are of known
 * devices; those of equal certainty are on one side, so the share may be smaller.
 * @param falseAlarms in [0, 1)
 * @returns null without packets
 */
export function thresholdAt(certainty: Float32Array, falseAlarms: number): number | null {
  const sorted = certainty.slice().sort();
  return sorted[Math.floor(falseAlarms * sorted.length)] ?? null;
}
