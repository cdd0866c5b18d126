import { type Chart, chartBase, type Drawing } from '../kit/figure.js';
import type { Colors } from '../kit/theme.js';
import { DASHED_WITHOUT_DEFENSE } from './curve-style.js';
import { INSET } from './tradeoff-layout.js';

/** The curve of open-set classification rates under one defense, at even steps from 0 to 1; see OpenWorldScores. */
export interface OpenWorldCurve {
  readonly defended: boolean;
  readonly rates: readonly number[];
}

const PADDING = { left: 48, right: 16, top: 26, bottom: 44 };

/** Known packets named correctly against unknown ones named: dashed without defense, solid with one. */
export function openWorldChart(
  curves: readonly OpenWorldCurve[],
  chart: Pick<Chart, 'id' | 'description' | 'caption' | 'width'>,
): Chart {
  return { ...chart, draw: (width, colors) => draw(curves, width, colors) };
}

function draw(curves: readonly OpenWorldCurve[], full: number, colors: Colors): Drawing {
  const width = full - PADDING.left - PADDING.right;
  const share = (title: string | null, range?: [number, number]) => ({
    type: 'quantitative' as const,
    scale: { domain: [0, 1], nice: false, ...(range && { range }) },
    axis: {
      title,
      titlePadding: 10,
      values: [0, 0.2, 0.4, 0.6, 0.8, 1],
      labelExpr: "format(datum.value * 100, '.0f') + ' %'",
      labelFlush: false,
    },
  });
  const points = curves.flatMap(({ defended, rates }) =>
    rates.map((right, i) => ({ defended, named: i / (rates.length - 1), right })),
  );
  return {
    spec: {
      ...chartBase(colors),
      width,
      height: 280,
      padding: PADDING,
      layer: [
        {
          data: { values: points },
          mark: { type: 'line', strokeWidth: 2 },
          encoding: {
            x: { field: 'named', ...share('Unknown devices’ packets that are named', [INSET, width - INSET]) },
            y: { field: 'right', ...share(null) },
            strokeDash: DASHED_WITHOUT_DEFENSE,
            color: {
              field: 'defended',
              type: 'nominal',
              legend: null,
              scale: { domain: [false, true], range: [colors.muted, colors.accent] },
            },
          },
        },
        {
          data: { values: [{ text: 'Known devices’ packets that are named rightly' }] },
          mark: { type: 'text', align: 'left', fontSize: 12.5 },
          encoding: { text: { field: 'text' }, x: { value: -PADDING.left + 2 }, y: { value: -16 } },
        },
      ],
    },
  };
}
