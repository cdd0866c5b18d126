import { printable } from '../kit/escape.js';
import { type Chart, chartBase, type Drawing } from '../kit/figure.js';
import { isNumber, shortened } from '../kit/format.js';
import { type Colors, HEAT_STEPS, heatColors, LIGHT } from '../kit/theme.js';
import { textWidth } from './labels.js';

/** Shares in [0, 1] by row and column; null if there is none. */
export interface Matrix {
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** One list for each row. */
  readonly shares: readonly (readonly (number | null)[])[];
}

const ROW = 24;
const FONT_SIZE = 12;
/** Longest name in characters, to leave room for the matrix. */
const LONGEST_NAME = 28;
const NARROWEST_COLUMN = 22;
const WIDEST_COLUMN = 64;

/**
 * A matrix of shaded shares with their numbers in percent, in the shades of a light page. It is a figure as a file, and the
 * specification of the same table in the page, which screen readers can read.
 */
export function matrixChart(matrix: Matrix, chart: Pick<Chart, 'id' | 'description' | 'caption' | 'width'>): Chart {
  return { ...chart, draw: (width, colors) => draw(matrix, width, colors) };
}

function draw({ rows, columns, shares }: Matrix, full: number, colors: Colors): Drawing {
  const short = (names: readonly string[]) => names.map((name) => printable(shortened(name, LONGEST_NAME)));
  const [rowNames, columnNames] = [short(rows), short(columns)];
  const widest = (names: readonly string[]) => Math.max(...names.map((name) => textWidth(name, FONT_SIZE)), 24);
  const left = widest(rowNames) + 16;
  const columnWidth = Math.min(WIDEST_COLUMN, Math.max(NARROWEST_COLUMN, (full - left - 40) / columns.length));
  // Names of columns are level if they fit, else tilted.
  const level = widest(columnNames) < columnWidth - 6;
  const top = level ? 28 : 14 + widest(columnNames) * Math.SQRT1_2 + FONT_SIZE;
  const right = level ? 8 : Math.max(8, widest(columnNames) * Math.SQRT1_2 - columnWidth / 2 + FONT_SIZE);
  const steps = heatColors(LIGHT);
  // One datum per row saves bytes, since a page has thousands of numbers.
  const lines = shares.map((row, y) => ({
    y,
    x: columns.map((_, x) => x),
    share: row.map((share) => (isNumber(share) ? Number(share.toFixed(4)) : null)),
  }));
  const x = {
    field: 'x',
    type: 'quantitative' as const,
    axis: null,
    scale: { domain: [-0.5, columns.length - 0.5], nice: false, zero: false },
  };
  const y = {
    field: 'y',
    type: 'quantitative' as const,
    axis: null,
    scale: { domain: [-0.5, rows.length - 0.5], nice: false, zero: false, reverse: true },
  };
  const step = `min(${HEAT_STEPS - 1}, max(0, round(datum.share * ${HEAT_STEPS - 1})))`;
  const stepOf = (of: 'fill' | 'text') => `${JSON.stringify(steps.map((colors) => colors[of]))}[${step}]`;
  const shade = (field: 'fill' | 'text') => ({ field: `${field}Color`, type: 'nominal' as const, scale: null });
  return {
    spec: {
      ...chartBase(colors),
      width: columnWidth * columns.length,
      height: ROW * rows.length,
      padding: { left, top, right, bottom: 6 },
      data: { values: lines },
      transform: [
        { flatten: ['x', 'share'] },
        { calculate: stepOf('fill'), as: 'fillColor' },
        { calculate: stepOf('text'), as: 'textColor' },
        { calculate: "datum.share === null ? 'n/a' : format(100 * datum.share, '.0f')", as: 'text' },
      ],
      layer: [
        {
          transform: [{ filter: 'datum.share !== null' }],
          mark: { type: 'rect', width: columnWidth - 2, height: ROW - 2, cornerRadius: 2 },
          encoding: { x, y, color: shade('fill') },
        },
        {
          transform: [{ filter: 'datum.share !== null' }],
          mark: { type: 'text', fontSize: columnWidth < 28 ? 10 : FONT_SIZE },
          encoding: { x, y, text: { field: 'text' }, color: shade('text') },
        },
        {
          transform: [{ filter: 'datum.share === null' }],
          mark: { type: 'text', color: colors.muted, fontSize: columnWidth < 28 ? 9 : FONT_SIZE },
          encoding: { x, y, text: { field: 'text' } },
        },
        {
          data: { values: rowNames.map((name, y) => ({ name, y })) },
          mark: { type: 'text', align: 'right' },
          encoding: { x: { value: -8 }, y, text: { field: 'name' } },
        },
        {
          data: { values: columnNames.map((name, x) => ({ name, x })) },
          mark: level
            ? { type: 'text', align: 'center', color: colors.muted }
            : { type: 'text', align: 'left', angle: -45, color: colors.muted },
          encoding: { x, y: { value: -10 }, text: { field: 'name' } },
        },
      ],
    },
  };
}
