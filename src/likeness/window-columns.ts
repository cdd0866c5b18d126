import type { Column } from '../learning/forest/bins.js';
import type { PacketFeatures, Windows } from '../learning/windows.js';

/** Describes each full window as a whole: shares, means and spreads, and how often one frame repeats or answers another. */
export function windowColumns({ packets, start, count, size }: Windows): Column[] {
  // A window that is short of packets, at the end of its stream, would be recognised by that alone.
  const full = [...start].filter((_, w) => count[w] === size);
  const columns = new Map<string, Float32Array>();
  const put = (name: string, w: number, value: number) => {
    let column = columns.get(name);
    if (!column) {
      column = new Float32Array(full.length);
      columns.set(name, column);
    }
    column[w] = value;
  };
  for (const [w, first] of full.entries())
    describeWindow(packets, first, first + size, (name, value) => put(name, w, value));
  return [...columns].map(([name, values]) => ({ kind: 'numeric', name, values }));
}

function describeWindow(
  { port, protocols, direction, length, interval }: PacketFeatures,
  from: number,
  to: number,
  put: (name: string, value: number) => void,
): void {
  const size = to - from;
  const sides = [0, 1].map((side) => [...length.subarray(from, to)].filter((_, i) => direction[from + i] === side));
  put('outbound', sides[1]!.length / size);
  for (const [side, lengths] of sides.entries()) {
    const name = side === 1 ? 'out' : 'in';
    const mean = lengths.reduce((sum, x) => sum + x, 0) / Math.max(1, lengths.length);
    put(`${name} length mean`, mean);
    put(
      `${name} length deviation`,
      Math.sqrt(lengths.reduce((s, x) => s + (x - mean) ** 2, 0) / Math.max(1, lengths.length)),
    );
    put(`${name} lengths`, new Set(lengths).size);
    put(`${name} length largest`, Math.max(0, ...lengths));
  }
  // The first interval of a window leads from the window before, or is undefined at the start of a stream.
  const gaps = Array.from(interval.subarray(from + 1, to), (x) => Math.log10(Math.max(x, 1e-6))).sort((a, b) => a - b);
  for (const q of [0.1, 0.25, 0.5, 0.75, 0.9, 1]) put(`gap ${q}`, gaps[Math.round(q * (gaps.length - 1))] ?? 0);
  put('gap mean', gaps.reduce((sum, x) => sum + x, 0) / Math.max(1, gaps.length));
  put(
    'seconds',
    interval.subarray(from + 1, to).reduce((sum, x) => sum + x, 0),
  );
  put('ports', new Set(port.subarray(from, to)).size);
  for (const [bit, name] of ['tcp', 'udp', 'tls', 'http', 'dns', 'other'].entries()) {
    let n = 0;
    for (let i = from; i < to; i++) if ((protocols[i]! & (2 << bit)) !== 0) n++;
    put(name, n / size);
  }
  let turns = 0;
  let repeats = 0;
  let longest = 0;
  let run = 0;
  for (let i = from + 1; i < to; i++) {
    if (direction[i] !== direction[i - 1]) turns++;
    run = direction[i] === direction[i - 1] && length[i] === length[i - 1] ? run + 1 : 0;
    if (run > 0) repeats++;
    longest = Math.max(longest, run);
  }
  put('turns', turns / size);
  put('repeats', repeats / size);
  put('longest repeat', longest);
  put('kinds', new Set(Array.from({ length: size }, (_, i) => length[from + i]! * 2 + direction[from + i]!)).size);
}
