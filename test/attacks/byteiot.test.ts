import { expect, it } from 'vitest';
import byteiot from '../../attacks/byteiot.js';
import { NO_DEVICE } from '../../src/trace/trace.js';
import { makeTrace } from '../support/make-trace.js';
import { runAttack } from '../support/run-attack.js';

const devices = ['a', 'b'];
/** Packets of a device in window number `window` of 10 s, one a second. */
const packets = (window: number, device: number, lengths: number[]) =>
  lengths.map((length, i) => ({ time: 10 * window + i, device, length }));
const given = { seconds: 10 };

it('names the device whose single window is most alike, not the one that is alike on average', async () => {
  // Device 0 does two things, and its mean is just what device 1 does.
  const train = makeTrace(
    [
      ...packets(0, 0, [100, 100, 100, 100]),
      ...packets(1, 0, [200, 200, 200, 200]),
      ...packets(2, 1, [100, 100, 200, 200]),
    ],
    { devices },
  );
  const asked = makeTrace([...packets(0, 0, [200, 200, 200, 200]), ...packets(5, 0, [100, 200])], { devices });
  const { answers, predicted } = await runAttack(byteiot, given, 'home', train, asked);
  expect(predicted).toEqual([0, 1]);
  // The other windows are at root(1 - root(1/2)) both.
  expect(answers[0]! / answers[1]!).toBeCloseTo(Math.sqrt(1 - Math.SQRT1_2) / 1e-6, -2);
});

it('has no answer for lengths that nobody sends, nor a direction that nobody sends them in', async () => {
  const train = makeTrace([...packets(0, 0, [100, 300]), ...packets(1, 1, [200])], { devices });
  const inbound = packets(5, 0, [200]).map((packet) => ({ ...packet, direction: 0 }));
  const asked = makeTrace([...packets(0, 0, [101]), ...inbound], { devices });
  const { answers } = await runAttack(byteiot, given, 'home', train, asked);
  expect([...answers]).toEqual([0, 0, 0, 0]);
});

it('remembers as many windows as it is told', async () => {
  const train = makeTrace([...packets(0, 0, [100]), ...packets(1, 1, [200])], { devices });
  const { answers } = await runAttack(byteiot, { ...given, windows: 1 }, 'home', train, train);
  // One of the two windows was forgotten, and with it the device.
  expect([...answers].filter((one) => one > 0)).toEqual([1]);
});

it('needs something to learn', async () => {
  const strangers = makeTrace([{ time: 0, device: NO_DEVICE }], { devices });
  await expect(runAttack(byteiot, given, 'home', strangers, strangers)).rejects.toThrow(
    'fit byteiot: expected labelled traffic to train on, found none',
  );
});
