/** Seconds without a packet after which an exchange begins. */
export const SILENCE_SECONDS = 1;
/** Longest lag, in seconds, of an exchange that depends on another. */
const LONGEST_LAG_SECONDS = 8;
/** Lags below this count as one: immediate. */
const SHORTEST_LAG_SECONDS = 0.1;
const BINS_PER_DECADE = 12;
const BINS = 1 + Math.ceil(BINS_PER_DECADE * Math.log10(LONGEST_LAG_SECONDS / SHORTEST_LAG_SECONDS));
/** Share of the exchanges of a strand that must begin at one lag after another strand for the two to be joined, */
const SHARE = 0.4;
/** the excess over chance, in standard deviations, */
const DEVIATIONS = 5;
/** and the shifts of one of the two, as shares of the span, that show the lags of chance. */
const SHIFTS = [0.013, 0.037, 0.091, 0.17, 0.29, 0.41, 0.53, 0.67, 0.79, 0.93];

/**
 * Joins strands of traffic that depend on each other in time: a look-up and its connection, a report and the address resolution five
 * seconds later. Independent strands stay separate, so that each keeps its period.
 * @param strands times of the packets of each strand, ascending, in seconds from 0
 * @param span seconds captured
 * @returns strands by channel, those with most packets first
 */
export function findChannels(strands: readonly Float64Array[], span: number): number[][] {
  const root = strands.map((_, i) => i);
  const find = (i: number): number => (root[i] === i ? i : find(root[i]!));
  const starts = strands.map(startsOf);
  for (const [a, packets] of strands.entries()) {
    for (const [b, begins] of starts.entries()) {
      if (find(a) !== find(b) && follows(packets, begins, span)) root[find(b)] = find(a);
    }
  }
  const channels = new Map<number, number[]>();
  for (let i = 0; i < strands.length; i++) {
    const channel = channels.get(find(i));
    if (channel) channel.push(i);
    else channels.set(find(i), [i]);
  }
  const size = (channel: readonly number[]) => channel.reduce((sum, i) => sum + strands[i]!.length, 0);
  return [...channels.values()].sort((a, b) => size(b) - size(a));
}

function startsOf(strand: Float64Array): Float64Array {
  return strand.filter((time, i) => i === 0 || time - strand[i - 1]! >= SILENCE_SECONDS);
}

/** True if the exchanges at `starts` begin at one lag after `packets` more often than by chance. */
function follows(packets: Float64Array, starts: Float64Array, span: number): boolean {
  if (starts.length < 3) return false;
  const found = lagHistogram(packets, starts);
  const least = SHARE * starts.length;
  if (!found.some((n) => n >= least)) return false;
  const chance = new Float64Array(BINS);
  for (const shift of SHIFTS) {
    const moved = starts.map((time) => (time + shift * span) % span).sort();
    const lags = lagHistogram(packets, moved);
    for (let bin = 0; bin < BINS; bin++) chance[bin]! += lags[bin]! / SHIFTS.length;
  }
  return found.some((n, bin) => {
    const above = n - chance[bin]!;
    return above >= least && above >= DEVIATIONS * Math.sqrt(Math.max(chance[bin]!, 0.2));
  });
}

/** Histogram of the lags of `starts` after the last of `packets` before each. */
function lagHistogram(packets: Float64Array, starts: Float64Array): Float64Array {
  const counts = new Float64Array(BINS);
  let next = 0;
  for (const start of starts) {
    while (next < packets.length && packets[next]! <= start) next++;
    if (next === 0) continue;
    const lag = start - packets[next - 1]!;
    if (lag >= LONGEST_LAG_SECONDS) continue;
    const bin =
      lag < SHORTEST_LAG_SECONDS ? 0 : 1 + Math.floor(BINS_PER_DECADE * Math.log10(lag / SHORTEST_LAG_SECONDS));
    counts[Math.min(bin, BINS - 1)]!++;
  }
  return counts;
}
