import fc from 'fast-check';
import { expect, test } from 'vitest';
import dummy from '../../defenses/dummy.js';
import front from '../../defenses/front.js';
import wtfPad from '../../defenses/wtf-pad.js';
import type { Defense } from '../../src/shaping/shaper.js';
import { coverRows, runDefense } from '../support/run-defense.js';
import { anyTrace } from '../support/traces.js';

/** Cover that is drawn from the past is a copy of a real packet that passed its shaper before, in all that shows. */
test.each<[string, Record<string, unknown>, Defense]>([
  ['dummy', {}, dummy],
  ['dummy', { timing: 'fixed', rate: 5 }, dummy],
  ['front', { client: 20, server: 20 }, front],
  ['front', { client: 20, server: 20, per: 'home' }, front],
  ['wtf-pad', {}, wtfPad],
  ['wtf-pad', { per: 'home' }, wtfPad],
])('%s %j: cover is the double of an earlier packet', async (_, given, defense) => {
  await fc.assert(
    fc.asyncProperty(anyTrace, fc.nat(1000), async (trace, seed) => {
      const { trace: defended } = await runDefense(defense, given, trace, { seed });
      const { length, direction, protocols, port, flow, device, cover } = defended;
      const seen = new Set<string>();
      for (let row = 0; row < defended.packets; row++) {
        const shown = [length[row], direction[row], protocols[row], port[row], flow[row], device[row]].join();
        if (cover[row] === 0) seen.add(shown);
        else expect(seen.has(shown), shown).toBe(true);
      }
    }),
    { numRuns: 40 },
  );
});

test.each<[string, Defense]>([dummy, front, wtfPad].map((defense) => [defense.name, defense as Defense]))(
  '%s: real packets pass at once and as they are',
  async (_, defense) => {
    await fc.assert(
      fc.asyncProperty(anyTrace, async (trace) => {
        const { trace: defended } = await runDefense(defense, {}, trace);
        const covered = new Set(coverRows(defended));
        const real = [...defended.time.keys()].filter((row) => !covered.has(row));
        for (const name of ['time', 'length', 'direction', 'flow', 'device'] as const) {
          expect(real.map((row) => defended[name][row])).toEqual([...trace[name]]);
        }
      }),
      { numRuns: 20 },
    );
  },
);
