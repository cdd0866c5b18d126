import { describe, expect, it } from 'vitest';
import peekABoo from '../../attacks/peek-a-boo.js';
import { NO_DEVICE } from '../../src/trace/trace.js';
import { makeTrace } from '../support/make-trace.js';
import { runAttack } from '../support/run-attack.js';

const devices = ['plain', 'varied', 'slow'];
/** A window of 10 s of each device at `begin`: of one mean length, but with another deviation, or another interval. */
const windowsAt = (begin: number) => [
  ...Array.from({ length: 8 }, (_, i) => ({ time: begin + i, device: 0, length: 500 })),
  ...Array.from({ length: 8 }, (_, i) => ({ time: begin + 10 + i, device: 1, length: i % 2 ? 400 : 600 })),
  ...Array.from({ length: 4 }, (_, i) => ({ time: begin + 20 + 2 * i, device: 2, length: 500 })),
];
const train = makeTrace(Array.from({ length: 20 }, (_, i) => windowsAt(30 * i)).flat(), { devices });

describe.each(['forest', 'neighbours'])('peek-a-boo by %s', (classifier) => {
  const given = { seconds: 10, trees: 20, classifier };

  it('tells apart devices of one mean length by deviation and interval', async () => {
    const asked = makeTrace(windowsAt(0), { devices });
    const { answers, predicted } = await runAttack(peekABoo, given, 'home', train, asked);
    expect(predicted).toEqual([0, 1, 2]);
    for (const window of [0, 1, 2]) expect(answers[4 * window]).toBeGreaterThan(0.9);
  });

  it('knows a single packet by its length alone', async () => {
    const alone = [0, 1, 2].map((device) => ({ time: 20 * device, device, length: 100 + 400 * device }));
    const trace = makeTrace(
      Array.from({ length: 20 }, (_, i) => alone.map((one) => ({ ...one, time: one.time + 60 * i }))).flat(),
      { devices },
    );
    const { predicted } = await runAttack(peekABoo, given, 'home', trace, makeTrace(alone, { devices }));
    expect(predicted).toEqual([0, 1, 2]);
  });

  it('needs something to learn', async () => {
    const strangers = makeTrace([{ time: 0, device: NO_DEVICE }], { devices });
    await expect(runAttack(peekABoo, given, 'home', strangers, strangers)).rejects.toThrow(
      'fit peek-a-boo: expected labelled traffic to train on, found none',
    );
  });
});
