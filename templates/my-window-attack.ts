import { defineAttack, InputError, labelWindows, NO_CLASS, type Windows } from 'homeveil/plugin';
import { z } from 'zod';

/** Statistics of a window, of packets from..to-1: what tells one device's windows from another's. */
const STATISTICS: readonly ((windows: Windows, from: number, to: number) => number)[] = [
  ({ packets }, from, to) => mean(packets.length.subarray(from, to)),
  ({ packets }, from, to) => mean(packets.direction.subarray(from, to)),
  ({ time }, from, to) => Math.log1p(time[to - 1]! - time[from]!),
];

/**
 * Nearest centroid of a few statistics of a window. Replace this with what yours does, and its known limits. What an attack is given, and
 * what it owes, is in docs/writing-an-attack.md.
 */
export default defineAttack({
  name: 'my-attack',
  summary: 'Nearest centroid of windows: mean length, share outbound, duration.',
  // Paper and section, or "our choice".
  source: 'our choice, an example',
  // Each parameter has a default and a description with its unit, each number both bounds: from this come the notation
  // my-attack:packets=50, its error messages, and what `homeveil list` says.
  parameters: z.object({
    packets: z.int().min(1).max(65_535).default(20).describe('packets in a window'),
  }),
  // A row of answers is about a window, not about a packet.
  answers: 'window',
  // Windows of one device where the observer tells devices apart, else of one flow. Without 'home' at the end it is not run in a tunnel.
  cut: ({ packets }) => ({ streams: ['single', 'flow'], size: packets }),

  /** All chance comes from `rng` of the third argument; this attack needs none. */
  async fit(train) {
    const label = labelWindows(train);
    const known = [...label.keys()].filter((window) => label[window] !== NO_CLASS);
    if (known.length === 0) throw new InputError('my-attack: expected labelled packets to train on, found none');
    const statistics = summarize(train);
    // In units of their deviation all statistics weigh alike.
    const scales = statistics.map((values) => deviation(known.map((window) => values[window]!)) || 1);
    const centroids = train.classes.map((_, c) => {
      const own = known.filter((window) => label[window] === c);
      // A class that never occurs has no centroid.
      return own.length === 0 ? null : statistics.map((values) => mean(own.map((window) => values[window]!)));
    });

    return {
      /** A row of probabilities for each window, in the order of the classes. Nothing says here what is what. */
      async predict(windows) {
        const asked = summarize(windows);
        const rows = Array.from(windows.start, (_, window) => {
          const distances = centroids.map((centroid) =>
            centroid === null
              ? Number.POSITIVE_INFINITY
              : asked.reduce((sum, values, i) => sum + ((values[window]! - centroid[i]!) / scales[i]!) ** 2, 0),
          );
          const nearest = Math.min(...distances);
          const weights = distances.map((distance) => Math.exp((nearest - distance) / 2));
          const sum = weights.reduce((a, b) => a + b, 0);
          return weights.map((weight) => weight / sum);
        });
        return Float32Array.from(rows.flat());
      },
    };
  },
});

/** The statistics of all windows, one array each. */
function summarize(windows: Windows): number[][] {
  return STATISTICS.map((statistic) =>
    Array.from(windows.start, (from, window) => statistic(windows, from, from + windows.count[window]!)),
  );
}

function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}
