import { InputError } from '../../shared/errors.js';

/** A row of a table, as text. */
export interface Cells {
  /** Number of its first line, from 1. */
  readonly line: number;
  readonly text: string;
  readonly cells: readonly string[];
}

export interface CellTable {
  readonly rows: readonly Cells[];
  /** Whether runs of white space separate the columns, so that only the first cells of a row can be empty. */
  readonly isPadded: boolean;
}

const LINE_END = /\r\n|\r|\n/;
const PADDING = /\s*\t\s*| {2,}/;

/**
 * Whether white space aligns the columns of a table. Its header has several spaces in a row and neither comma nor semicolon; or
 * several tabs stand together, so that a row has more fields than the header.
 */
export function isPadded(text: string): boolean {
  const lines = text.split(LINE_END).filter((line) => line.trim() !== '' && !line.startsWith('#'));
  const [head = '', ...rows] = lines.map((line) => line.trimEnd());
  if (/[,;]/.test(head)) return false;
  if (!head.includes('\t')) return / {2,}/.test(head.trim());
  const names = head.split('\t');
  return names.some((name) => name.trim() === '') || rows.some((row) => row.split('\t').length > names.length);
}

export function splitPadded(text: string): CellTable {
  const rows = text.split(LINE_END).flatMap((line, index): Cells[] => {
    if (line.trim() === '' || line.startsWith('#')) return [];
    return [
      {
        line: index + 1,
        text: line.trim(),
        cells: line
          .trimEnd()
          .split(PADDING)
          .map((cell) => cell.trim()),
      },
    ];
  });
  return { rows, isPadded: true };
}

/**
 * Splits a table at its separator: the one named by a first line `sep=;` (Excel), else the comma, semicolon or tab of its header.
 * Quotes follow RFC 4180; line ends in a quoted cell become spaces. Empty lines and lines that begin with # are skipped.
 * @throws InputError with file and line for a quote that is not closed
 */
export function splitCells(text: string, file: string): CellTable {
  const rows: Cells[] = [];
  let separator: string | undefined;
  let line = 1;
  let at = 0;
  while (at < text.length) {
    const lineEnd = endOfLine(text, at);
    const whole = text.slice(at, lineEnd);
    if (whole.trim() === '' || whole.startsWith('#')) {
      at = afterLineEnd(text, lineEnd);
      line++;
      continue;
    }
    const named = rows.length === 0 && separator === undefined ? /^"?sep=(.)"?[,;\s]*$/i.exec(whole) : null;
    if (named) {
      separator = named[1]!;
      at = afterLineEnd(text, lineEnd);
      line++;
      continue;
    }
    separator ??= [',', ';', '\t'].find((candidate) => whole.includes(candidate)) ?? ',';
    const start = line;
    const cells: string[] = [];
    for (;;) {
      while (text[at] === ' ') at++;
      if (text[at] !== '"') {
        let end = at;
        while (end < text.length && text[end] !== separator && text[end] !== '\n' && text[end] !== '\r') end++;
        cells.push(text.slice(at, end).trim());
        at = end;
      } else {
        let cell = '';
        for (at++; ; at++) {
          if (at >= text.length) {
            throw new InputError(`${file}:${start}: expected a closing quote, found the end of the file`);
          }
          if (text[at] === '"') {
            if (text[at + 1] !== '"') break;
            at++;
          }
          if (text[at] === '\n' || (text[at] === '\r' && text[at + 1] !== '\n')) line++;
          cell += text[at];
        }
        for (at++; text[at] === ' '; ) at++;
        const next = text[at];
        if (next !== undefined && next !== separator && next !== '\n' && next !== '\r') {
          throw new InputError(`${file}:${line}: expected "${separator}" after a closing quote, found "${next}"`);
        }
        cells.push(cell.replaceAll(/\s*[\r\n]+\s*/g, ' ').trim());
      }
      if (text[at] !== separator) break;
      at++;
    }
    rows.push({ line: start, text: whole.trim(), cells });
    at = afterLineEnd(text, at);
    line++;
  }
  return { rows, isPadded: false };
}

function endOfLine(text: string, from: number): number {
  for (let at = from; at < text.length; at++) if (text[at] === '\n' || text[at] === '\r') return at;
  return text.length;
}

function afterLineEnd(text: string, at: number): number {
  return text[at] === '\r' && text[at + 1] === '\n' ? at + 2 : at + 1;
}
