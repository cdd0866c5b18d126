import { describe, expect, it } from 'vitest';
import rateKnn from '../../attacks/rate-knn.js';
import { NO_DEVICE } from '../../src/trace/trace.js';
import { makeTrace } from '../support/make-trace.js';
import { runAttack } from '../support/run-attack.js';

const devices = ['steady', 'bursty', 'listener'];
const given = { seconds: 10 };
/** A window of 10 s of each device at `begin`: the same lengths, and in bursts or not, outbound or not. */
const windowsAt = (begin: number) => [
  ...Array.from({ length: 10 }, (_, i) => ({ time: begin + i, device: 0, length: 500 })),
  ...Array.from({ length: 10 }, (_, i) => ({ time: begin + 10 + i / 100, device: 1, length: 500 })),
  ...Array.from({ length: 10 }, (_, i) => ({ time: begin + 20 + i, device: 2, length: 500, direction: 0 })),
];
const train = makeTrace([0, 30, 60].flatMap(windowsAt), { devices });

describe('rate-knn', () => {
  it('tells apart who sends the same bytes in bursts, and who receives them', async () => {
    const { predicted } = await runAttack(rateKnn, given, 'home', train, makeTrace(windowsAt(0), { devices }));
    expect(predicted).toEqual([0, 1, 2]);
  });

  it('sees bytes, not packets: a second counts as a whole', async () => {
    // Ten packets of 50 bytes in each second are the steady device's 500 bytes.
    const small = Array.from({ length: 100 }, (_, i) => ({ time: i / 10, length: 50 }));
    const { predicted } = await runAttack(rateKnn, given, 'home', train, makeTrace(small, { devices }));
    expect(predicted).toEqual([0]);
  });

  it('shares the answer among three windows', async () => {
    const few = makeTrace(windowsAt(0), { devices });
    const { answers } = await runAttack(rateKnn, given, 'home', few, makeTrace(windowsAt(0).slice(0, 10), { devices }));
    expect([...answers].map((one) => one.toFixed(2))).toEqual(['0.33', '0.33', '0.33']);
    const one = await runAttack(rateKnn, { ...given, neighbours: 1 }, 'home', few, few);
    expect([...one.answers]).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
  });

  it('needs something to learn', async () => {
    const strangers = makeTrace([{ time: 0, device: NO_DEVICE }], { devices });
    await expect(runAttack(rateKnn, given, 'home', strangers, strangers)).rejects.toThrow(
      'fit rate-knn: expected labelled traffic to train on, found none',
    );
  });
});
