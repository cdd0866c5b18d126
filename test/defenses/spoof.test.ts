import { describe, expect, test } from 'vitest';
import spoof from '../../defenses/spoof.js';
import { NO_DEVICE, type Trace } from '../../src/trace/trace.js';
import { coverRows, runDefense } from '../support/run-defense.js';
import { makeTrace, type Packet } from '../support/traces.js';

/** 1000 s: the lamp sends a packet a second, the plug a question and an answer every 10 s, each of a length of its own. */
const lamp = Array.from({ length: 1000 }, (_, i): Packet => ({ time: 5e6 + i, length: 100 + (i % 7), flow: 0 }));
const plug = Array.from({ length: 100 }, (_, i): Packet[] => [
  { time: 5e6 + 10 * i + 0.3, length: 600 + i, flow: 1, device: 1 },
  { time: 5e6 + 10 * i + 0.4, length: 800 + i, flow: 2, device: 1, out: false },
]).flat();
const inOrder = (packets: readonly Packet[]) => makeTrace([...packets].sort((a, b) => a.time - b.time));
const training = inOrder([...lamp, ...plug]);

const silent = (seconds: number): Trace => makeTrace([0, seconds].map((time) => ({ time: 9e6 + time, length: 77 })));

const coverOf = async (given: Record<string, unknown>, trace: Trace, options = {}) => {
  const { trace: defended } = await runDefense(spoof, given, trace, { training, ...options });
  return coverRows(defended).map((row) => ({
    time: defended.time[row]! - 9e6,
    length: defended.length[row]!,
    direction: defended.direction[row]!,
    port: defended.port[row]!,
    flow: defended.flow[row]!,
    device: defended.device[row]!,
  }));
};

describe('a false device', () => {
  const always = { devices: 1, device: 'plug', share: 1, stretch: 100 };

  test('plays stretches of the one that it learned from, packet by packet', async () => {
    const cover = await coverOf(always, silent(1999));
    expect(cover.length).toBe(400);
    const starts = new Set<number>();
    for (const [i, { time, length, direction, port, device }] of cover.entries()) {
      const stretch = Math.floor(i / 20);
      const packet = i % 20;
      // The first packet of the stretch says which one it is. Its times are relative to the plug's first packet.
      const number = (cover[stretch * 20]!.length - 600) / 10;
      expect(Number.isInteger(number)).toBe(true);
      starts.add(number);
      const [question, order] = [packet % 2 === 0, Math.floor(packet / 2)];
      expect(time).toBeCloseTo(stretch * 100 + 10 * order + (question ? 0 : 0.1), 6);
      expect([length, direction, port, device]).toEqual(
        question ? [600 + 10 * number + order, 1, 1001, NO_DEVICE] : [800 + 10 * number + order, 0, 1002, NO_DEVICE],
      );
    }
    expect(starts.size).toBeGreaterThan(5);
  });

  test('opens its flows anew for each stretch', async () => {
    const cover = await coverOf(always, silent(999));
    expect(new Set(cover.map(({ flow }) => flow)).size).toBe(20);
    expect(Math.min(...cover.map(({ flow }) => flow))).toBeGreaterThanOrEqual(4);
  });

  test.each([0.2, 0.5, 0.9])('is there for a share of %d of the time', async (share) => {
    const seconds = 400_000;
    const cover = await coverOf({ devices: 1, device: 'lamp', share, stretch: 100 }, silent(seconds));
    // A packet a second while it is there; some 4000 / (1 - share) breaks.
    expect(Math.abs(cover.length / seconds - share)).toBeLessThan(0.03);
  });
});

test('without a name each false device plays another real one', async () => {
  const cover = await coverOf({ devices: 2, share: 1, stretch: 100 }, silent(300));
  expect(new Set(cover.map(({ port }) => port))).toEqual(new Set([1000, 1001, 1002]));
});

test('learns from the training traffic alone', async () => {
  const given = { devices: 2, share: 0.5, stretch: 50 };
  const other = inOrder([
    ...Array.from({ length: 500 }, (_, i): Packet => ({ time: 9e6 + 4 * i, length: 300 + i, flow: 2, device: 1 })),
    { time: 9e6 + 2000, length: 60 },
  ]);
  expect(await coverOf(given, other)).toEqual(await coverOf(given, silent(2000)));
});

describe('is refused in one line', () => {
  const refused = (given: Record<string, unknown>, from: Trace | null) =>
    expect(runDefense(spoof, given, silent(10), { training: from })).rejects;

  test('without training traffic', async () => {
    await refused({}, null).toThrow('defense spoof: expected training traffic to learn from, found none');
  });

  test('without a device that sends enough through the gateway', async () => {
    const few = makeTrace([
      ...plug.slice(0, 9),
      ...Array.from({ length: 50 }, () => ({ time: 6e6, length: 60, flow: 3 })),
    ]);
    await refused({}, few).toThrow(
      /^defense spoof: expected a device with at least 10 packets of TCP or UDP .*, found none$/,
    );
    const some = inOrder([...lamp, ...plug.slice(0, 9)]);
    await refused({ device: 'plug' }, some).toThrow(
      /^defense spoof: device: expected at least 10 packets .*, found 9 of "plug"$/,
    );
  });

  test('for a device that there is not', async () => {
    const expected = 'defense spoof: device: expected one of lamp, plug, found "lam" (did you mean "lamp"?)';
    await refused({ device: 'lam' }, training).toThrow(expected);
  });
});

test('no false device needs no training', async () => {
  expect(await coverOf({ devices: 0 }, silent(10), { training: null })).toEqual([]);
});
