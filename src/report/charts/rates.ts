import type { Colors } from '../kit/theme.js';

/** What takes no traffic to reach: naming a device by chance, or the commonest one always. */
export interface Rates {
  readonly chance: number;
  readonly majority: number;
}

/**
 * The layer of the two as lines across the plot, dotted and dashed.
 * @param channels of the field `accuracy`, and how far the lines go
 * @param spans fields of the parts of each line, where it is interrupted
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
