import { defineAttack, InputError, NO_CLASS, rowsInWindows, type Windows } from 'homeveil/plugin';
import { z } from 'zod';

/** The features of a packet, each with few values, so that they can be counted. */
const FEATURES: readonly ((packets: Windows['packets'], row: number) => number)[] = [
  ({ port }, row) => port[row]!,
  ({ direction, length }, row) => direction[row]! + 2 * Math.floor(length[row]! / 16),
  ({ protocols }, row) => protocols[row]!,
];

/**
 * Naive Bayes on single packets. Replace this with what yours does, and its known limits. What an attack is given, and what it
 * owes, is in docs/writing-an-attack.md.
 */
export default defineAttack({
  name: 'my-attack',
  summary: 'Naive Bayes on single packets: port, protocols, direction with length.',
  // Paper and section, or "our choice".
  source: 'our choice, an example',
  // Each parameter has a default and a description with its unit, each number both bounds: from this come the notation
  // my-attack:smoothing=2, its error messages, and what `homeveil list` says.
  parameters: z.object({
    smoothing: z.number().min(1e-3).max(1000).default(1).describe('packets of each class assumed for every value'),
  }),

  /** All chance comes from `rng` of the third argument; this attack needs none. */
  async fit(train, _validation, { parameters: { smoothing } }) {
    const classes = train.classes.length;
    const packets = new Float64Array(classes);
    const counts = FEATURES.map(() => new Map<number, Float64Array>());
    for (const row of rowsInWindows(train)) {
      const c = train.label[row]!;
      // Packets of no class are seen, but not to be learnt.
      if (c === NO_CLASS) continue;
      packets[c]!++;
      for (const [i, feature] of FEATURES.entries()) {
        const value = feature(train.packets, row);
        const known = counts[i]!.get(value) ?? new Float64Array(classes);
        known[c]!++;
        counts[i]!.set(value, known);
      }
    }
    const all = packets.reduce((a, b) => a + b, 0);
    if (all === 0) throw new InputError('my-attack: expected labelled packets to train on, found none');

    return {
      /** A row of probabilities for each packet, in the order of the classes. Nothing says here what is what. */
      async predict(windows) {
        const probabilities = new Float32Array(windows.packets.rows * classes);
        for (let row = 0; row < windows.packets.rows; row++) {
          const seen = FEATURES.map((feature, i) => counts[i]!.get(feature(windows.packets, row)));
          // A class that never occurred has no packets, and so the logarithm of nothing.
          const scores = Array.from(packets, (own, c) =>
            seen.reduce(
              (sum, known, i) =>
                sum + Math.log(((known?.[c] ?? 0) + smoothing) / (own + smoothing * (counts[i]!.size + 1))),
              Math.log(own / all),
            ),
          );
          const best = Math.max(...scores);
          const weights = scores.map((score) => Math.exp(score - best));
          const sum = weights.reduce((a, b) => a + b, 0);
          for (const [c, weight] of weights.entries()) probabilities[row * classes + c] = weight / sum;
        }
        return probabilities;
      },
    };
  },
});
