import { UsageError } from './errors.js';

const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, min: 60, m: 60, h: 3600, d: 86_400 };
const BYTES: Readonly<Record<string, number>> = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12 };

/** Seconds of a time such as `90s`, `10m`, `1h30m`; undefined for what is no time. */
function secondsOf(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|s|min|m|h|d))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|min|m|h|d)/g))
    sum += Number(amount) * SECONDS[unit!]!;
  return sum;
}

/** Bytes of a size such as `100MB` or `1.5 GB`, in powers of 1000; undefined for what is no size. */
export function bytesOf(text: string): number | undefined {
  const found = text.trim().match(/^(\d+(?:\.\d+)?)\s*([kmgt]?b)$/i);
  return found ? Math.round(Number(found[1]) * BYTES[found[2]!.toLowerCase()]!) : undefined;
}

/**
 * Seconds of a time that the user gave.
 * @throws UsageError, beginning with `where`, for what is no time above zero
 */
export function parseDuration(text: string, where: string): number {
  const seconds = secondsOf(text);
  if (seconds === undefined || seconds === 0)
    throw new UsageError(`${where}: expected a time such as 90s, 10m or 2h, found "${text}"`);
  return seconds;
}

/**
 * Bytes of a size that the user gave.
 * @throws UsageError, beginning with `where`, for what is no size above zero
 */
export function parseSize(text: string, where: string): number {
  const bytes = bytesOf(text);
  if (bytes === undefined || bytes === 0)
    throw new UsageError(`${where}: expected a size such as 100MB or 4GB, found "${text}"`);
  return bytes;
}

/**
 * A size or a time that the user gave.
 * @throws UsageError, beginning with `where`, for what is neither
 */
export function parseSizeOrDuration(text: string, where: string): { bytes: number } | { seconds: number } {
  const bytes = bytesOf(text);
  if (bytes !== undefined && bytes > 0) return { bytes };
  const seconds = secondsOf(text);
  if (seconds !== undefined && seconds > 0) return { seconds };
  throw new UsageError(`${where}: expected a size such as 100MB or a time such as 1h, found "${text}"`);
}

/** 1234567 as '1,234,567'. */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Bytes in powers of 1000, three digits: '1.23 MB', '33.7 GB', '12,300 TB'. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const rounded = unit === 0 ? Math.round(value) : Number(value.toPrecision(3));
  return `${rounded.toLocaleString('en-US')} ${UNITS[unit]}`;
}

/** A share as '48.1 %', or '4,200.0 %' of what is 42 times as much; '–' where it is undefined. */
export function formatPercent(share: number | null, digits = 1): string {
  if (share === null) return '–';
  const fraction = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return `${(share * 100).toLocaleString('en-US', fraction)} %`;
}

/** Seconds as '850 ms', '12.3 s', '4 min 05 s', '3 h 12 min', '6 d 04 h'. */
export function formatDuration(seconds: number): string {
  const two = (n: number) => String(Math.floor(n)).padStart(2, '0');
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${two((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${two((whole % 86_400) / 3600)} h`;
}

/** The most that a Date holds (ECMA-262, section 21.4.1.1). */
const MOST_SECONDS = 8.64e12;

/** Seconds since the Unix epoch as '2021-03-08 15:22:15', in UTC; what no calendar has stays a number. */
export function formatTime(seconds: number): string {
  if (!(Math.abs(seconds) <= MOST_SECONDS)) return `${seconds} s`;
  return new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
}

/** A share as '48 %', or '0.012 %' where it is small: two digits. */
export function formatShare(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`;
}
