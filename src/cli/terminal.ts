import { format } from 'node:util';
import stringWidth from 'string-width';
import type { OnProgress } from '../shared/progress.js';
import { formatBytes, formatCount, formatDuration } from '../shared/quantities.js';
import { visible, visibleLine } from '../shared/visible.js';

export { formatBytes, formatCount, formatDuration, formatPercent } from '../shared/quantities.js';

export interface TableColumn {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /**
   * Shrinks the column if the table is too wide. Its cells continue on further lines; a name in the first column that does not
   * fit stands above its row instead.
   */
  readonly shrink?: boolean;
}

/**
 * Lays out a table in plain text, at most `width` terminal columns wide if the columns that do not shrink leave room. A wide
 * character takes two columns.
 */
export function table(columns: readonly TableColumn[], rows: readonly (readonly string[])[], width = 80): string {
  const shown = rows.map((row) => row.map(visibleLine));
  const widths = columns.map((column, i) =>
    Math.max(stringWidth(column.title), ...shown.map((row) => stringWidth(row[i]!))),
  );
  const gap = 2;
  const excess = widths.reduce((sum, w) => sum + w, 0) + gap * (columns.length - 1) - width;
  const shrunk = shrink(widths, columns, excess);
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => pad(cell, shrunk[i]!, columns[i]!.align))
      .join(' '.repeat(gap))
      .trimEnd();
  const lines = (cells: readonly string[]): string[] => {
    const [name, ...rest] = cells;
    if (stringWidth(name!) > shrunk[0]!) return [...breakText(name!, width), ...lines(['', ...rest])];
    const wrapped = cells.map((cell, i) => breakText(cell, shrunk[i]!));
    const height = Math.max(...wrapped.map((parts) => parts.length));
    return Array.from({ length: height }, (_, row) => line(wrapped.map((parts) => parts[row] ?? '')));
  };
  return [
    line(columns.map((column) => column.title)),
    shrunk.map((w) => '─'.repeat(w)).join(' '.repeat(gap)),
    ...shown.flatMap(lines),
  ].join('\n');
}

/** Fills `text` with spaces to `width` terminal columns. */
export function pad(text: string, width: number, align: TableColumn['align'] = 'left'): string {
  const space = ' '.repeat(Math.max(0, width - stringWidth(text)));
  return align === 'right' ? space + text : text + space;
}

/** Takes `excess` from the columns that may shrink, always from the widest, down to the width of their titles or eight. */
function shrink(widths: readonly number[], columns: readonly TableColumn[], excess: number): number[] {
  const shrunk = [...widths];
  const least = columns.map(({ title }) => Math.max(8, stringWidth(title)));
  for (let left = excess; left > 0; left--) {
    const open = columns.flatMap((column, i) => (column.shrink && shrunk[i]! > least[i]! ? [i] : []));
    if (open.length === 0) break;
    shrunk[open.reduce((a, b) => (shrunk[b]! > shrunk[a]! ? b : a))]!--;
  }
  return shrunk;
}

/** Cuts `text` into pieces of at most `width` columns, after a space, comma, colon, slash or plus if there is one. */
export function breakText(text: string, width: number): string[] {
  const pieces: string[] = [];
  let rest = text;
  while (stringWidth(rest) > width) {
    const fitting = cut(rest, width);
    const mark = (fitting.match(/^.*(?:[ ,:/]|(?<=\S)\+)/su)?.[0] ?? '').length;
    // A character wider than the column is a piece by itself.
    const end = mark || fitting.length || firstCharacter(rest).length;
    pieces.push(rest.slice(0, end).trimEnd());
    rest = rest.slice(end);
  }
  return [...pieces, rest];
}

const characters = new Intl.Segmenter('en', { granularity: 'grapheme' });

const firstCharacter = (text: string): string => characters.segment(text)[Symbol.iterator]().next().value!.segment;

/** The longest beginning of `text` that fits into `width` columns, in whole characters. */
function cut(text: string, width: number): string {
  let taken = 0;
  for (const { segment, index } of characters.segment(text)) {
    taken += stringWidth(segment);
    if (taken > width) return text.slice(0, index);
  }
  return text;
}

