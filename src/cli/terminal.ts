import type { OnProgress } from '../shared/progress.js';

export interface TableColumn {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /**
   * The column that gives way where the table is too wide. Its cells go on in further lines; in the first column, which names the row, a
   * cell that does not fit stands above its row instead.
   */
  readonly shrink?: boolean;
}

/** Plain text table of at most `width` characters a line, as long as the columns that do not shrink leave room. */
export function table(columns: readonly TableColumn[], rows: readonly (readonly string[])[], width = 80): string {
  const widths = columns.map((column, i) => Math.max(column.title.length, ...rows.map((row) => row[i]!.length)));
  const gap = 2;
  let excess = widths.reduce((sum, w) => sum + w, 0) + gap * (columns.length - 1) - width;
  for (const [i, column] of columns.entries()) {
    if (!column.shrink || excess <= 0) continue;
    const shrunk = Math.max(8, column.title.length, widths[i]! - excess);
    excess -= widths[i]! - shrunk;
    widths[i] = shrunk;
  }
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (columns[i]!.align === 'right' ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join(' '.repeat(gap))
      .trimEnd();
  const lines = (cells: readonly string[]): string[] => {
    const [name, ...rest] = cells;
    if (name!.length > widths[0]!) return [...breakText(name!, width), ...lines(['', ...rest])];
    const wrapped = cells.map((cell, i) => breakText(cell, widths[i]!));
    const height = Math.max(...wrapped.map((parts) => parts.length));
    return Array.from({ length: height }, (_, row) => line(wrapped.map((parts) => parts[row] ?? '')));
  };
  return [
    line(columns.map((column) => column.title)),
    widths.map((w) => '─'.repeat(w)).join(' '.repeat(gap)),
    ...rows.flatMap(lines),
  ].join('\n');
}

/** Cuts `text` into pieces of at most `width` characters, after a space, comma, colon, slash or plus where there is one. */
function breakText(text: string, width: number): string[] {
  const pieces: string[] = [];
  let rest = text;
  while (rest.length > width) {
    const cut = Math.max(...[' ', ',', ':', '/', '+'].map((mark) => rest.lastIndexOf(mark, width - 1))) + 1 || width;
    pieces.push(rest.slice(0, cut).trimEnd());
    rest = rest.slice(cut);
  }
  return [...pieces, rest];
}

/** Lines of at most `width` characters, as far as words allow, each indented by `indent` spaces but the first by `first`. */
export function wrap(text: string, indent = 0, first = indent, width = 80): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && indent + line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  if (line !== '') lines.push(line);
  return lines.map((one, i) => ' '.repeat(i === 0 ? first : indent) + one);
}

/** 1234567 as '1,234,567'. */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Bytes in powers of 1000, three digits: '1.23 MB'. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : Number(value.toPrecision(3))} ${units[unit]}`;
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

/** A share as '48.1 %'; '–' where it is undefined. */
export function formatPercent(share: number | null, digits = 1): string {
  return share === null ? '–' : `${(share * 100).toFixed(digits)} %`;
}

export interface ProgressLine {
  readonly onProgress: OnProgress;
  /** Prints a warning on a line of its own, each only once. */
  readonly onWarning: (message: string) => void;
  /** Removes the line, so that results can be printed. */
  end(): void;
}

/** Runs `work` with a progress line on stderr, which is gone when it ends, however it ends. */
export async function withProgress<T>(work: (progress: ProgressLine) => T | Promise<T>): Promise<T> {
  const progress = createProgressLine();
  try {
    return await work(progress);
  } finally {
    progress.end();
  }
}

/** One line on stderr with rate and time left, redrawn in place at most ten times a second; silent off a terminal. */
export function createProgressLine(stream: NodeJS.WriteStream = process.stderr): ProgressLine {
  const warned = new Set<string>();
  const warn = (message: string) => {
    if (!warned.has(message)) stream.write(`warning: ${message}\n`);
    warned.add(message);
  };
  if (!stream.isTTY) return { onProgress: () => {}, onWarning: warn, end: () => {} };
  let task = '';
  let started = 0;
  let first = 0;
  let drawn = 0;
  const clear = () => stream.write('\r\x1b[2K');
  return {
    onProgress(progress) {
      const now = performance.now();
      if (progress.task !== task) {
        task = progress.task;
        started = now;
        first = progress.done;
      } else if (now - drawn < 100) return;
      drawn = now;
      const seconds = (now - started) / 1000;
      const rate = seconds > 0.2 ? (progress.done - first) / seconds : 0;
      const amount = (n: number) => (progress.unit === 'bytes' ? formatBytes(n) : formatCount(n));
      const figures = Object.entries(progress.figures ?? {});
      const parts = [progress.task];
      if (progress.total !== undefined && progress.total > 0) {
        parts.push(`${Math.floor((100 * progress.done) / progress.total)} %`);
        // Figures say more than counts of steps or cells.
        if (figures.length === 0) {
          parts.push(`${amount(progress.done)} of ${amount(progress.total)}${unitSuffix(progress.unit)}`);
        }
      } else parts.push(`${amount(progress.done)}${unitSuffix(progress.unit)}`);
      if (rate >= 1 && figures.length === 0) parts.push(`${amount(rate)}/s`);
      if (rate > 0 && progress.total !== undefined && progress.done < progress.total) {
        parts.push(`${formatDuration((progress.total - progress.done) / rate)} left`);
      }
      for (const [name, value] of figures) parts.push(formatFigure(name, value));
      if (progress.detail) parts.push(progress.detail);
      clear();
      stream.write(parts.join('  ').slice(0, (stream.columns || 80) - 1));
    },
    onWarning(message) {
      clear();
      warn(message);
    },
    end: () => void clear(),
  };
}

function unitSuffix(unit: string): string {
  return unit === 'bytes' ? '' : ` ${unit}`;
}

/** 'epoch 3', 'loss 0.412', '81,234 packets/s'. */
function formatFigure(name: string, value: number): string {
  const number = Number.isInteger(value) ? formatCount(value) : value.toPrecision(3);
  return name.endsWith('/s') ? `${number} ${name}` : `${name} ${number}`;
}
