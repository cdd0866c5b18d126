import { formatCount, formatDuration, formatTime } from '../shared/quantities.js';
import type { IngestReport, SetBack } from './packets.js';
import { type Gap, type Trace, timeOrder } from './trace.js';

/**
 * Seconds without a packet of any host after which nobody was listening, or the clock was set. A home that is awake at all breaks the
 * silence well before: routers advertise themselves at least every 30 minutes (RFC 4861, section 6.2.1), and time is asked for at least
 * every 35 (systemd-timesyncd, 2048 s; NTP, 1024 s). Clocks that change to summer time skip one hour, which is just more than this.
 */
export const LONGEST_SILENCE = 3600;

/** Seconds by which packets of one capture may change places: buffers of several interfaces or processors hold less. */
const REORDERED = 60;

/** Before the first captures that there are: a clock that was never set, and began at the epoch. */
const FIRST_CAPTURES = Date.UTC(1988, 0, 1) / 1000;

/** The gaps in a capture of all hosts, in order of time. `time` may be in any order. */
export function findGaps(time: Float64Array): Gap[] {
  const gaps: Gap[] = [];
  const order = timeOrder(time);
  for (let i = 1; i < order.length; i++) {
    const [from, to] = [time[order[i - 1]!]!, time[order[i]!]!];
    if (to - from > LONGEST_SILENCE) gaps.push({ from, to, before: i });
  }
  return gaps;
}

/** Finds where the clock of one file, whose packets are in the order of the file, was set back; null if it never was. */
export function findSetBack(time: Float64Array): SetBack | null {
  let first = 0;
  let times = 0;
  for (let i = 1; i < time.length; i++) {
    if (time[i]! >= time[i - 1]! - REORDERED) continue;
    if (times++ === 0) first = i;
  }
  return times === 0 ? null : { from: time[first - 1]!, to: time[first]!, before: first, times };
}

/**
 * The rows after the last of each stretch that was observed without a gap: one for a trace without gaps, none for an empty one.
 * Whatever a defense sends late, after the last packet of a stretch, still belongs to that stretch.
 */
export function stretchEnds({ packets, time, gaps = [] }: Trace): number[] {
  const ends: number[] = [];
  for (const { to } of gaps) {
    let low = ends.at(-1) ?? 0;
    let high = packets;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (time[middle]! < to) low = middle + 1;
      else high = middle;
    }
    if (low > (ends.at(-1) ?? 0)) ends.push(low);
  }
  if (packets > (ends.at(-1) ?? 0)) ends.push(packets);
  return ends;
}

/** Seconds from the first to the last packet, less the gaps between. */
export function observedSeconds(trace: Trace): number {
  let sum = 0;
  let first = 0;
  for (const end of stretchEnds(trace)) {
    sum += trace.time[end - 1]! - trace.time[first]!;
    first = end;
  }
  return sum;
}

/** Seconds from the first packet to each, less the gaps between. */
export function observedTimes(trace: Trace): Float64Array {
  const times = new Float64Array(trace.packets);
  let before = 0;
  let first = 0;
  for (const end of stretchEnds(trace)) {
    for (let row = first; row < end; row++) times[row] = before + (trace.time[row]! - trace.time[first]!);
    before = times[end - 1]!;
    first = end;
  }
  return times;
}

/** Gaps that are told one by one. */
const TOLD = 3;

/** Describes what is odd about the times of captures, one line each. */
export function describeClock({ gaps, files }: Pick<IngestReport, 'gaps' | 'files'>): string[] {
  const longest = gaps.toSorted((a, b) => length(b) - length(a));
  const told = gaps.length > TOLD + 1 ? gaps.filter((gap) => longest.indexOf(gap) < TOLD) : gaps;
  const lines = told.map((gap) => {
    const why = gap.from < FIRST_CAPTURES ? 'the clock was set only then' : 'no capture ran, or the clock was set';
    return `no packet for ${formatDuration(length(gap))} after the first ${formatCount(gap.before)}, from ${formatTime(gap.from)} to ${formatTime(gap.to)} UTC: ${why}; costs and cover leave that time out`;
  });
  if (told.length < gaps.length) {
    const rest = longest.slice(TOLD);
    const sum = rest.reduce((seconds, gap) => seconds + length(gap), 0);
    lines.push(
      `${formatCount(rest.length)} more gaps without a packet, ${formatDuration(sum)} in all; costs and cover leave them out`,
    );
  }
  for (const { path, setBack } of files) {
    if (!setBack) continue;
    const { from, to, before, times } = setBack;
    const again = times > 1 ? `, and ${formatCount(times - 1)} more times` : '';
    lines.push(
      `${path}: the clock goes back ${formatDuration(from - to)} after packet ${formatCount(before)}, from ${formatTime(from)} to ${formatTime(to)} UTC${again}; packets are sorted by time, and time that comes twice counts once`,
    );
  }
  return lines;
}

const length = ({ from, to }: Gap): number => to - from;