/** `text` on one line of at most `width` columns; a longer text is cut and ends in `…`. */
export function fitLine(text: string, width: number): string {
  const line = visibleLine(text);
  return stringWidth(line) <= width ? line : `${cut(line, width - 1)}…`;
}

/** `text` on one line of at most `width` columns; a longer text loses its middle, so that names with different ends differ. */
export function fitName(text: string, width: number): string {
  const line = visibleLine(text);
  if (stringWidth(line) <= width) return line;
  const parts = [...characters.segment(line)].map(({ segment }) => segment);
  const head = cut(line, Math.ceil((width - 1) / 2));
  let tail = '';
  while (parts.length > 0 && stringWidth(parts.at(-1)! + tail) <= width - 1 - stringWidth(head))
    tail = parts.pop() + tail;
  return `${head}…${tail}`;
}

/** Lines of at most `width` columns if words allow, indented by `indent` spaces, the first by `first`. A long word stays whole. */
export function wrap(text: string, indent = 0, first = indent, width = 80): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of visible(text).split(/\s+/)) {
    const margin = lines.length === 0 ? first : indent;
    if (line !== '' && margin + stringWidth(line) + 1 + stringWidth(word) > width) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  if (line !== '') lines.push(line);
  return lines.map((one, i) => ' '.repeat(i === 0 ? first : indent) + one);
}

/** Lines that are redrawn in place, each cut to the terminal's width so that none wraps. */
export interface Screen {
  draw(lines: readonly string[]): void;
  clear(): void;
}

export function createScreen(stream: NodeJS.WriteStream = process.stdout): Screen {
  let drawn = 0;
  const up = () => (drawn > 0 ? `\x1b[${drawn}A\r` : '');
  return {
    draw(lines) {
      const width = (stream.columns || 80) - 1;
      stream.write(`${up()}${lines.map((line) => `\x1b[2K${fitLine(line, width)}\n`).join('')}\x1b[J`);
      drawn = lines.length;
    },
    clear() {
      if (drawn > 0) stream.write(`${up()}\x1b[J`);
      drawn = 0;
    },
  };
}

/**
 * Makes the console escape invisible characters ({@link visible}), in errors and help texts as well. {@link createScreen} and the
 * progress line escape their own texts, since they write to the stream itself to move the cursor.
 * @returns a function that undoes this
 */
export function guardConsole(): () => void {
  const guarded = (['log', 'info', 'warn', 'error'] as const).map((name) => {
    const original = console[name];
    console[name] = (...values: unknown[]) => original(visible(format(...values)));
    return () => {
      console[name] = original;
    };
  });
  return () => {
    for (const undo of guarded) undo();
  };
}

export interface ProgressLine {
  readonly onProgress: OnProgress;
  /** Prints a warning on its own line, each warning only once. */
  readonly onWarning: (message: string) => void;
  /** Removes the line. */
  end(): void;
}

/** Runs `work` with a progress line on stderr, and removes the line when it ends or fails. */
export async function withProgress<T>(work: (progress: ProgressLine) => T | Promise<T>): Promise<T> {
  const progress = createProgressLine();
  try {
    return await work(progress);
  } finally {
    progress.end();
  }
}

/** Shows a line on stderr with rate and time left, redrawn at most ten times a second; nothing if stderr is no terminal. */
export function createProgressLine(stream: NodeJS.WriteStream = process.stderr): ProgressLine {
  const warned = new Set<string>();
  const warn = (message: string) => {
    if (!warned.has(message)) stream.write(`warning: ${visibleLine(message)}\n`);
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
        // Figures replace counts of steps or cells.
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
      stream.write(fitLine(parts.join('  '), (stream.columns || 80) - 1));
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
  const number = Number.isInteger(value) || Math.abs(value) >= 999.5 ? formatCount(value) : value.toPrecision(3);
  return name.endsWith('/s') ? `${number} ${name}` : `${name} ${number}`;
}
