import { observedSeconds } from '../trace/clock.js';
import type { Trace } from '../trace/trace.js';
import type { Observed } from './account.js';

/** The cost of a defense, relative to the view without any defense. A quantity that is undefined is null, never 0. */
export interface Cost {
  /** Bytes on the wire in both directions over those without defense, less 1; cover included, also after the last real packet. */
  readonly bandwidthOverhead: number | null;
  /** Frames on the wire over those without defense, less 1. */
  readonly packetOverhead: number | null;
  /** Bytes added a day, in 10^6 bytes, at the rate of this trace: over the time that it was observed, without defense. */
  readonly megabytesPerDay: number | null;
  /** The same in 10^9 bytes a month; results older than this key lack it. */
  readonly gigabytesPerMonth?: number | null;
  /** Seconds, per real packet that was not lost: from its arrival at the first defense to its last byte on the wire. */
  readonly addedDelay: {
    readonly p50: number | null;
    readonly p95: number | null;
    readonly p99: number | null;
    readonly max: number | null;
  };
  /** How these delays are distributed; null where no packet was delivered. Results older than this key lack it. */
  readonly delayHistogram?: DelayHistogram | null;
  /** Real packets lost. */
  readonly dropped: number;
  /** Time from first to last frame, gaps aside, over that without defense. */
  readonly durationRatio: number | null;
}

/** Delays counted in bins of equal width on a logarithmic scale. */
export interface DelayHistogram {
  /** Seconds: the lower end of the second bin. The first holds all that is less, a delay of 0 too. */
  readonly from: number;
  readonly binsPerDecade: number;
  /** Packets in each bin, up to the last that holds one: bin i > 0 is from `from` 10^((i - 1) / binsPerDecade) to that of i + 1. */
  readonly counts: readonly number[];
}

/** A tenth of a millisecond: what no application notices. */
const HISTOGRAM_FROM = 1e-4;
const BINS_PER_DECADE = 10;
/** Up to 10^5 s, more than a day; what is longer counts in the last bin. */
const HISTOGRAM_BINS = 1 + 9 * BINS_PER_DECADE;

const SECONDS_PER_DAY = 86_400;

/** Days in a month, on average. */
const DAYS_PER_MONTH = 30.44;

/** @param base what the observer sees of the same packets without any defense */
export function costOf(defended: Observed, base: Trace): Cost {
  const bytes = totalBytes(defended.trace);
  const baseBytes = totalBytes(base);
  const baseSeconds = observedSeconds(base);
  const delays = addedDelays(defended);
  const megabytesPerDay = ratio(((bytes - baseBytes) / 1e6) * SECONDS_PER_DAY, baseSeconds);
  return {
    bandwidthOverhead: ratio(bytes - baseBytes, baseBytes),
    packetOverhead: ratio(defended.trace.packets - base.packets, base.packets),
    megabytesPerDay,
    gigabytesPerMonth: toGigabytesPerMonth(megabytesPerDay),
    addedDelay: percentiles(delays),
    delayHistogram: histogramOf(delays),
    dropped: defended.dropped,
    durationRatio: ratio(observedSeconds(defended.trace), baseSeconds),
  };
}

export function toGigabytesPerMonth(megabytesPerDay: number | null): number | null {
  return megabytesPerDay === null ? null : (megabytesPerDay * DAYS_PER_MONTH) / 1000;
}

/** Seconds from arrival to last byte on the wire of each real packet that was not lost, in order of arrival. */
export function addedDelays({ original, delivered }: Observed): Float64Array {
  const delays = new Float64Array(original.packets);
  let size = 0;
  for (let i = 0; i < original.packets; i++) {
    if (original.cover[i] === 0 && !Number.isNaN(delivered[i]!)) delays[size++] = delivered[i]! - original.time[i]!;
  }
  return delays.subarray(0, size);
}

/** By nearest rank: the smallest delay that at least so many percent of the packets do not exceed. Sorts in place. */
function percentiles(delays: Float64Array): Cost['addedDelay'] {
  delays.sort();
  const rank = (percent: number): number | null => delays[Math.ceil((percent / 100) * delays.length) - 1] ?? null;
  return { p50: rank(50), p95: rank(95), p99: rank(99), max: rank(100) };
}

/** @param delays in seconds */
export function histogramOf(delays: Float64Array): DelayHistogram | null {
  if (delays.length === 0) return null;
  const counts = new Array<number>(HISTOGRAM_BINS).fill(0);
  for (const delay of delays) {
    // Less a rounding error, so that the end of a decade begins a bin as it is defined to.
    const place = 1 + Math.floor(BINS_PER_DECADE * Math.log10(delay / HISTOGRAM_FROM) + 1e-9);
    const bin = delay < HISTOGRAM_FROM ? 0 : Math.min(place, HISTOGRAM_BINS - 1);
    counts[bin]!++;
  }
  const size = counts.findLastIndex((count) => count > 0) + 1;
  return { from: HISTOGRAM_FROM, binsPerDecade: BINS_PER_DECADE, counts: counts.slice(0, size) };
}

function totalBytes(trace: Trace): number {
  let sum = 0;
  for (let i = 0; i < trace.packets; i++) sum += trace.length[i]!;
  return sum;
}

function ratio(numerator: number, denominator: number): number | null {
  return denominator > 0 ? numerator / denominator : null;
}
