import type { Adversary } from '../../result/result.js';
import { printable } from '../kit/escape.js';
import { type Chart, chartBase, type Drawing } from '../kit/figure.js';
import { percent, shortened } from '../kit/format.js';
import { type Colors, PAGE_COLORS } from '../kit/theme.js';
import { textWidth } from './labels.js';
import { type Rates, ratesLayer } from './rates.js';

/** Mean accuracy of one attack against one defense, by adversary; only those that were run. */
export interface AttackScores {
  readonly defense: string;
  readonly attack: string;
  readonly scores: readonly { readonly adversary: Adversary; readonly accuracy: number }[];
}

const LINE = 20;
const FONT_SIZE = 12;

/** A line for each attack and defense with a dot for each adversary, which shows how much knowing the defense helps. */
export function attacksChart(
  rows: readonly AttackScores[],
  rates: Rates,
  chart: Pick<Chart, 'id' | 'description' | 'caption' | 'width'>,
): Chart {
  return { ...chart, draw: (width, colors) => draw(rows, rates, width, colors) };
}

function draw(rows: readonly AttackScores[], rates: Rates, full: number, colors: Colors): Drawing {
  const names = rows.map((row) => shortened(row.attack, 18));
  const left = 16 + Math.max(...names.map((name) => textWidth(name, FONT_SIZE)), 24);
  const padding = { left, right: 22, top: 34, bottom: 4 };
  const width = full - padding.left - padding.right;
  // Lines from the top are the name of a defense, then its attacks.
  let line = 0;
  const headers: { text: string; line: number }[] = [];
  const placed = rows.map((row, i) => {
    if (row.defense !== rows[i - 1]?.defense) {
      if (i > 0) line += 0.4;
      headers.push({ text: printable(shortened(row.defense, Math.floor(full / (FONT_SIZE * 0.75)))), line: line++ });
    }
    return { ...row, name: printable(names[i]!), line: line++ };
  });
  const height = line * LINE;
  /** Spans from the first to the last line of each defense, so that reference lines do not cross the names of defenses. */
  const spans = headers.map((header, i) => ({ from: header.line + 0.5, to: (headers[i + 1]?.line ?? line) - 0.5 }));

  // Every layer has the same scale and axis, since Vega-Lite merges those of all layers.
  const lineChannel = {
    field: 'line',
    type: 'quantitative' as const,
    scale: { domain: [-0.5, line - 0.5], reverse: true, nice: false },
    axis: null,
  };
  const accuracyChannel = {
    field: 'accuracy',
    type: 'quantitative' as const,
    scale: { domain: [0, 1], nice: false },
    axis: {
      orient: 'top' as const,
      title: null,
      values: [0, 0.2, 0.4, 0.6, 0.8, 1],
      labelExpr: "format(datum.value * 100, '.0f') + ' %'",
      labelFlush: false,
    },
  };
  const dots = placed.flatMap(({ defense, attack, scores, line }) =>
    scores.map(({ adversary, accuracy }) => ({
      defense,
      attack,
      adversary,
      accuracy,
      line,
      told: printable(`${attack}, ${adversary} adversary, ${defense}: ${percent(accuracy)}`),
    })),
  );
  return {
    spec: {
      ...chartBase(colors),
      width,
      height,
      padding,
      layer: [
        ratesLayer(
          rates,
          { x: accuracyChannel, y: { ...lineChannel, field: 'from' }, y2: { field: 'to' } },
          colors,
          spans,
        ),
        {
          data: {
            values: placed.flatMap(({ scores, line }) =>
              scores.length < 2 ? [] : [{ line, from: scores[0]!.accuracy, to: scores[1]!.accuracy }],
            ),
          },
          mark: { type: 'rule', color: colors.accent, strokeWidth: 2, opacity: 0.45 },
          encoding: { x: { ...accuracyChannel, field: 'from' }, x2: { field: 'to' }, y: lineChannel },
        },
        {
          data: { values: dots },
          mark: { type: 'point', size: 70, strokeWidth: 2, opacity: 1, color: colors.accent, aria: true },
          encoding: {
            description: { field: 'told' },
            x: accuracyChannel,
            y: lineChannel,
            fill: {
              field: 'adversary',
              type: 'nominal',
              legend: null,
              scale: { domain: ['static', 'adaptive'], range: [colors.paper, colors.accent] },
            },
          },
        },
        {
          data: { values: placed.map(({ name, line }) => ({ name, line })) },
          mark: { type: 'text', align: 'right', color: colors.muted },
          encoding: { text: { field: 'name' }, x: { value: -10 }, y: lineChannel },
        },
        // The first copy of the text is a halo.
        ...[{ stroke: colors.paper, strokeWidth: 4 }, ...(colors === PAGE_COLORS ? [] : [{}])].map((halo) => ({
          data: { values: headers },
          mark: { type: 'text' as const, align: 'left' as const, fontWeight: 600 as const, ...halo },
          encoding: { text: { field: 'text' }, x: { value: 2 - left }, y: lineChannel },
        })),
      ],
    },
  };
}
