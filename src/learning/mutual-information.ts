import { type Rng, shuffle } from '../shared/rng.js';
import { applyBins, type Column, learnBins } from './forest/bins.js';

/** Bins of a feature: values that are met often have one each, the others share. Fewer bins lose information, more invent it. */
const BINS = 64;
const SHUFFLES = 5;

/**
 * Mutual information of a feature and the class, in bits: how much surer of the class one is who has seen the feature. Li, Guo and
 * Hopper, "Measuring Information Leakage in Website Fingerprinting Attacks and Defenses", CCS 2018, measure features one by one
 * like this, with kernel densities for what is a histogram here: most of our features are discrete, and frequent frame lengths
 * are not to be smoothed over.
 *
 * Counts alone give too much (two bins of two packets always seem to tell something), so each entropy is corrected after Miller
 * and Madow (Miller, "Note on the bias of information estimates", 1955: half a count for each bin in use but one), and what the
 * estimate then still gives for shuffled labels, the mean of five, is taken off (as Vinh, Epps and Bailey, JMLR 11, 2010, do). A
 * feature that tells nothing then comes out at 0, but for chance: some hundredths of a bit with 1000 packets, thousandths with 10,000.
 *
 * Bits of several features do not add up: what one tells, another may tell again. Sharing bins can only lose information.
 * @returns at least 0, at most the entropy of the class
 */
export function informationAbout(column: Column, label: Uint16Array, classes: number, rng: Rng): number {
  if (label.length === 0) return 0;
  const bins = new Uint8Array(label.length);
  // A categorical feature has one bin more: that of all values without one of their own.
  applyBins(learnBins(column, label, classes, { numeric: BINS, categories: BINS - 1 }), column, bins, 0, 1);
  let shuffled = 0;
  for (let i = 0; i < SHUFFLES; i++)
    shuffled += mutualInformation(bins, shuffle(label.slice(), rng), BINS, classes) / SHUFFLES;
  const bits = mutualInformation(bins, label, BINS, classes) - shuffled;
  return Math.min(Math.max(bits, 0), entropy(countValues(label, classes)));
}

/** Mutual information in bits of two columns of small whole numbers, each entropy corrected after Miller and Madow. */
export function mutualInformation(
  a: Uint8Array | Uint16Array,
  b: Uint8Array | Uint16Array,
  valuesOfA: number,
  valuesOfB: number,
): number {
  const joint = new Float64Array(valuesOfA * valuesOfB);
  for (let i = 0; i < a.length; i++) joint[a[i]! * valuesOfB + b[i]!]!++;
  const corrected = (counts: Float64Array) => entropy(counts) + missing(counts, a.length);
  return corrected(countValues(a, valuesOfA)) + corrected(countValues(b, valuesOfB)) - corrected(joint);
}

/** Entropy in bits of the distribution that `counts` are in proportion to; 0 where there are none. */
export function entropy(counts: Float64Array): number {
  let total = 0;
  let sum = 0;
  for (const count of counts) {
    total += count;
    if (count > 0) sum += count * Math.log2(count);
  }
  return total === 0 ? 0 : Math.log2(total) - sum / total;
}

export function countValues(values: Uint8Array | Uint16Array, size: number): Float64Array {
  const counts = new Float64Array(size);
  for (const value of values) counts[value]!++;
  return counts;
}

/** The bits that an entropy from `total` counts lacks on average. */
function missing(counts: Float64Array, total: number): number {
  let used = 0;
  for (const count of counts) if (count > 0) used++;
  return (used - 1) / (2 * total * Math.LN2);
}
