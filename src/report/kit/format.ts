/** Formats numbers for readers. A value that is not a finite number becomes {@link NOT_AVAILABLE}. */

export const NOT_AVAILABLE = 'n/a';

/** Keeps a number and its unit on one line. */
const NBSP = '\u00A0';

type Maybe = number | null | undefined;

/** Whether `value` is a number that can be shown or drawn. */
export function isNumber(value: Maybe): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** A share in running text: `47 %`, with one more digit if rounding would hide the difference to 0, 10 or 100 %. */
export function percent(share: Maybe): string {
  if (!isNumber(share)) return NOT_AVAILABLE;
  const value = Math.abs(share) * 100;
  const digits = value === 0 || value === 100 || (value >= 9.95 && (value < 99 || value > 101)) ? 0 : 1;
  return `${fixed(share * 100, digits)}${NBSP}%`;
}

/** A share in a column whose header has the %: `47.3`. */
export function percentage(share: Maybe): string {
  return isNumber(share) ? fixed(share * 100, 1) : NOT_AVAILABLE;
}

/** A share in a heat map: `47`. */
export function wholePercentage(share: Maybe): string {
  return isNumber(share) ? fixed(share * 100, 0) : NOT_AVAILABLE;
}

/** A duration in seconds: `0 ms`, `0.4 ms`, `12 ms`, `1.3 s`, `4.2 min`, `3.1 h`, `6.8 days`. */
export function duration(seconds: Maybe): string {
  if (!isNumber(seconds)) return NOT_AVAILABLE;
  const size = Math.abs(seconds);
  if (size === 0) return `0${NBSP}ms`;
  if (size < 0.9995) return significant(seconds * 1000, 'ms');
  if (size < 120) return significant(seconds, 's');
  if (size < 7200) return significant(seconds / 60, 'min');
  if (size < 172_800) return significant(seconds / 3600, 'h');
  return significant(seconds / 86_400, 'days');
}

function significant(value: number, unit: string): string {
  const size = Math.abs(value);
  if (size < 0.05) return `under${NBSP}0.1${NBSP}${unit}`;
  return `${fixed(value, size < 9.95 ? 1 : 0)}${NBSP}${unit}`;
}

/** A time span of minutes to days, whole where it is: `10 min`, `1 h`, `2.8 days`. */
export function roundDuration(seconds: Maybe): string {
  if (!isNumber(seconds)) return NOT_AVAILABLE;
  const [unit, name] = seconds < 3570 ? [60, 'min'] : seconds < 86_000 ? [3600, 'h'] : [86_400, 'day'];
  const value = Math.round((10 * seconds) / unit) / 10;
  return `${fixed(value, Number.isInteger(value) ? 0 : 1)}${NBSP}${name}${name === 'day' && value !== 1 ? 's' : ''}`;
}

/** A whole number: `200,541`. */
export function count(value: Maybe): string {
  return isNumber(value) ? fixed(value, 0) : NOT_AVAILABLE;
}

/** `1 packet`, `2 packets`: a count with its noun. */
export function counted(value: Maybe, noun: string): string {
  return `${count(value)}${NBSP}${noun}${value === 1 ? '' : 's'}`;
}

/** A number with `digits` decimals, grouped thousands, a true minus sign, and never a negative zero. */
export function fixed(value: Maybe, digits: number): string {
  if (!isNumber(value)) return NOT_AVAILABLE;
  const text = formatOf(digits).format(Math.abs(value));
  return value < 0 && /[1-9]/.test(text) ? `\u2212${text}` : text;
}

const formats: Intl.NumberFormat[] = [];

/** Caches formats, since making one takes longer than formatting a page of numbers. */
function formatOf(digits: number): Intl.NumberFormat {
  formats[digits] ??= new Intl.NumberFormat('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return formats[digits];
}

/** An instant in seconds since the Unix epoch: `2021-03-04 12:30 UTC`. */
export function instant(seconds: Maybe): string {
  // Date holds +-8.64e15 ms, and a capture with a broken clock can exceed that.
  if (!isNumber(seconds) || Math.abs(seconds) > 8.64e12) return NOT_AVAILABLE;
  return `${new Date(seconds * 1000).toISOString().replace('T', ' ').slice(0, -8)} UTC`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(items: readonly string[]): string {
  return items.length < 2 ? (items[0] ?? '') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

/** The first dozen of `items` for a description, and where the others are: `a; b, and 3 more; the table below has them all`. */
export function firstOf(items: readonly string[], others: string): string {
  const rest = items.length > 12 ? `, and ${items.length - 12} more; ${others}` : '';
  return `${items.slice(0, 12).join('; ')}${rest}`;
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** `text` cut in its middle to at most `characters`, so that names with different ends stay apart. */
export function shortened(text: string, characters: number): string {
  const all = Array.from(graphemes.segment(text), ({ segment }) => segment);
  if (all.length <= characters) return text;
  const head = Math.ceil((characters - 1) / 2);
  const tail = characters - 1 - head;
  return `${all.slice(0, head).join('')}…${tail > 0 ? all.slice(-tail).join('') : ''}`;
}
