import type { LengthHistograms } from './length-histogram.js';

/**
 * Returns what measures the Hellinger distance of distributions over lengths and directions to the nearest known one of each class: the
 * root of 1 - sum(root(p q)), from 0 for equal ones to 1 for those that have nothing in common, and Infinity for a class of which none is
 * known. It gives windows x classes, row-major.
 *
 * Known distributions are found by the lengths that they hold, so a window takes at most known distributions x its lengths steps.
 * @param label class of each known distribution
 */
export function learnHellinger(
  known: LengthHistograms,
  label: Uint16Array,
  classes: number,
): (asked: LengthHistograms) => Float64Array {
  const entriesOf = byKind(known);
  return (asked) => {
    const share = rootShares(asked);
    const windows = asked.begin.length - 1;
    const distance = new Float64Array(windows * classes).fill(Number.POSITIVE_INFINITY);
    const common = new Float64Array(label.length);
    for (let window = 0; window < windows; window++) {
      common.fill(0);
      for (let i = asked.begin[window]!; i < asked.begin[window + 1]!; i++) {
        const entries = entriesOf.get(asked.kind[i]!);
        if (!entries) continue;
        for (let k = 0; k < entries.length; k += 2) common[entries[k]!]! += entries[k + 1]! * share[i]!;
      }
      for (let row = 0; row < common.length; row++) {
        const at = window * classes + label[row]!;
        distance[at] = Math.min(distance[at]!, Math.sqrt(Math.max(0, 1 - common[row]!)));
      }
    }
    return distance;
  };
}

/** For each length and direction the rows that have it, each followed by the root of its share of that row. */
function byKind(known: LengthHistograms): Map<number, Float64Array> {
  const share = rootShares(known);
  const entriesOf = new Map<number, number[]>();
  for (let row = 0; row + 1 < known.begin.length; row++) {
    for (let i = known.begin[row]!; i < known.begin[row + 1]!; i++) {
      const entries = entriesOf.get(known.kind[i]!);
      if (entries) entries.push(row, share[i]!);
      else entriesOf.set(known.kind[i]!, [row, share[i]!]);
    }
  }
  return new Map([...entriesOf].map(([kind, entries]) => [kind, Float64Array.from(entries)]));
}

/** The root of the share that each entry has of its window. */
function rootShares({ begin, count }: LengthHistograms): Float64Array {
  const share = new Float64Array(count.length);
  for (let row = 0; row + 1 < begin.length; row++) {
    let total = 0;
    for (let i = begin[row]!; i < begin[row + 1]!; i++) total += count[i]!;
    for (let i = begin[row]!; i < begin[row + 1]!; i++) share[i] = Math.sqrt(count[i]! / total);
  }
  return share;
}
