import type { Colors } from '../kit/theme.js';

/** Accuracies without looking at traffic: naming a device by chance, or always the most common one. */
export interface Rates {
  readonly chance: number;
  readonly majority: number;
}

/**
 * The layer of the two rates as dotted and dashed lines across the plot.
 * @param channels channels of the field `accuracy`, and of the ends of the lines
 * @param spans fields of the parts of an interrupted line
 */
export function ratesLayer<Channels extends object>(
  { majority, chance }: Rates,
  channels: Channels,
  colors: Colors,
  spans: readonly object[] = [{}],
) {
  return {
    data: {
      values: spans.flatMap((span) => [
        { name: 'majority', accuracy: majority, ...span },
        { name: 'chance', accuracy: chance, ...span },
      ]),
    },
    mark: { type: 'rule' as const, color: colors.muted, strokeWidth: 1.25 },
    encoding: {
      ...channels,
      strokeDash: {
        field: 'name',
        type: 'nominal' as const,
        legend: null,
        scale: {
          domain: ['majority', 'chance'],
          range: [
            [7, 3],
            [2, 3],
          ],
        },
      },
    },
  };
}
