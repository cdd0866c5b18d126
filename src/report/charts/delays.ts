import type { DelayHistogram } from '../../shaping/cost.js';
import { printable } from '../kit/escape.js';
import { type Chart, chartBase, type Drawing } from '../kit/figure.js';
import { duration, percent, shortened } from '../kit/format.js';
import type { Colors } from '../kit/theme.js';

/** Delays of packets under one defense, in seconds. */
export interface DelayRow {
  readonly defense: string;
  readonly percentiles: { readonly p50: number; readonly p95: number; readonly max: number };
  /** Null for results without it. */
  readonly histogram: DelayHistogram | null;
}

/** Shorter delays count as none and are drawn left of the axis. */
const SHORTEST = 1e-4;
/** The axis begins at the highest power of ten with at most this share of each defense's packets below it. */
const LEAST_SHARE = 0.01;
const NAME = 20;
const BARS = 40;
const GAP = 10;

/** The distribution of delays for each defense on a common logarithmic axis, with median and 95th percentile. */
export function delaysChart(
  rows: readonly DelayRow[],
  chart: Pick<Chart, 'id' | 'description' | 'caption' | 'width'>,
): Chart {
  return { ...chart, draw: (width, colors) => draw(rows, width, colors) };
}

/** The exponent of the power of ten (seconds) at the start of the axis; null if the axis has a place for no delay. */
export function delayAxisStart(rows: readonly DelayRow[]): number | null {
  const starts = rows.map(({ percentiles, histogram }) => {
    if (!histogram) return percentiles.p50;
    const { from, binsPerDecade, counts } = histogram;
    const total = counts.reduce((sum, count) => sum + count, 0);
    let below = 0;
    const first = counts.findIndex((count) => {
      below += count;
      return below >= LEAST_SHARE * total;
    });
    return first === 0 ? 0 : from * 10 ** ((first - 1) / binsPerDecade);
  });
  const lowest = Math.min(...starts);
  return lowest < SHORTEST ? null : Math.floor(Math.log10(lowest) + 1e-9);
}

function draw(rows: readonly DelayRow[], full: number, colors: Colors): Drawing {
  const start = delayAxisStart(rows);
  const padding = { left: start === null ? 8 : 24, right: 26, top: 28, bottom: 8 };
  const width = full - padding.left - padding.right;
  const shortest = start ?? Math.log10(SHORTEST);
  const lowest = start ?? shortest - 0.6;
  const place = (delay: number): number =>
    delay < SHORTEST ? Math.max(lowest, shortest - 0.3) : Math.max(lowest, Math.log10(delay));
  const longest = Math.max(...rows.map(({ percentiles }) => place(percentiles.max)));
  const highest = Math.max(Math.ceil(longest - 1e-9), shortest + 1);
  const decades = Array.from({ length: highest - shortest + 1 }, (_, i) => shortest + i);
  // A short axis also has ticks between powers of ten.
  const values = decades.length > 3 ? decades : decades.flatMap((at) => [at, at + Math.log10(2), at + Math.log10(5)]);
  const fitting = values.filter((at) => at <= highest + 1e-9);
  const every = Math.ceil(fitting.length / (width > 450 ? 9 : 5));
  const height = rows.length * (NAME + BARS + GAP);
  const baseOf = (row: number): number => row * (NAME + BARS + GAP) + NAME + BARS;

  const x = {
    type: 'quantitative' as const,
    scale: { domain: [lowest, highest], nice: false, zero: false },
    axis: {
      orient: 'top' as const,
      title: null,
      values: [
        ...(start === null ? [shortest - 0.3] : []),
        ...fitting.filter((_, i) => i % every === 0 && (i > 0 || start !== null)),
      ],
      labelExpr:
        "datum.value < -4.1 ? 'none' : datum.value < -0.5 ? format(pow(10, datum.value + 3), ',~r') + ' ms' : format(pow(10, datum.value), ',~r') + ' s'",
      labelFlush: false,
    },
  };
  const y = { type: 'quantitative' as const, scale: null };
  const bars = rows.flatMap(({ defense, histogram }, row) =>
    histogram ? barsOf(defense, histogram, lowest, baseOf(row)) : [],
  );
  const marks = rows.flatMap(({ defense, percentiles }, row) =>
    (['p50', 'p95', 'max'] as const).map((name) => ({
      defense,
      percentile: name,
      seconds: percentiles[name],
      x: place(percentiles[name]),
      y: baseOf(row),
      told: printable(`${defense}: ${NAMES[name]} ${duration(percentiles[name])}`),
    })),
  );
  return {
    spec: {
      ...chartBase(colors),
      width,
      height,
      padding,
      layer: [
        {
          data: { values: bars },
          mark: { type: 'rect', color: colors.accent, opacity: 0.35, aria: true },
          encoding: {
            x: { ...x, field: 'from' },
            x2: { field: 'to' },
            y: { ...y, field: 'top' },
            y2: { field: 'base' },
            description: { field: 'told' },
          },
        },
        {
          data: { values: rows.map((_, row) => ({ from: lowest, to: highest, y: baseOf(row) })) },
          mark: { type: 'rule', color: colors.muted, strokeWidth: 1 },
          encoding: { x: { ...x, field: 'from' }, x2: { field: 'to' }, y: { ...y, field: 'y' } },
        },
        {
          data: { values: marks },
          mark: { type: 'point', size: 55, strokeWidth: 1.75, opacity: 1, color: colors.accent, aria: true },
          encoding: {
            x: { ...x, field: 'x' },
            y: { ...y, field: 'y' },
            shape: {
              field: 'percentile',
              type: 'nominal',
              legend: null,
              scale: { domain: ['p50', 'p95', 'max'], range: ['circle', 'circle', 'stroke'] },
            },
            fill: {
              field: 'percentile',
              type: 'nominal',
              legend: null,
              scale: {
                domain: ['p50', 'p95', 'max'],
                range: [colors.accent, colors.paper, colors.paper],
              },
            },
            description: { field: 'told' },
          },
        },
        {
          data: {
            values: rows.map(({ defense }, row) => ({
              text: printable(shortened(defense, Math.floor(full / 8.3))),
              y: baseOf(row) - BARS - NAME / 2,
            })),
          },
          mark: { type: 'text', align: 'left', fontWeight: 600 },
          encoding: { x: { value: 8 - padding.left }, y: { ...y, field: 'y' }, text: { field: 'text' } },
        },
      ],
    },
  };
}

const NAMES = {
  p50: 'half of packets wait at most',
  p95: '19 of 20 packets wait at most',
  max: 'the longest delay is',
} as const;

/** Bars of a defense. Heights are shares of its packets, and the highest bar fills the room. */
function barsOf(defense: string, { from, binsPerDecade, counts }: DelayHistogram, lowest: number, base: number) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const most = Math.max(...counts);
  return counts.flatMap((count, bin) => {
    if (count === 0) return [];
    const start = Math.log10(from) + (bin - 1) / binsPerDecade;
    const [left, right] =
      bin === 0 ? [Math.log10(SHORTEST) - 0.45, Math.log10(SHORTEST) - 0.15] : [start, start + 1 / binsPerDecade];
    const span = bin === 0 ? `under ${duration(from)}` : `${duration(10 ** left)} to ${duration(10 ** right)}`;
    if (right <= lowest + 1e-9) return [];
    return [
      {
        defense,
        share: count / total,
        from: left,
        to: right,
        base,
        top: base - (BARS * count) / most,
        told: printable(`${defense}: ${percent(count / total)} of packets wait ${span}`),
      },
    ];
  });
}
