// An attack in one file: names the device that used a port and a length most often in training.
//   node examples/attack.js                                                               measures it beside the random forest
//   homeveil bench --quick --plugin examples/attack.js --attack random-forest lookup      uses it as a plug-in
import { defineAttack, InputError, NO_CLASS, rowsInWindows } from 'homeveil/plugin';
import { z } from 'zod';

const attack = defineAttack({
  name: 'lookup',
  summary: 'Looks up which device used a port, direction and length most often.',
  source: 'our choice, an example',
  parameters: z.object({
    bin: z.number().int().min(1).max(1514).default(8).describe('lengths are counted in bins of so many bytes'),
  }),

  async fit(train, _validation, { parameters: { bin } }) {
    const classes = train.classes.length;
    const keyOf = ({ port, direction, length }, row) =>
      `${port[row]} ${direction[row]} ${Math.floor(length[row] / bin)}`;
    const counts = new Map();
    const all = new Float64Array(classes);
    for (const row of rowsInWindows(train)) {
      const label = train.label[row];
      if (label === NO_CLASS) continue;
      const key = keyOf(train.packets, row);
      if (!counts.has(key)) counts.set(key, new Float64Array(classes));
      counts.get(key)[label]++;
      all[label]++;
    }
    if (counts.size === 0) throw new InputError('lookup: expected labelled packets to train on, found none');
    return {
      async predict({ packets }) {
        const probabilities = new Float32Array(packets.rows * classes);
        for (let row = 0; row < packets.rows; row++) {
          const seen = counts.get(keyOf(packets, row)) ?? all;
          const sum = seen.reduce((a, b) => a + b, 0);
          for (let c = 0; c < classes; c++) probabilities[row * classes + c] = seen[c] / sum;
        }
        return probabilities;
      },
    };
  },
});

export default attack;

if (process.argv[1] === import.meta.filename) {
  const { addPlugins, resolveSpec, runBench } = await import('homeveil');
  const plugins = addPlugins({ attacks: [attack] });
  const request = {
    hours: 0.5,
    attacks: ['random-forest:trees=10', 'lookup'],
    defenses: ['none'],
    adversaries: ['static'],
  };
  const { cells } = await runBench(resolveSpec(request, plugins), { plugins, threads: 1 });
  for (const { attack, identification } of cells) {
    console.log(`${attack}: ${(100 * identification.accuracy).toFixed(1)} % of the packets named right`);
  }
}
