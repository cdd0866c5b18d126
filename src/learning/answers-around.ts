import { type Column, MAX_BINS } from './forest/bins.js';
import { edgesOf, streamBounds } from './stream-context.js';
import type { Windows } from './windows.js';

/** Seconds on either side over which answers are averaged. */
const SPANS = [1, 10, 60, 0.1] as const;

/** A node of a tree names its column in a byte. */
const MOST_COLUMNS = MAX_BINS - 6;

/**
 * The answers of a first attack for the packets `rows`, and their means over 0.1, 1, 10 and 60 seconds around, as columns for a second
 * one: what was unsure by itself is often plain from what surrounds it (auto-context: Tu and Bai, IEEE TPAMI 32(10), 2010). With many
 * classes fewer means, so that the columns fit a forest; none where not even the answers fit.
 * @param answers probabilities of all packets, packets x classes
 * @param rows ascending
 */
export function answersAround(answers: Float32Array, classes: number, windows: Windows, rows: Uint32Array): Column[] {
  const { packets, time } = windows;
  const spans = SPANS.slice(0, Math.max(0, Math.floor(MOST_COLUMNS / classes) - 1));
  if (classes > MOST_COLUMNS) return [];
  const bounds = streamBounds(windows, rows);
  const columns: Column[] = [];
  const sums = new Float64Array(packets.rows + 1);
  const edges = spans.map((span) => ({
    low: edgesOf(time, rows, bounds, -span),
    high: edgesOf(time, rows, bounds, span),
  }));
  for (let c = 0; c < classes; c++) {
    for (let row = 0; row < packets.rows; row++) sums[row + 1] = sums[row]! + answers[row * classes + c]!;
    columns.push({
      kind: 'numeric',
      name: `class ${c}`,
      values: Float32Array.from(rows, (row) => answers[row * classes + c]!),
    });
    for (const [i, { low, high }] of edges.entries()) {
      columns.push({
        kind: 'numeric',
        name: `class ${c} within ${spans[i]} s`,
        values: Float32Array.from(low, (a, at) => (sums[high[at]!]! - sums[a]!) / (high[at]! - a)),
      });
    }
  }
  return columns;
}

/**
 * Divides the packets of a training into stretches of time of about equally many packets, so that a first attack can be asked about
 * packets that it has not learned from. @returns the stretch of each packet, 0 to `stretches` - 1
 */
export function timeStretches({ time }: Windows, stretches: number): Uint8Array {
  const sorted = time.slice().sort();
  const bounds = Float64Array.from(
    { length: stretches - 1 },
    (_, i) => sorted[Math.floor(((i + 1) * sorted.length) / stretches)]!,
  );
  return Uint8Array.from(time, (at) => bounds.filter((bound) => at >= bound).length);
}
