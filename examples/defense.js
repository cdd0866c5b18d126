// A defense in one file: pads each packet to a multiple of a step, and holds it until the next tick of a clock.
//   node examples/defense.js                                                     measures it
//   homeveil bench --quick --plugin examples/defense.js --defense none grid      uses it as a plug-in
import { defineDefense } from 'homeveil/plugin';
import { z } from 'zod';

const defense = defineDefense({
  name: 'grid',
  summary: 'Pads packets to multiples of a step and sends them at ticks of a clock.',
  source: 'our choice, an example',
  scope: 'home',
  removedAt: 'tunnel end',
  parameters: z.object({
    step: z.number().int().min(1).max(1514).default(256).describe('frames are padded to a multiple of so many bytes'),
    period: z.number().min(0).max(10).default(0.05).describe('seconds from one tick to the next; 0: no packet waits'),
  }),
  neutral: { step: 1, period: 0 },

  create({ step, period }) {
    let held = [];
    const padded = ({ length }) => Math.max(length, Math.min(1514, Math.ceil(length / step) * step));
    return {
      packet(p, link) {
        if (period === 0) return link.send(p, padded(p));
        held.push(p);
        if (held.length === 1) link.wakeAt(Math.ceil(link.now / period) * period);
      },
      wake(link) {
        for (const p of held) link.send(p, padded(p));
        held = [];
      },
    };
  },
});

export default defense;

if (process.argv[1] === import.meta.filename) {
  const { costOf, createRng, generateHome, shape } = await import('homeveil');
  const home = generateHome({ hours: 1, seed: 1 });
  for (const step of [64, 256, 1514]) {
    const { bandwidthOverhead, addedDelay } = costOf(
      shape(home, defense, { step, period: 0.05 }, { rng: createRng(1) }),
      home,
    );
    console.log(
      `step ${step}: ${(100 * bandwidthOverhead).toFixed(1)} % more bytes, delay p95 ${addedDelay.p95.toFixed(3)} s`,
    );
  }
}
