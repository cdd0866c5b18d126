import type { Column } from './forest/bins.js';
import type { Windows } from './windows.js';

/**
 * Summary of a window as a whole, as columns for a forest: the family of AppScanner (Taylor et al., EuroS&P 2016) and Mon(IoT)r (Ren et
 * al., IMC 2019), which judge flows by statistics of lengths and intervals.
 */

/** Widths of the bins of lengths, in bytes; longer frames are in the last of {@link BINS}. */
const BIN = 100;
const BINS = 16;
/** Packets at the beginning of a window whose lengths count by themselves. */
const FIRST = 10;

const SIDES = ['all', 'outbound', 'inbound'] as const;
const STATISTICS = ['mean', 'deviation', 'minimum', 'lower quartile', 'median', 'upper quartile', 'maximum'] as const;

/**
 * Columns of one row per window. For all packets, the outbound and the inbound ones: their number, and mean, deviation, minimum,
 * quartiles and maximum of their lengths and of the intervals between them. The duration; the share of packets in each bin of lengths by
 * direction; the first ten lengths, negative if inbound; the commonest port, and the number of ports.
 */
export function summarizeWindows(windows: Windows): Column[] {
  const { packets, start, count, time } = windows;
  const rows = start.length;
  const numeric = (name: string) => ({ kind: 'numeric' as const, name, values: new Float32Array(rows) });
  const sides = SIDES.map((side) => ({
    count: numeric(`${side}: packets`),
    length: STATISTICS.map((statistic) => numeric(`${side}: ${statistic} of length`)),
    interval: STATISTICS.map((statistic) => numeric(`${side}: ${statistic} of interval`)),
  }));
  const duration = numeric('duration');
  const bins = Array.from({ length: 2 * BINS }, (_, i) =>
    numeric(`${i < BINS ? 'inbound' : 'outbound'}: share from ${BIN * (i % BINS)} bytes`),
  );
  const first = Array.from({ length: FIRST }, (_, i) => numeric(`length ${i + 1}`));
  const port = { kind: 'categorical' as const, name: 'commonest port', values: new Uint16Array(rows) };
  const ports = numeric('ports');
  const most = count.reduce((longest, one) => Math.max(longest, one), 0);
  const buffers = { length: new Float64Array(most), interval: new Float64Array(most) };
  for (let window = 0; window < rows; window++) {
    const from = start[window]!;
    const to = from + count[window]!;
    for (const [i, side] of sides.entries()) {
      let size = 0;
      let before = Number.NaN;
      let gaps = 0;
      for (let row = from; row < to; row++) {
        if (i > 0 && packets.direction[row] !== 2 - i) continue;
        buffers.length[size++] = packets.length[row]!;
        if (size > 1) buffers.interval[gaps++] = time[row]! - before;
        before = time[row]!;
      }
      side.count.values[window] = size;
      describe(buffers.length.subarray(0, size), side.length, window);
      describe(buffers.interval.subarray(0, gaps), side.interval, window);
    }
    duration.values[window] = time[to - 1]! - time[from]!;
    for (let row = from; row < to; row++) {
      const bin = Math.min(BINS - 1, Math.floor(packets.length[row]! / BIN));
      bins[packets.direction[row]! * BINS + bin]!.values[window]! += 1 / (to - from);
    }
    for (let i = 0; i < FIRST && from + i < to; i++) {
      first[i]!.values[window] = packets.length[from + i]! * (packets.direction[from + i] === 1 ? 1 : -1);
    }
    const uses = new Map<number, number>();
    let commonest = 0;
    for (let row = from; row < to; row++) {
      const one = packets.port[row]!;
      const used = (uses.get(one) ?? 0) + 1;
      uses.set(one, used);
      if (used > (uses.get(commonest) ?? 0) || (used === uses.get(commonest) && one < commonest)) commonest = one;
    }
    port.values[window] = commonest;
    ports.values[window] = uses.size;
  }
  const ofSides = sides.flatMap((side) => [side.count, ...side.length, ...side.interval]);
  return [...ofSides, duration, ...bins, ...first, port, ports];
}

/** Writes {@link STATISTICS} of `values`, which it sorts, to row `at` of the columns; zeros where there are no values. */
function describe(values: Float64Array, columns: readonly { readonly values: Float32Array }[], at: number): void {
  const size = values.length;
  if (size === 0) return;
  values.sort();
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / size;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  const quantile = (q: number) => values[Math.round(q * (size - 1))]!;
  const found = [
    mean,
    Math.sqrt(squares / size),
    values[0]!,
    quantile(0.25),
    quantile(0.5),
    quantile(0.75),
    values[size - 1]!,
  ];
  for (const [i, value] of found.entries()) columns[i]!.values[at] = value;
}
